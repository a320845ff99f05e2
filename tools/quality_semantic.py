"""Semantic quality: is it what was asked for, by kind, side and modality."""

from __future__ import annotations

from collections.abc import Iterator

from domain.mask import Mask
from domain.model import KnownTarget
from domain.study import Volume
from tools.anatomy import Anatomy, imaging_kind, side_of
from tools.quality_body import Place
from tools.quality_remark import Remark, note, review

WRONG_SIDE = 0.3
"""Fraction of a sided structure's voxels beyond the midline that is still plausible."""
WEAK_DICE = 0.7
_LATERALITY = {"L": "left", "R": "right"}


def category_fits(mask: Mask, known: KnownTarget | None, expected: str, anatomy: Anatomy | None) -> Iterator[Remark]:
    """The model's own name for what it found, against the one that the target should have."""
    accepted = [name for name in (expected, known.category if known else "") if name]
    if anatomy is not None and (not accepted or accepted[0] in anatomy.category):
        accepted += [name for name in anatomy.category if name not in accepted]
    if not accepted:
        return
    if not mask.category:
        yield review("category", f'the model does not say what it found; "{accepted[0]}" was expected')
    elif mask.category not in accepted:
        yield review("category", f'the model calls it "{mask.category}", "{accepted[0]}" was expected')


def modality_fits(mask: Mask, volume: Volume, anatomy: Anatomy | None) -> Iterator[Remark]:
    """Targets that this kind of image does not show."""
    if anatomy is None or not anatomy.modalities or not volume.series.modality:
        return
    kind = imaging_kind(volume.series.modality)
    if kind not in anatomy.modalities and kind not in {"OT", "SC"}:
        shown = ", ".join(anatomy.modalities)
        yield review("modality", f"{mask.target} is looked for on {shown}, this series is {volume.series.modality}")


def published(mask: Mask, known: KnownTarget | None) -> Iterator[Remark]:
    """Whether the model was evaluated on this target, and how well it did."""
    if known is None:
        yield review("unknown target", f"{mask.target} is outside the model's published targets")
    elif known.caution:
        yield review("caution", known.caution.rstrip("."))
    elif known.published_dice is not None and known.published_dice < WEAK_DICE:
        yield review(
            "published accuracy",
            f"the model's published Dice for {known.target} is {known.published_dice:.2f} "
            f"({known.cases} images), below {WEAK_DICE}",
        )


def side_fits(
    mask: Mask, volume: Volume, place: Place, question_side: str, anatomy: Anatomy | None = None
) -> Iterator[Remark]:
    """A sided target lies on its side of the patient."""
    side = side_of(mask.target)
    if side and question_side and side != question_side:
        yield review("side", f"{mask.target} was segmented, the question is about the {question_side} side")
    side = side or (question_side if anatomy is None or anatomy.paired or anatomy.kind == "lesion" else "")
    if not side:
        return
    examined = _LATERALITY.get(volume.series.laterality, "")
    if examined:
        if examined != side:
            yield review("side", f"{mask.target} is asked on the {side} side, the images show the {examined} side")
        return
    if place.right_half is None:
        yield review("side", f"the side of {mask.target} cannot be checked: the images do not say where the midline is")
        return
    wrong = place.right_half if side == "left" else 1 - place.right_half
    if wrong > WRONG_SIDE:
        other = "right" if side == "left" else "left"
        yield review("side", f"{wrong:.0%} of {mask.target} lies on the patient's {other} half{_how(place)}")
    elif place.assumed:
        yield note("side", "the side follows from the usual display, the patient's right on the image's left")


def _how(place: Place) -> str:
    return " (if the radiograph is displayed as usual)" if place.assumed else ""
