"""Which series may be registered, and which registration may be believed: else two studies are read side by side."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from domain.study import Series
from tools.anatomy import imaging_kind

LEAST_SLICES = 5
"""Fewer planes do not hold six parameters of a movement."""
SECTIONS = frozenset({"CT", "MR"})
"""Kinds of images whose bodies and values a registration here was tried on."""
LARGEST_ROTATION_DEG = 30.0
"""A patient who lies turned more than this is imaged in another position: one rigid movement does not describe it."""
LEAST_COVERED = 0.25
"""Least part of the smaller body that both studies must image."""
LEAST_OVERLAP = 0.75
"""Least Dice of the two bodies where both are imaged."""
LEAST_INFORMATION = 1.1
LEAST_SHARPNESS = 3.5
"""Tried on 3 mm CT and 7 mm MR laid on themselves after turns to 15°, shifts, smooth deformation to 12 mm, contrast
agent, inverted contrast and noise: information 1.18 and sharpness 4.9 or more. Other parts of the body, images upside
down or mirrored, and noise: at most 1.16 and 3.2. (A mirrored brain is as symmetric as it looks, and passes.)"""


def family(modality: str) -> str:
    """Modalities whose images may be compared: those of one kind, a mammogram with mammograms only."""
    return modality if modality == "MG" else imaging_kind(modality)


@dataclass(frozen=True)
class Quality:
    """Figures of a registration.

    Attributes:
        information_before, information_after: normalised mutual information, 1 to 2, by the scanner's own coordinates
            and by the movement; 1 where the images hardly meet.
        sharpness: information above 1 inside the bodies by the movement, in relation to that 25 mm beside it.
        rotation_deg: angle of the movement.
        overlap: Dice of the two bodies where both are imaged.
        covered: part of the smaller body that both studies image.
    """

    information_before: float
    information_after: float
    sharpness: float
    rotation_deg: float
    overlap: float
    covered: float


def doubt(quality: Quality) -> str:
    """Why a registration is not believed, in words; "" when it is."""
    if quality.covered < LEAST_COVERED:
        return "the two studies hardly show the same part of the body"
    if quality.rotation_deg > LARGEST_ROTATION_DEG:
        return f"the registration turns the patient by {quality.rotation_deg:.0f}°, which is not plausible"
    if quality.overlap < LEAST_OVERLAP:
        return f"the outlines of the bodies do not fit (overlap {quality.overlap:.2f})"
    if quality.information_after < LEAST_INFORMATION or quality.sharpness < LEAST_SHARPNESS:
        return (
            f"the registration does not align the images (mutual information {quality.information_before:.2f} to "
            f"{quality.information_after:.2f}, {quality.sharpness:.1f} times that beside it)"
        )
    return ""


def registrable(
    now: Series, before: Series, *, regions_now: Collection[str] = (), regions_before: Collection[str] = ()
) -> str:
    """Why two series can only be read side by side, in words; "" when they can be registered.

    Args:
        regions_now, regions_before: regions of the body that each shows; empty when it is not known.
    """
    kinds = family(now.modality), family(before.modality)
    if kinds[0] != kinds[1]:
        return f"the studies are of different modalities ({now.modality} now, {before.modality} before)"
    if kinds[0] not in SECTIONS:
        return f"{now.modality} images are not registered"
    if set(regions_now) and set(regions_before) and not set(regions_now) & set(regions_before):
        return f"the studies show different parts of the body ({now.body_part} now, {before.body_part} before)"
    for series, which in ((now, "present"), (before, "earlier")):
        reason = _unfit(series)
        if reason:
            return f"the {which} images {reason}"
    return ""


def _unfit(series: Series) -> str:
    geometry = series.geometry
    if series.colour:
        return "are in colour"
    if geometry.slices < LEAST_SLICES:
        return f"have fewer than {LEAST_SLICES} slices"
    if not geometry.in_patient:
        return "have no known place in the patient"
    if geometry.slice_spacing_mm is None:
        return "have uneven slices"
    return ""
