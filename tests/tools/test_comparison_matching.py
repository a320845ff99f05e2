"""Every lesion has one place in the matching: paired, new, gone, split, merged, or where the other study is blind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools import builders
from tests.tools.comparison_phantoms import balls, outlined, shifted
from tools.comparison.change import Outlined
from tools.comparison.lesions import MOST, Lesions, lesions
from tools.comparison.matching import Matching, match
from tools.comparison.registration import Registration

SHAPE = (16, 24, 24)


def found(case: Outlined) -> Lesions:
    return lesions(case.mask, case.volume)


def laid(x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Registration:
    registration = shifted(x, y, z).trusted
    assert registration is not None
    return registration


def test_lesions_are_numbered_by_size_and_measured_one_by_one() -> None:
    case = outlined(balls(((8, 10, 10), 3), ((20, 28, 28), 5)))
    first, second = found(case).found
    assert (first.number, second.number) == (1, 2)
    assert first.volume_ml + second.volume_ml == pytest.approx(case.measured("volume").value)  # type: ignore[union-attr]
    assert first.volume_ml == pytest.approx(first.value("volume"))
    assert second.centroid_mm == pytest.approx((10.0, 10.0, 16.0))
    assert (first.long_axis_mm, second.long_axis_mm) == pytest.approx((11.0, 7.0), abs=0.2)
    assert not first.cut


def test_parts_that_touch_at_a_corner_are_one_lesion() -> None:
    array = np.zeros(SHAPE, bool)
    array[4, 4, 4] = array[5, 5, 5] = array[9, 9, 9] = True
    assert [len(one.voxels) for one in found(outlined(array)).found] == [2, 1]


def test_a_lesion_of_one_slice_has_the_volume_of_that_slice() -> None:
    array = np.zeros(SHAPE, bool)
    array[7, 3:7, 3:9] = True
    (one,) = found(outlined(array)).found
    assert one.value("volume") == pytest.approx(24 * 2.0 / 1000)


def test_crumbs_beyond_the_largest_are_counted_not_compared() -> None:
    array = np.zeros((9, 40, 40), bool)
    array[4, ::3, ::3] = True
    case = found(outlined(array))
    assert len(case.found) == MOST
    assert case.left_out == 14 * 14 - MOST


def test_a_lesion_that_moved_with_the_patient_is_the_same_lesion() -> None:
    now = found(outlined(balls(((10, 20, 26), 4), ((22, 10, 10), 3))))
    before = found(outlined(balls(((10, 20, 20), 4), ((22, 10, 4), 3))))
    done = match(now, before, laid(x=6.0))
    assert [(p.now, p.before) for p in done.pairs] == [(1, 1), (2, 2)]
    assert [p.overlap for p in done.pairs] == pytest.approx([1.0, 1.0])
    assert [p.distance_mm for p in done.pairs] == pytest.approx([0.0, 0.0])


def test_the_nearest_in_sum_are_paired_not_the_first_that_fits() -> None:
    # Each of both lies within reach of both; pairing in order would cross them.
    now = found(outlined(balls(((15, 20, 16), 3), ((15, 20, 24), 2.5))))
    before = found(outlined(balls(((15, 20, 24), 3), ((15, 20, 16), 2.5))))
    done = match(now, before, laid())
    assert {(p.now, p.before) for p in done.pairs} == {(1, 2), (2, 1)}


def test_new_and_gone_are_where_the_other_study_looked() -> None:
    now = found(outlined(balls(((8, 8, 8), 3))))
    before = found(outlined(balls(((22, 30, 30), 3))))
    assert match(now, before, laid()) == Matching(new=(1,), gone=(1,))


def test_a_place_that_the_other_study_does_not_show_is_neither_new_nor_gone() -> None:
    now = found(outlined(balls(((26, 20, 20), 2), ((6, 20, 20), 3))))
    before = found(outlined(balls(((6, 20, 20), 3), shape=(12, 40, 40))))
    done = match(now, before, laid())
    assert [(p.now, p.before) for p in done.pairs] == [(1, 1)]
    assert (done.new, done.unseen_before) == ((), (2,))


def test_several_that_are_one_now_merged() -> None:
    two = balls(((15, 20, 14), 4), ((15, 20, 24), 3))
    one = two | balls(((15, 20, 19), 3))
    done = match(found(outlined(one)), found(outlined(two)), laid())
    assert [(p.now, p.before) for p in done.pairs] == [(1, 1)]
    assert (done.merged, done.gone) == (((2, 1),), ())
    turned = match(found(outlined(two)), found(outlined(one)), laid())
    assert (turned.split, turned.new) == (((2, 1),), ())


blobs = st.lists(st.tuples(st.integers(0, 15), st.integers(0, 23), st.integers(0, 23), st.integers(1, 3)), max_size=5)


def scene(drawn: list[tuple[int, int, int, int]], depth: int = 16) -> Lesions:
    shape = (depth, 24, 24)
    array = np.zeros(shape, bool)
    for plane, row, column, radius in drawn:
        array |= balls(((plane, row, column), radius), shape=shape)
    return found(outlined(array))


@settings(max_examples=40, deadline=None)
@given(blobs, blobs, st.integers(-6, 6), st.integers(10, 16))
def test_every_lesion_has_exactly_one_place(
    first: list[tuple[int, int, int, int]], second: list[tuple[int, int, int, int]], x: int, depth: int
) -> None:
    now, before = scene(first), scene(second, depth)
    done = match(now, before, laid(x=float(x)))
    mine = [*(p.now for p in done.pairs), *done.new, *(own for own, _ in done.split), *done.unseen_before]
    theirs = [*(p.before for p in done.pairs), *done.gone, *(own for own, _ in done.merged), *done.unseen_now]
    assert sorted(mine) == [one.number for one in now.found]
    assert sorted(theirs) == [one.number for one in before.found]
    assert all(0 <= p.overlap <= 1 for p in done.pairs)


@settings(max_examples=40, deadline=None)
@given(blobs)
def test_nothing_changed_against_itself(drawn: list[tuple[int, int, int, int]]) -> None:
    one = scene(drawn)
    done = match(one, one, laid())
    assert [(p.now, p.before) for p in done.pairs] == [(o.number, o.number) for o in one.found]
    assert all(p.overlap == pytest.approx(1.0) and p.distance_mm == pytest.approx(0.0) for p in done.pairs)
    assert replace(done, pairs=()) == Matching()


@settings(max_examples=30, deadline=None)
@given(blobs, blobs)
def test_matching_from_the_other_side_is_its_mirror(
    first: list[tuple[int, int, int, int]], second: list[tuple[int, int, int, int]]
) -> None:
    now, before = scene(first), scene(second)
    there, back = match(now, before, laid()), match(before, now, laid())
    assert len(there.pairs) == len(back.pairs)
    assert sum(p.overlap for p in there.pairs) == pytest.approx(sum(p.overlap for p in back.pairs), abs=1e-6)


def test_grids_of_other_voxels_overlap_as_their_volumes_do() -> None:
    fine = found(outlined(balls(((20, 40, 40), 12), shape=(40, 80, 80)), spacing=(1.0, 0.5, 0.5)))
    array = np.zeros((20, 40, 40), bool)
    grid = builders.axial((20, 40, 40), (2.0, 1.0, 1.0))
    place = grid.to_patient_mm(np.argwhere(~array).astype(float))
    inside = (((place - (20.0, 20.0, 20.0)) / (6.0, 6.0, 12.0)) ** 2).sum(axis=1) <= 1
    coarse = found(outlined(inside.reshape(array.shape)))
    (pair,) = match(fine, coarse, laid()).pairs
    assert pair.overlap > 0.9
    assert pair.distance_mm < 1.0
