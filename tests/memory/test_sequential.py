from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.sequential import Wealth, confidence_sequence


def test_wealth_of_fair_bets_rarely_ever_reaches_20() -> None:
    random = np.random.default_rng(3)
    reached = 0
    for _ in range(300):
        wealth = Wealth()
        for increment in random.choice([-1.0, 1.0], 300):
            wealth.add(float(increment), 1.0)
        reached += wealth.peak >= 20.0
    assert reached <= 0.05 * 300


@given(st.lists(st.sampled_from([-1.0, 1.0]), min_size=1, max_size=10))
def test_the_next_fair_bet_is_worth_what_is_staked(past: list[float]) -> None:
    def after(last: float) -> float:
        wealth = Wealth()
        for increment in [*past, last]:
            wealth.add(increment, 1.0)
        return wealth.value

    now = Wealth()
    for increment in past:
        now.add(increment, 1.0)
    assert (after(1.0) + after(-1.0)) / 2 == pytest.approx(now.value)


def test_wealth_of_a_good_bet_grows_and_an_impossible_increment_is_an_error() -> None:
    wealth = Wealth()
    for _ in range(100):
        wealth.add(0.1, 1.0)
    assert wealth.peak > 100
    with pytest.raises(ValueError, match="bound"):
        wealth.add(1.1, 1.0)


def test_confidence_sequences_hold_the_mean_at_all_times_and_shrink() -> None:
    random = np.random.default_rng(9)
    missed = 0
    for _ in range(60):
        values = random.uniform(-0.4, 0.6, 200)  # mean 0.1
        limits = [confidence_sequence(values[:n].tolist(), [1.0] * n, 0.05) for n in (10, 30, 60, 100, 150, 200)]
        missed += any(not low <= 0.1 <= high for low, high in limits)
    assert missed <= 3
    assert limits[-1][1] - limits[-1][0] < limits[0][1] - limits[0][0]


def test_nothing_seen_and_nothing_possible_say_nothing() -> None:
    assert confidence_sequence([], [], 0.05) == (-1.0, 1.0)
