"""What a stored analysis says about the target or sentence that is judged: nothing of it comes from a client."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.mask import Outcome
from domain.model import Window
from memory.errors import FeedbackRefused
from memory.prompt_advice import region_of, window_named
from memory.record import Setting
from tools.windowing import CT_WINDOWS

Document = Mapping[str, Any]

_STEP = re.compile(r" \((s\d+)\)$")


@dataclass(frozen=True)
class Reviewed:
    """One target of an analysis.

    Attributes:
        used: how it was asked for; a window only where one was asked for instead of the rule.
        reason: of its prompt, without the step.
        outcome: of QA, None where there is no mask.
        shape: slices, rows, columns of its series.
        voxels: of its mask; None where there is no mask.
    """

    target: str
    series_uid: str
    modality: str
    region: str
    used: Setting
    reason: str
    model: str
    outcome: Outcome | None
    shape: tuple[int, int, int]
    mask_id: str
    voxels: int | None


def reviewed(document: Document, mask_id: str, target: str = "", series_uid: str = "") -> Reviewed:
    """The target that a mask id, or a target's name, means.

    Raises:
        FeedbackRefused: the analysis has no such target, or several.
    """
    mask = _mask(document, mask_id, target.lower(), series_uid)
    target, series_uid = (mask["target"], mask["series_uid"]) if mask else (target.lower(), series_uid)
    rows = [r for r in document.get("prompts", ()) if r["target"] == target and series_uid in ("", r["series_uid"])]
    if not rows:
        raise FeedbackRefused("This analysis asked no model for such a target.", where="target")
    if len({r["series_uid"] for r in rows}) > 1:
        raise FeedbackRefused("Several series were asked for this target.", where="series_uid", remedy="Name one.")
    step_id = str(mask.get("step_id", "")) if mask else ""
    row = next((r for r in rows if step_id and _step_of(r) == step_id), rows[-1])
    series = _series(document, row["series_uid"])
    return Reviewed(
        target=target,
        series_uid=row["series_uid"],
        modality=str(series.get("modality", "")),
        region=region_of(str(series.get("body_part", ""))),
        used=Setting(row["text"], _asked_window(document, row)),
        reason=_STEP.sub("", row["reason"]),
        model=str(mask.get("model", "")) if mask else "",
        outcome=Outcome(mask["qa"]["outcome"]) if mask else None,
        shape=_shape(series),
        mask_id=str(mask.get("id", "")) if mask else "",
        voxels=int(mask["voxel_count"]) if mask else None,
    )


def sentence(document: Document, finding_id: str) -> str:
    """The text of a finding. Raises FeedbackRefused."""
    for finding in document.get("findings", ()):
        if finding_id and finding.get("id") == finding_id:
            return str(finding["text"])
    raise FeedbackRefused("This analysis has no such finding.", where="finding_id")


def _mask(document: Document, mask_id: str, target: str, series_uid: str) -> dict[str, Any] | None:
    masks = list(document.get("masks", ()))
    if mask_id:
        found = [m for m in masks if m.get("id") == mask_id]
        if not found:
            raise FeedbackRefused("This analysis has no such mask.", where="mask_id")
        return dict(found[0])
    if not target:
        raise FeedbackRefused("Feedback of this kind names a mask or a target.", where="mask_id")
    found = [m for m in masks if m["target"] == target and series_uid in ("", m["series_uid"])]
    return dict(found[0]) if len(found) == 1 else None


def _asked_window(document: Document, row: Document) -> Window | None:
    """A window that took the rule's place: advised, or kept by a refinement."""
    name = row["window"]
    tries = document.get("refinements", ())
    refined = any(
        r["change"] == "window" and r["kept"] and r["after"] == name and (r["series_uid"], r["target"]) == _key(row)
        for r in tries
    )
    return window_named(name) or (CT_WINDOWS.get(name) if refined else None)


def _key(row: Document) -> tuple[str, str]:
    return row["series_uid"], row["target"]


def _step_of(row: Document) -> str:
    found = _STEP.search(row["reason"])
    return found[1] if found else ""


def _series(document: Document, series_uid: str) -> Document:
    return next((s for s in document.get("series", ()) if s["series_uid"] == series_uid), {})


def _shape(series: Document) -> tuple[int, int, int]:
    slices, rows, columns = (int(n) for n in series.get("shape", (0, 0, 0)))
    return slices, rows, columns
