"""Quality assurance of one mask: technical, semantic, clinical, confidence.

A technical failure or a contradiction is a reject; a doubt is a review; else the mask passes. Every reason is a
sentence with its numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from domain.mask import Mask, Outcome, Quality, worst
from domain.model import KnownTarget
from domain.study import Volume
from tools import quality_clinical, quality_semantic, quality_technical
from tools.anatomy import Anatomy, anatomy
from tools.bounding_box import Box, bounding_box
from tools.quality_body import find_body, locate
from tools.quality_confidence import confidence_of
from tools.quality_remark import Remark, review

LOW_CONFIDENCE = 0.5
LOW_AGREEMENT = 0.8
SAMPLES = 200_000
"""Voxels of a mask that its place is computed from."""


def assess(
    mask: Mask,
    volume: Volume,
    *,
    known: KnownTarget | None,
    expected_category: str = "",
    others: Sequence[Mask] = (),
    question_side: str = "",
    repeats: Sequence[Mask] = (),
    agreement: tuple[float, str] | None = None,
) -> Quality:
    """QA's verdict on a mask.

    Args:
        known: what is published about the target; None when the model was never evaluated on it.
        expected_category: the name of the model's sixteen that the target should get; "" takes it from `known` or
            the anatomy table.
        others: other masks of the same series, for overlaps that cannot be.
        question_side: "left" or "right" when the question is about one side.
        repeats: further answers of the model to the same question.
        agreement: confidence 0–1 that repeats gave, and its source, where it was computed already.
    """
    remarks = tuple(
        inspect(
            mask,
            volume,
            known=known,
            expected_category=expected_category,
            others=others,
            question_side=question_side,
        )
    )
    confidence, source = (None, "")
    if _judgeable(remarks):
        confidence, source = agreement or confidence_of(mask, repeats)
    remarks += tuple(_doubts_of_confidence(confidence, source))
    return Quality(
        worst([remark.outcome for remark in remarks]),
        tuple(remark.reason for remark in sorted(remarks, key=_severity)),
        confidence,
        source,
    )


def inspect(
    mask: Mask,
    volume: Volume,
    *,
    known: KnownTarget | None,
    expected_category: str = "",
    others: Sequence[Mask] = (),
    question_side: str = "",
) -> Iterator[Remark]:
    """Every remark of the technical, semantic and clinical checks, in that order."""
    facts = anatomy(mask.target)
    misfit = quality_technical.fits_pixels(mask, volume)
    if misfit is not None:
        yield misfit
        return
    yield from quality_semantic.published(mask, known)
    yield from quality_semantic.modality_fits(mask, volume, facts)
    box = bounding_box(mask.array)
    if box is None:
        yield quality_technical.emptiness(mask, facts)
        return
    yield from quality_technical.coverage(mask, volume, facts)
    yield from quality_technical.fragmentation(mask, facts)
    yield from quality_semantic.category_fits(mask, known, expected_category, facts)
    yield from _whereabouts(mask, volume, box, facts, question_side)
    if facts is not None:
        yield from _plausibility(mask, volume, box, facts, others)


def suggest(quality: Quality, target: str) -> tuple[str, ...]:
    """Hints for another try at a target whose mask did not pass; () when it did."""
    if quality.outcome is Outcome.PASS:
        return ()
    reasons = " ".join(quality.reasons)
    facts = anatomy(target)
    hints = []
    if "empty: " in reasons or "not seen" in reasons:
        hints.append("another window, or slices where the target is expected")
    if "patient's" in reasons and "half" in reasons and facts is not None and facts.paired:
        hints.append(f'ask for "{facts.name}" without a side and take the part on the right side')
    if "HU" in reasons or "of the way" in reasons or "the model calls it" in reasons:
        hints.append(f'name the region with the target, e.g. "{target} in the {_region(facts)}"')
    if "published targets" in reasons:
        hints.append("a published target that contains it, then a part of it")
    if "pieces" in reasons or "speckle" in reasons or "inverted" in reasons:
        hints.append("the same target in other words")
    return tuple(hints)


def _region(facts: Anatomy | None) -> str:
    return facts.part_of[0] if facts is not None and facts.part_of else "body part examined"


def _whereabouts(mask: Mask, volume: Volume, box: Box, facts: Anatomy | None, question_side: str) -> Iterator[Remark]:
    voxels = _sample(mask.array, box)
    body = find_body(volume, box[0].start, box[0].stop - 1)
    place = locate(voxels, body, volume.series)
    yield from quality_semantic.side_fits(mask, volume, place, question_side, facts)
    yield from quality_clinical.inside_body(voxels, mask, body, facts)
    if facts is not None:
        yield from quality_clinical.place_fits(place, facts)


def _plausibility(mask: Mask, volume: Volume, box: Box, facts: Anatomy, others: Sequence[Mask]) -> Iterator[Remark]:
    yield from quality_clinical.size_fits(mask, facts)
    yield from quality_clinical.projection_fits(mask, volume, facts)
    yield from quality_clinical.density_fits(mask, volume, box, facts)
    yield from quality_clinical.neighbours_fit(mask, facts, others)


def _sample(array: NDArray[np.bool_], box: Box) -> NDArray[np.intp]:
    """(n, 3) [slice, row, column] of at most about SAMPLES voxels, evenly taken."""
    part = array[box]
    inside = np.flatnonzero(part)
    chosen = inside[:: max(1, inside.size // SAMPLES)]
    corner = np.array([side.start for side in box])
    voxels: NDArray[np.intp] = np.stack(np.unravel_index(chosen, part.shape), axis=1) + corner
    return voxels


def _judgeable(remarks: Sequence[Remark]) -> bool:
    return all(remark.check not in {"shape", "dtype", "finite", "range", "series", "empty"} for remark in remarks)


def _doubts_of_confidence(confidence: float | None, source: str) -> Iterator[Remark]:
    if confidence is None:
        return
    least = LOW_CONFIDENCE if source == "soft mask" else LOW_AGREEMENT
    if confidence < least:
        yield review("confidence", f"confidence {confidence:.2f} ({source}) is below {least}")


def _severity(remark: Remark) -> int:
    return (Outcome.REJECT, Outcome.REVIEW, Outcome.PASS).index(remark.outcome)
