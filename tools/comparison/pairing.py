"""Which series of an earlier study is to be compared with a series of this one."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Sequence

from domain.study import Series
from tools.comparison.plausibility import family

_LATERAL = frozenset({"LL", "RL", "LATERAL", "LAT", "ML", "LM"})
_WORD = re.compile(r"[a-z0-9]+")

Regions = Callable[[Series], Collection[str]]


def counterpart(now: Series, candidates: Sequence[Series], regions: Regions = lambda _: ()) -> Series | None:
    """The series that is most alike: same kind of images of the same region, side and view; None without one.

    Among those the one with the same number of dimensions, contrast agent, words of description and distance of
    slices, in this order; the first of equals.

    Args:
        regions: regions of the body that a series shows; empty when it is not known.
    """
    fitting = [one for one in candidates if _comparable(now, one, regions)]
    return max(fitting, key=lambda one: _likeness(now, one), default=None)


def _comparable(now: Series, before: Series, regions: Regions) -> bool:
    if family(now.modality) != family(before.modality) or "LOCALIZER" in before.image_type:
        return False
    here, there = set(regions(now)), set(regions(before))
    if here and there and not here & there:
        return False
    if now.laterality and before.laterality and now.laterality != before.laterality:
        return False
    if now.modality == "MG":
        return not (now.view_position and before.view_position) or now.view_position == before.view_position
    return _lateral(now) == _lateral(before)


def _lateral(series: Series) -> bool:
    return series.view_position.upper() in _LATERAL


def _likeness(now: Series, before: Series) -> tuple[float, ...]:
    return (
        (now.geometry.slices > 1) == (before.geometry.slices > 1),
        bool(now.contrast) == bool(before.contrast),
        len(_words(now) & _words(before)),
        -_distance(now.geometry.slice_spacing_mm, before.geometry.slice_spacing_mm),
        before.geometry.slices,
    )


def _words(series: Series) -> set[str]:
    return set(_WORD.findall(series.description.lower()))


def _distance(first: float | None, second: float | None) -> float:
    if not first or not second:
        return 0.0 if first == second else 1.0
    return abs(math.log(first / second))
