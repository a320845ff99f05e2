"""report.json: the Analysis as a document for programs. `docs/report-schema.md` is its contract.

Values stand here at full precision; only texts are rounded. Nothing is measured here that was measured before.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np

from domain.analysis import DISCLAIMER, Analysis, Step
from domain.errors import SpacingMissing
from domain.finding import Finding, Measurement
from domain.geometry import Geometry
from domain.mask import Mask, Quality
from domain.study import Order, Priority, Refusal, Series
from tools.derived_uid import derived_uuid

SCHEMA_VERSION = "1.0"

Document = dict[str, object]


def report_document(analysis: Analysis, warnings: Sequence[str] = ()) -> Document:
    """The report of an analysis; `warnings` are added to its own."""
    study = analysis.study
    return _plain_object(
        {
            **_head(analysis.analysis_id, analysis.created, analysis.order, str(analysis.status)),
            "study_uid": study.study_uid,
            "patient_id": study.patient.patient_id,
            "accession_number": study.accession_number or analysis.order.accession_number,
            "modality": "/".join(_distinct(s.modality for s in study.series)),
            "body_part": "/".join(_distinct(s.body_part for s in study.series)),
            "planner": analysis.planner,
            "model_versions": dict(analysis.model_versions),
            "disclaimer": analysis.disclaimer,
            "summary": analysis.summary,
            "needs_review": analysis.needs_review,
            "critical": [plain(c) for c in analysis.critical],
            "findings": [_finding(f) for f in analysis.findings],
            "measurements": [_measurement(m) for m in analysis.measurements],
            "features": [plain(f) for f in analysis.features],
            "changes": [vars(c) for c in analysis.changes],
            "masks": [_mask(m, analysis.measurements) for m in analysis.masks],
            "unanswered": list(analysis.unanswered),
            "warnings": list(all_warnings(analysis, warnings)),
            "refused": [_refusal(r) for r in analysis.refused],
            "prompts": [vars(p) for p in analysis.prompts],
            "refinements": [vars(r) for r in analysis.refinements],
            "usage": dict(analysis.usage),
            "series": [_series(s) for s in study.series],
            "steps": [_step(s) for s in analysis.steps],
        }
    )


def refusal_document(refused: Sequence[Refusal], order: Order, *, when: datetime, summary: str) -> Document:
    """The report where nothing in the input could be used."""
    analysis_id = str(derived_uuid(when.isoformat(), "\n".join(r.file for r in refused)))
    return _plain_object(
        {
            **_head(analysis_id, when, order, "rejected"),
            **dict.fromkeys(("study_uid", "patient_id", "accession_number", "modality", "body_part", "planner"), ""),
            "model_versions": {},
            "disclaimer": DISCLAIMER,
            "summary": summary,
            "needs_review": False,
            **{key: [] for key in ("critical", "findings", "measurements", "features", "changes", "masks")},
            **{key: [] for key in ("unanswered", "warnings")},
            "refused": [_refusal(r) for r in refused],
            **{key: [] for key in ("prompts", "refinements", "series", "steps")},
            "usage": {},
        }
    )


def all_warnings(analysis: Analysis, more: Sequence[str] = ()) -> tuple[str, ...]:
    """Warnings of the analysis, its study, its series, and `more`, each once."""
    of_series = (w for series in analysis.study.series for w in series.warnings)
    # A run names the series in front of its warnings ("series-1: …"): said once is enough.
    unsaid = (w for w in of_series if not any(said.endswith(w) for said in analysis.warnings))
    return tuple(_distinct([*analysis.warnings, *analysis.study.warnings, *unsaid, *more]))


def mask_size(mask: Mask, measurements: Iterable[Measurement]) -> tuple[str, float] | None:
    """("area_mm2" or "volume_ml", value): as measured, else from the geometry; None without a physical size."""
    for measurement in measurements:
        if measurement.mask_id == mask.mask_id and measurement.name in {"area", "volume"}:
            return ("area_mm2" if measurement.name == "area" else "volume_ml"), measurement.value
    try:
        return _size_of_geometry(mask.geometry, mask)
    except SpacingMissing:
        return None


def _size_of_geometry(geometry: Geometry, mask: Mask) -> tuple[str, float] | None:
    if geometry.slices == 1:
        return "area_mm2", mask.voxel_count * geometry.pixel_area_mm2
    voxels = np.count_nonzero(mask.array, axis=(1, 2))
    if not bool(np.all(geometry.slice_gaps_mm > 0)):
        return None
    return "volume_ml", float(voxels @ geometry.slice_extents_mm()) * geometry.pixel_area_mm2 / 1000


def _head(analysis_id: str, created: datetime, order: Order, status: str) -> Document:
    return {
        "schema_version": SCHEMA_VERSION,
        "analysis_id": analysis_id,
        "created": created,
        "status": status,
        "priority": str(order.priority or Priority.ROUTINE),
        "indication": order.indication,
        "requested_prompts": list(order.prompts),
    }


def _finding(finding: Finding) -> Document:
    place: Document = {}
    if finding.boxes:
        edges = [[box.left, box.top, box.right, box.bottom] for box in finding.boxes]
        place = {"series_uid": finding.series_uid, "boxes": edges}
    return {
        "id": finding.finding_id,
        "text": finding.text,
        "evidence": list(finding.evidence),
        "confidence": finding.confidence,
        "qa": str(finding.quality),
        **place,
    }


def _measurement(measurement: Measurement) -> Document:
    return {
        "name": measurement.name,
        "target": measurement.target,
        "value": measurement.value,
        "unit": str(measurement.unit),
        "method": measurement.method,
        "series_uid": measurement.series_uid,
        "source": measurement.source,
        "mask_id": measurement.mask_id,
        "step_id": measurement.step_id,
    }


def _mask(mask: Mask, measurements: Sequence[Measurement]) -> Document:
    size = mask_size(mask, measurements)
    return {
        "id": mask.mask_id,
        "target": mask.target,
        "category": mask.category,
        "series_uid": mask.series_uid,
        "voxel_count": mask.voxel_count,
        **({size[0]: size[1]} if size else {}),
        "model": mask.model,
        "step_id": mask.step_id,
        "qa": _quality(mask.quality),
    }


def _quality(quality: Quality | None) -> Document:
    if quality is None:
        return {"outcome": "review", "reasons": ["Not judged."], "confidence": None, "confidence_source": ""}
    return {
        "outcome": str(quality.outcome),
        "reasons": list(quality.reasons),
        "confidence": quality.confidence,
        "confidence_source": quality.confidence_source,
    }


def _refusal(refusal: Refusal) -> Document:
    return {"file": refusal.file, "reason": refusal.reason, "remedy": refusal.remedy}


def _series(series: Series) -> Document:
    geometry = series.geometry
    return {
        "series_uid": series.series_uid,
        "modality": series.modality,
        "body_part": series.body_part,
        "shape": list(geometry.shape),
        "pixel_spacing_mm": list(geometry.pixel_spacing_mm) if geometry.pixel_spacing_mm else None,
        "slice_spacing_mm": geometry.slice_spacing_mm,
        "source_format": series.source_format,
        "warnings": list(series.warnings),
    }


def _step(step: Step) -> Document:
    return {
        "id": step.step_id,
        "agent": step.agent,
        "tool": step.tool,
        "model": step.model,
        "started": step.started,
        "seconds": step.seconds,
        "ok": step.ok,
        "error": step.error,
    }


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(v for v in values if v))


def _plain_object(document: Document) -> Document:
    return {key: plain(value) for key, value in document.items()}


def plain(value: object) -> object:
    """A value as JSON knows it: aware times in ISO 8601, numpy scalars as numbers, NaN and infinity as null."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    return str(value)
