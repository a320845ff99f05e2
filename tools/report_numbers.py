"""What a report says of one mask: its numbers (PS3.16 TID 1419), how it was judged, and a line in words."""

from __future__ import annotations

from collections.abc import Sequence

from highdicom import sr
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code as DicomCode

from domain.finding import Measurement
from domain.mask import Mask, Outcome
from domain.study import Series
from tools.report_coordinates import Places
from tools.segmentation_object import concept_code
from tools.terminology import PRIVATE_SCHEME, measurement_concept, unit_code

_QA = DicomCode("qa-outcome", PRIVATE_SCHEME, "Outcome of quality assurance")
_OUTCOMES = {
    Outcome.PASS: "Passed automatic checks",
    Outcome.REVIEW: "Needs review",
    Outcome.REJECT: "Rejected",
}
_OUTLINED = ("area", "voxel_count", "volume")
"""Sizes that come from what lies inside the outline."""


def number(measurement: Measurement, series: Series) -> sr.Measurement:
    """One number with its unit, and how it was derived."""
    what = measurement_concept(measurement.name, measurement.unit, series.modality)
    return sr.Measurement(
        name=concept_code(what.name),
        value=float(measurement.value),
        unit=concept_code(unit_code(measurement.unit)),
        derivation=concept_code(what.derivation) if what.derivation else None,
        method=concept_code(what.method) if what.method else None,
    )


def place_numbers(numbers: Sequence[sr.Measurement], rows: Sequence[Measurement], mask: Mask, places: Places) -> None:
    """Say where the numbers of a mask lie: diameters on their lines; where there is no line, a size in the outline.

    To be called when the numbers stand in their group, which the library builds only of numbers without a place.

    Args:
        numbers: one a row.
    """
    placed = [(item, places.of_line(row.line)) for item, row in zip(numbers, rows, strict=True) if row.line]
    if rows and not placed:
        names = [row.name for row in rows]
        size = next((names.index(name) for name in _OUTLINED if name in names), 0)
        outline = places.of_outline(mask)
        placed = [(numbers[size], outline)] if outline else []
    for item, where in placed:
        if "ContentSequence" not in item[0]:
            item[0].ContentSequence = sr.ContentSequence()
        item[0].ContentSequence.append(where)


def judgement(mask: Mask) -> list[sr.QualitativeEvaluation]:
    """The outcome of quality assurance; empty of a mask that was not judged."""
    if mask.quality is None:
        return []
    outcome = mask.quality.outcome
    return [sr.QualitativeEvaluation(_QA, DicomCode(f"qa-{outcome}", PRIVATE_SCHEME, _OUTCOMES[outcome]))]


def remark(mask: Mask, rows: Sequence[Measurement]) -> sr.TextContentItem:
    """A line in words: the target, its volume, and a doubt: "liver, volume 1523.4 mL, needs review".

    OHIF shows no code of a finding and no volume that names its method (it leaves out a number that has content but no
    coordinates), but this text above the diameters.
    """
    volume = next((m for m in rows if m.name == "volume"), None)
    parts = [mask.target]
    if volume is not None:
        parts.append(f"volume {volume.value:.1f} {volume.unit}")
    if mask.quality is not None and mask.quality.outcome is not Outcome.PASS:
        parts.append(_OUTCOMES[mask.quality.outcome].lower())
    return sr.TextContentItem(codes.DCM.Comment, ", ".join(parts), sr.RelationshipTypeValues.CONTAINS)
