"""Which lesion of one study is which of the other: by overlap and distance after registration, all of them at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tools.comparison.lesions import Lesion, Lesions
from tools.comparison.registration import Registration

REACH_MM = 10.0
"""Centres this close may be the same lesion: what breathing and a rigid registration leave of a shift (judgement)."""
LARGEST_SHARE = 0.5
"""Half of a lesion's longest diameter may be added where that is more: a large lesion's centre moves as it grows."""
MERGED = 0.5
"""A lesion that lies to this part in one which has another partner is no new or gone one: they split or merged."""
_NEVER = 1e6


@dataclass(frozen=True)
class Pair:
    """The same lesion in both studies.

    Attributes:
        now, before: numbers.
        overlap: Dice of both, laid on each other. distance_mm: of the centres.
    """

    now: int
    before: int
    overlap: float
    distance_mm: float


@dataclass(frozen=True)
class Matching:
    """Every lesion of both studies, each in one place.

    Attributes:
        pairs: matched.
        new, gone: in one study only, at a place that the other images too.
        split: (now, before): a further part of what was one lesion before.
        merged: (before, now): a further lesion that is part of one now.
        unseen_before, unseen_now: lesions at a place that the other study does not image.
    """

    pairs: tuple[Pair, ...] = ()
    new: tuple[int, ...] = ()
    gone: tuple[int, ...] = ()
    split: tuple[tuple[int, int], ...] = ()
    merged: tuple[tuple[int, int], ...] = ()
    unseen_before: tuple[int, ...] = ()
    unseen_now: tuple[int, ...] = ()


def match(now: Lesions, before: Lesions, registration: Registration) -> Matching:
    """Match lesions.

    Args:
        registration: moves places of the earlier study (moving) to the present one (fixed); trusted.
    """
    forward = [_laid(one, before, registration.to_moving(_places(one, now))) for one in now.found]
    back = [_laid(one, now, registration.to_fixed(_places(one, before))) for one in before.found]
    dice, distance = _nearness(forward, back, registration)
    pairs = _assigned(now, before, dice, distance)
    taken_now, taken_before = {p.now for p in pairs}, {p.before for p in pairs}
    split, new, unseen_before = _rest(forward, taken_now, taken_before)
    merged, gone, unseen_now = _rest(back, taken_before, taken_now)
    return Matching(pairs, new, gone, split, merged, unseen_before, unseen_now)


@dataclass(frozen=True, eq=False)
class _Laid:
    """A lesion laid into the other study: voxels in each lesion there, and the part of it that the images show."""

    lesion: Lesion
    shared: NDArray[np.intp]
    seen: float


def _laid(lesion: Lesion, other: Lesions, points_mm: NDArray[np.float64]) -> _Laid:
    numbers, inside = other.at(points_mm)
    return _Laid(lesion, np.bincount(numbers, minlength=len(other.found) + 1)[1:], float(inside.mean()))


def _places(lesion: Lesion, own: Lesions) -> NDArray[np.float64]:
    return own.geometry.to_patient_mm(lesion.voxels.astype(np.float64))


def _nearness(
    forward: list[_Laid], back: list[_Laid], registration: Registration
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Dice and distance of the centres in mm, (now, before)."""
    dice = np.zeros((len(forward), len(back)))
    distance = np.zeros_like(dice)
    for i, mine in enumerate(forward):
        for j, other in enumerate(back):
            common = mine.shared[j] * mine.lesion.voxel_ml + other.shared[i] * other.lesion.voxel_ml
            dice[i, j] = min(1.0, common / (mine.lesion.volume_ml + other.lesion.volume_ml))
            moved = registration.to_fixed(other.lesion.centroid_mm[None])[0]
            distance[i, j] = np.linalg.norm(moved - mine.lesion.centroid_mm)
    return dice, distance


def _assigned(
    now: Lesions, before: Lesions, dice: NDArray[np.float64], distance: NDArray[np.float64]
) -> tuple[Pair, ...]:
    """The pairs that are nearest in sum (Kuhn's Hungarian method), of those that may be pairs at all."""
    if dice.size == 0:
        return ()
    longest = np.array([[max(a.long_axis_mm, b.long_axis_mm) for b in before.found] for a in now.found])
    reach = np.maximum(REACH_MM, LARGEST_SHARE * longest)
    cost = np.where((dice > 0) | (distance <= reach), 1 - dice + np.minimum(distance / reach, 1), _NEVER)
    rows, columns = linear_sum_assignment(cost)
    return tuple(
        Pair(now.found[i].number, before.found[j].number, float(dice[i, j]), float(distance[i, j]))
        for i, j in zip(rows, columns, strict=True)
        if cost[i, j] < _NEVER
    )


def _rest(
    laid: list[_Laid], taken: set[int], others: set[int]
) -> tuple[tuple[tuple[int, int], ...], tuple[int, ...], tuple[int, ...]]:
    """What has no partner: parts of a matched one as (own, other), alone, and where the other study shows nothing."""
    parts: list[tuple[int, int]] = []
    alone: list[int] = []
    unseen: list[int] = []
    for one in laid:
        number = one.lesion.number
        if number in taken:
            continue
        within = int(np.argmax(one.shared)) + 1 if one.shared.size else 0
        if within in others and one.shared[within - 1] >= MERGED * len(one.lesion.voxels):
            parts.append((number, within))
        elif one.seen < 1 - MERGED:
            unseen.append(number)
        else:
            alone.append(number)
    return tuple(parts), tuple(alone), tuple(unseen)
