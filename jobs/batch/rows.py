"""One analysis as rows of a table: a row a measurement, a row a finding, and one row where there is neither."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]

RESULTS: Mapping[str, type] = {
    "batch": str,
    "number": int,
    "study_uid": str,
    "patient": str,
    "kind": str,
    "series_uid": str,
    "target": str,
    "quantity": str,
    "value": float,
    "unit": str,
    "text": str,
    "confidence": float,
    "quality": str,
    "model": str,
    "model_version": str,
    "needs_review": bool,
    "warnings": int,
    "analysis_id": str,
    "status": str,
    "error": str,
    "remedy": str,
    "seconds": float,
}
"""Columns of the results and the types of their values; docs/batch.md tells what they mean."""
FAILURES: Mapping[str, type] = {
    "batch": str,
    "number": int,
    "study_uid": str,
    "file": str,
    "status": str,
    "reason": str,
    "remedy": str,
}
"""Columns of the failures."""


@dataclass(frozen=True)
class Pseudonyms:
    """Stable names for what names a patient; without the installation's key nobody finds the way back.

    Attributes:
        everywhere: UIDs and file names, too; else patients only.
    """

    key: bytes
    everywhere: bool = False

    def patient(self, patient_key: str, study_uid: str) -> str:
        """Of a patient; of a study's own where its source names no patient: nobody knows whether two are the same."""
        named = patient_key.rpartition("|")[2] != ""
        return self._name("patient", patient_key) if named else self._name("patient of study", study_uid)

    def uid(self, kind: str, uid: str) -> str:
        """A UID, or its pseudonym."""
        return self._name(kind, uid) if self.everywhere and uid else uid

    def file(self, name: str) -> str:
        """A file's name, or its pseudonym."""
        return self._name("file", name) if self.everywhere and name else name

    def _name(self, kind: str, value: str) -> str:
        digest = hmac.new(self.key, f"batch {kind}\n{value}".encode("utf-8", "replace"), hashlib.sha256)
        return f"{kind.partition(' ')[0]}-{digest.hexdigest()[:16]}"


def result_rows(document: Mapping[str, Any], common: Row, names: Pseudonyms) -> Iterator[Row]:
    """The rows of a report.json; `common` is what they share."""
    common = {
        **common,
        "needs_review": bool(document.get("needs_review", True)),
        "warnings": len(document.get("warnings", ())),
        "status": document.get("status", ""),
    }
    masks = {mask["id"]: mask for mask in document.get("masks", ())}
    models = {step["id"]: step.get("model", "") for step in document.get("steps", ())}
    empty = True
    for measured in document.get("measurements", ()):
        empty = False
        yield {**common, **_measurement(measured, masks.get(measured.get("mask_id", "")), models, names)}
    for found in document.get("findings", ()):
        empty = False
        yield {**common, **_finding(found, list(masks.values()), models, names)}
    if empty:
        yield {**common, "kind": "study", "text": "; ".join(map(str, document.get("unanswered", ())))}


def _measurement(
    measured: Mapping[str, Any], mask: Mapping[str, Any] | None, models: Mapping[str, str], names: Pseudonyms
) -> Row:
    quality = (mask or {}).get("qa") or {}
    model = (mask or {}).get("model") or models.get(measured.get("step_id", ""), "")
    return {
        "kind": "measurement",
        "series_uid": names.uid("series", measured.get("series_uid", "")),
        "target": measured.get("target", ""),
        "quantity": measured.get("name", ""),
        "value": measured.get("value"),
        "unit": measured.get("unit", ""),
        "confidence": quality.get("confidence"),
        "quality": quality.get("outcome", ""),
        **_model([model]),
    }


def _finding(
    found: Mapping[str, Any], masks: Sequence[Mapping[str, Any]], models: Mapping[str, str], names: Pseudonyms
) -> Row:
    evidence = [str(step) for step in found.get("evidence", ())]
    of = [mask for mask in masks if mask.get("step_id") in evidence]
    return {
        "kind": "finding",
        "series_uid": names.uid("series", _one({m.get("series_uid", "") for m in of})),
        "target": _one({m.get("target", "") for m in of}),
        "quantity": "finding",
        "text": found.get("text", ""),
        "confidence": found.get("confidence"),
        "quality": found.get("qa", ""),
        **_model([models.get(step, "") for step in evidence]),
    }


def _model(models: Sequence[str]) -> Row:
    """ "name@version" of each, taken apart; several are joined in the order of the steps."""
    told = list(dict.fromkeys(model for model in models if model))
    parts = [model.rpartition("@") if "@" in model else (model, "", "") for model in told]
    return {
        "model": "; ".join(name for name, _, _ in parts),
        "model_version": "; ".join(version for _, _, version in parts if version),
    }


def _one(values: set[str]) -> str:
    return values.pop() if len(values) == 1 else ""
