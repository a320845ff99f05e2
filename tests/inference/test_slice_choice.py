"""Which slices are asked about, and that a part is never taken for the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import SpacingMissing
from domain.geometry import Geometry
from inference.series.slice_choice import SliceChoice, around_mask, around_slices, every_nth, every_slice, these_slices


def geometry(places_mm: list[float]) -> Geometry:
    return Geometry(
        shape=(len(places_mm), 4, 4),
        pixel_spacing_mm=(1.0, 1.0),
        orientation=np.array([[1.0, 0, 0], [0, 1.0, 0]]),
        positions_mm=np.array([[0, 0, place] for place in places_mm]),
    )


EVEN = geometry([2.0 * n for n in range(20)])


def test_every_slice_is_complete_and_needs_no_caveat() -> None:
    choice = every_slice(EVEN)
    assert choice.indices == tuple(range(20))
    assert choice.complete
    assert choice.caveat == ""


@given(slices=st.integers(1, 60), step=st.integers(1, 70))
@settings(deadline=None)
def test_every_nth(slices: int, step: int) -> None:
    choice = every_nth(geometry([float(n) for n in range(slices)]), step)
    assert choice.indices == tuple(n for n in range(slices) if n % step == 0)
    assert choice.complete == (step == 1 or slices == 1)
    assert choice.left_out == slices - len(choice.indices)


def test_a_part_says_what_is_not_known() -> None:
    choice = every_nth(EVEN, 5)
    assert choice.caveat == (
        "Volume not covered: 4 of 20 slices were inferred (every 5th slice); voxels of the other 16 are not known."
    )


def test_a_list_is_sorted_and_each_slice_is_asked_once() -> None:
    assert these_slices(EVEN, [7, 3, 7]).indices == (3, 7)
    assert these_slices(EVEN, list(range(19, -1, -1))).complete


@pytest.mark.parametrize(
    ("margin_mm", "indices"), [(0, (10,)), (1.9, (10,)), (2.0, (9, 10, 11)), (5, (8, 9, 10, 11, 12))]
)
def test_around_a_slice_counts_millimetres(margin_mm: float, indices: tuple[int, ...]) -> None:
    assert around_slices(EVEN, [10], margin_mm).indices == indices


def test_uneven_gaps_count_as_they_are() -> None:
    uneven = geometry([0, 1, 2, 10, 11, 30])
    assert around_slices(uneven, [2], 3).indices == (0, 1, 2)
    assert around_slices(uneven, [3], 8).indices == (2, 3, 4)


def test_around_another_mask() -> None:
    mask = np.zeros((20, 4, 4), np.bool_)
    mask[4:6, 1, 1] = True
    assert around_mask(EVEN, mask, 4.0).indices == (2, 3, 4, 5, 6, 7)
    with pytest.raises(ValueError, match="No slice"):
        around_mask(EVEN, np.zeros((20, 4, 4), np.bool_), 4.0)
    with pytest.raises(ValueError, match="does not lie"):
        around_mask(EVEN, mask[:5], 4.0)


def test_a_distance_without_places_is_refused() -> None:
    nowhere = replace(EVEN, orientation=None, positions_mm=None)
    with pytest.raises(SpacingMissing, match="by number"):
        around_slices(nowhere, [3], 5.0)
    assert around_slices(nowhere, [3], 0.0).indices == (3,)


@pytest.mark.parametrize(
    ("indices", "why"),
    [((), "No slice"), ((3, 2), "ascending"), ((2, 2), "once"), ((-1,), "not have"), ((20,), "not have")],
)
def test_a_choice_that_makes_no_sense(indices: tuple[int, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        SliceChoice(indices, 20, "test")


@pytest.mark.parametrize("margin_mm", [-1.0, float("nan")])
def test_a_margin_is_a_distance(margin_mm: float) -> None:
    with pytest.raises(ValueError, match="distance"):
        around_slices(EVEN, [3], margin_mm)
