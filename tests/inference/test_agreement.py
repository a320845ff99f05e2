"""Agreement of several answers: known numbers, limits, and how answers are fused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inference.ensemble.agreement import Agreement, Tally, entropy_bits, fuse, tally
from inference.series.mask_planes import INSIDE
from tools.quality_confidence import dice


def agreement_of(*slices: NDArray[np.uint8]) -> Agreement:
    total = Tally(len(slices[0]))
    for levels in slices:
        total.add(tally(levels))
    return total.agreement("test")


def hard(*masks: list[int]) -> NDArray[np.uint8]:
    return np.array(masks, np.uint8)[:, None, :] * np.uint8(255)


def random_levels(seed: int, members: int, soft: bool) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    levels = rng.integers(0, 256, (members, 5, 6), dtype=np.uint8)
    return levels if soft else np.where(levels > 127, np.uint8(255), np.uint8(0))


def test_identical_answers_agree_wholly() -> None:
    found = agreement_of(hard([1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0]))
    assert found.dice == found.confidence == 1.0
    assert found.entropy_bits == 0.0


def test_answers_that_do_not_overlap_have_no_confidence() -> None:
    found = agreement_of(hard([1, 1, 0, 0], [0, 0, 1, 1]))
    assert found.dice == found.confidence == 0.0
    assert found.entropy_bits == 1.0


def test_a_number_that_can_be_computed_by_hand() -> None:
    # Dice 2·2/(3+3) = 2/3; of 4 considered voxels 2 are disputed, at one bit each.
    found = agreement_of(hard([1, 1, 1, 0], [0, 1, 1, 1]))
    assert found.dice == pytest.approx(2 / 3)
    assert found.entropy_bits == pytest.approx(0.5)
    assert found.confidence == pytest.approx(math.sqrt(2 / 3 * 0.5))


def test_nothing_found_by_anyone_is_agreement() -> None:
    total = Tally(3)
    total.add(None)
    assert total.agreement("test").confidence == 1.0


def test_certain_soft_answers_count_more_than_doubtful_ones() -> None:
    certain, doubtful = np.full((2, 3, 3), 250, np.uint8), np.full((2, 3, 3), 150, np.uint8)
    assert agreement_of(certain).dice == agreement_of(doubtful).dice == 1.0
    assert agreement_of(certain).confidence > agreement_of(doubtful).confidence


def test_one_answer_alone_has_no_agreement() -> None:
    with pytest.raises(ValueError, match="alone"):
        Tally(1).agreement("test")


@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.booleans())
@settings(deadline=None, max_examples=50)
def test_sums_over_slices_are_the_volume_and_limits_hold(seed: int, members: int, soft: bool) -> None:
    volume = np.stack([random_levels(seed, members, soft), random_levels(seed + 1, members, soft)], axis=1)
    found = agreement_of(*(volume[:, n] for n in range(2)))
    masks = volume >= INSIDE
    pairs = [dice(masks[a], masks[b]) for a in range(members) for b in range(a)]
    assert found.dice == pytest.approx(float(np.mean(pairs)))
    considered = masks.any(axis=0)
    mean = volume.mean(axis=0)[considered] / 255
    assert found.entropy_bits == pytest.approx(float(entropy_bits(mean).mean()) if considered.any() else 0.0)
    assert 0.0 <= found.confidence <= 1.0
    assert found.slices == 2


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
@settings(deadline=None, max_examples=50)
def test_hard_answers_are_fused_by_majority_and_the_first_decides_ties(seed: int, members: int) -> None:
    levels = random_levels(seed, members, soft=False)
    fused = fuse(levels, soft=False)
    votes = (levels > 0).sum(axis=0)
    assert fused.dtype == np.bool_
    assert np.array_equal(fused, (votes * 2 > members) | ((votes * 2 == members) & (levels[0] > 0)))


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
@settings(deadline=None, max_examples=50)
def test_soft_answers_are_fused_by_mean_probability(seed: int, members: int) -> None:
    levels = random_levels(seed, members, soft=True)
    fused = fuse(levels, soft=True)
    mean = levels.astype(np.float64).mean(axis=0)
    assert np.all(np.abs(fused - mean) <= 0.5 + 1e-9)
    assert np.array_equal(fused >= INSIDE, (mean > 127.5) | ((mean == 127.5) & (levels[0] >= INSIDE)))


def test_identical_soft_answers_stay_what_they_are() -> None:
    one = random_levels(3, 1, soft=True)
    assert np.array_equal(fuse(np.concatenate([one] * 4), soft=True), one[0])
