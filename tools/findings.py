"""Sentences that stand in the draft because steps support them: written from masks and measurements only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from domain.chest_report import Box
from domain.codes import Category, Unit
from domain.finding import Finding, Measurement
from domain.mask import Mask, Outcome, worst
from tools.anatomy import side_of

LESIONS = frozenset(
    {
        Category.TUMOR,
        Category.INFECTION,
        Category.OTHER_LESION,
        Category.FLUID,
        Category.OTHER_ABNORMALITY,
    }
)

_WORDS = {
    "area": "area",
    "volume": "volume",
    "long_axis": "longest diameter",
    "short_axis": "perpendicular diameter",
    "mean": "mean",
    "component_count": "separate parts",
}
_OF_LESIONS = frozenset({"long_axis", "short_axis", "component_count"})
"""Said of lesions only: the longest line through both lungs tells a reader nothing."""
_SYMBOLS = {Unit.MM: "mm", Unit.MM2: "mm²", Unit.ML: "mL", Unit.HU: "HU", Unit.ONE: "", Unit.PERCENT: "%"}


@dataclass(frozen=True)
class Drafted:
    """A sentence that a model drafted.

    Attributes:
        step_id: in which it did.
        series_uid, boxes: where it points, in source pixels; nothing where it points nowhere.
    """

    text: str
    step_id: str
    series_uid: str = ""
    boxes: tuple[Box, ...] = ()


def quantity(value: float, unit: Unit) -> str:
    """A number and its unit for a reader: three significant figures, whole numbers above 100."""
    text = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{text} {_SYMBOLS[unit]}".strip()


def findings_of(
    masks: Sequence[Mask],
    measured: Mapping[str, Sequence[Measurement]],
    derived: Sequence[tuple[Measurement, Sequence[str]]],
    quality_steps: Mapping[str, str],
    series_names: Mapping[str, str],
    statements: Sequence[Drafted] = (),
) -> tuple[Finding, ...]:
    """One finding a mask that QA did not reject, and one for each derived measurement.

    Args:
        masks: judged masks.
        measured: measurements by mask id.
        derived: measurements of several masks together (cardiothoracic ratio), with the ids of those masks.
        quality_steps: the QA step of each mask id.
        series_names: what a reader calls each series UID.
        statements: sentences that a model drafted; always for review.
    """
    findings: list[Finding] = []
    for mask in masks:
        quality = mask.quality
        if quality is not None and quality.outcome is Outcome.REJECT:
            continue
        numbers = measured.get(mask.mask_id, ())
        steps = [mask.step_id, quality_steps.get(mask.mask_id, ""), *(m.step_id for m in numbers)]
        findings.append(
            Finding(
                finding_id=f"f{len(findings) + 1}",
                text=_sentence(mask, numbers, series_names[mask.series_uid]),
                evidence=tuple(dict.fromkeys(s for s in steps if s)),
                confidence=quality.confidence if quality else None,
                quality=quality.outcome if quality else Outcome.REVIEW,
            )
        )
    by_id = {mask.mask_id: mask for mask in masks}
    for measurement, mask_ids in derived:
        name = measurement.name.replace("_", " ").capitalize()
        sources = [by_id[i] for i in mask_ids if i in by_id]
        steps = [*(m.step_id for m in sources), *(quality_steps.get(i, "") for i in mask_ids), measurement.step_id]
        findings.append(
            Finding(
                finding_id=f"f{len(findings) + 1}",
                text=f"{name}: {quantity(measurement.value, measurement.unit)} ({measurement.method}).",
                evidence=tuple(dict.fromkeys(s for s in steps if s)),
                quality=worst([m.quality.outcome if m.quality else Outcome.REVIEW for m in sources]),
            )
        )
    for said in statements:
        number = len(findings) + 1
        place = said.series_uid if said.boxes else ""
        findings.append(Finding(f"f{number}", said.text, (said.step_id,), series_uid=place, boxes=said.boxes))
    return tuple(findings)


def _sentence(mask: Mask, numbers: Sequence[Measurement], series_name: str) -> str:
    name = mask.target[:1].upper() + mask.target[1:]
    review = ""
    if mask.quality is not None and mask.quality.outcome is Outcome.REVIEW and mask.quality.reasons:
        review = f" For review: {mask.quality.reasons[0]}"
        review += "" if review.endswith(".") else "."
    if mask.voxel_count == 0:
        note = "; this does not exclude it" if mask.category in LESIONS else ""
        return f"{name}: nothing was outlined by {mask.model} in {series_name}{note}.{review}"
    by_name = {m.name: m for m in numbers}
    if "mean" in by_name and by_name["mean"].unit is not Unit.HU:
        del by_name["mean"]  # a grey value has no meaning beyond its own image
    shown = [by_name[n] for n in _WORDS if n in by_name and (n not in _OF_LESIONS or mask.category in LESIONS)]
    facts = [
        f"{_WORDS[m.name]} {quantity(m.value, m.unit)}"
        for m in shown
        if not (m.name == "component_count" and m.value == 1)
    ]
    if not facts:
        facts = [f"{mask.voxel_count} pixels, no physical size known"]
    return f"{name}: {', '.join(facts)} ({series_name}).{review}"


def summary_of(findings: Sequence[Finding], unanswered: Sequence[str]) -> str:
    """The draft's impression in a few lines: findings, then what could not be answered."""
    lines = [f.text for f in findings]
    lines += [f"Not answered — {reason}" for reason in unanswered]
    return "\n".join(lines) if lines else "Nothing could be reported."


def conflicts(
    findings: Sequence[Finding],
    masks: Sequence[Mask],
    lies: Mapping[str, str],
    read: Callable[[str], Iterable[tuple[str, str]]],
) -> tuple[str, ...]:
    """Warnings where a finding puts a structure on one side and an outline of it lies on the other.

    Nothing is changed: a person decides which of the two is right.

    Args:
        findings: sentences of the draft.
        masks: judged outlines; empty and rejected ones say nothing.
        lies: "left", "right" or "" by mask id (`tools.laterality.lies_on`).
        read: the structures that a sentence affirms, and the one side that it gives each, as (target, side).
    """
    usable = [m for m in masks if m.voxel_count and not (m.quality and m.quality.outcome is Outcome.REJECT)]
    sides = [(m, _unsided(m.target), lies.get(m.mask_id) or side_of(m.target)) for m in usable]
    found: list[str] = []
    for finding in findings:
        for target, side in read(finding.text):
            rivals = [(m.mask_id, place) for m, name, place in sides if name == _unsided(target) and place]
            if not rivals or side in {place for _, place in rivals}:
                continue
            names = ", ".join(mask_id for mask_id, _ in rivals)
            found.append(
                f'The drafted sentence {finding.finding_id} says "{side}"; the outline {names} of {_unsided(target)} '
                f"lies on the patient's {rivals[0][1]}."
            )
    return tuple(dict.fromkeys(found))


def _unsided(target: str) -> str:
    side = side_of(target)
    return " ".join(word for word in target.lower().split() if word != side)
