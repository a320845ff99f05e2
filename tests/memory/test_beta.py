from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.beta import Tally, probability_greater

counts = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda c: Tally(float(c[0]), float(sum(c))))


@settings(deadline=None, max_examples=60)
@given(counts, counts)
def test_it_agrees_with_draws_from_the_posteriors_and_with_its_own_reverse(one: Tally, other: Tally) -> None:
    random = np.random.default_rng(4)
    drawn = float(np.mean(random.beta(*one.posterior, 40_000) > random.beta(*other.posterior, 40_000)))
    assert probability_greater(one, other) == pytest.approx(drawn, abs=0.015)
    assert probability_greater(one, other) + probability_greater(other, one) == pytest.approx(1.0, abs=2e-3)


def test_a_case_with_a_known_answer() -> None:
    # Beta(2, 1) against Beta(1, 2): P = ∫ F(x) 2x dx with F = 2x - x², which is 5/6.
    assert probability_greater(Tally(1, 1), Tally(0, 1)) == pytest.approx(5 / 6, abs=1e-3)
    assert probability_greater(Tally(), Tally()) == pytest.approx(0.5, abs=1e-6)
