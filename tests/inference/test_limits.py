"""Rates are even, never doubled; and the pace of the whole is what was configured."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.transport.limits import LATENESS_S, Limiter, Pace


def starts(pace: Pace, amounts: list[float], until: float = float("inf")) -> list[float]:
    """When each of a crowd that waits from 0 on starts."""
    now, times = 0.0, []
    for amount in amounts:
        now += pace.wait_s(now)
        if now > until:
            break
        pace.take(amount, now)
        times.append(now)
    return times


def test_requests_come_evenly() -> None:
    times = starts(Pace(10), [1] * 31)
    assert times[30] == pytest.approx(3.0, abs=LATENESS_S + 1e-9)
    assert all(b - a == pytest.approx(0.1) for a, b in pairwise(times[2:]))


@given(
    st.lists(st.integers(1, 4_000_000), min_size=2, max_size=60),
    st.floats(1e3, 1e8),
    st.lists(st.floats(0, 3), min_size=60, max_size=60),
)
def test_no_span_carries_more_than_its_rate_and_one_amount(sizes: list[int], rate: float, gaps: list[float]) -> None:
    pace, now, sent = Pace(rate), 0.0, []
    for size, gap in zip(sizes, gaps, strict=False):
        now += gap
        now += pace.wait_s(now)
        pace.take(size, now)
        sent.append((now, size))
    for i in range(len(sent)):
        for j in range(i, len(sent)):
            span = sent[j][0] - sent[i][0]
            through = sum(size for _, size in sent[i:j])
            assert through <= rate * (span + LATENESS_S) * (1 + 1e-9) + 1e-6


def test_a_silence_saves_nothing_up() -> None:
    pace = Pace(5)
    now = 1000.0
    for _ in range(3):
        now += pace.wait_s(now)
        pace.take(1, now)
    assert now - 1000.0 >= 0.4 - LATENESS_S - 1e-9


def test_an_amount_above_a_seconds_worth_goes_and_is_paid_for_afterwards() -> None:
    pace = Pace(5e6)
    assert pace.wait_s(0.0) == 0.0
    pace.take(50e6, 0.0)
    assert pace.wait_s(0.0) == pytest.approx(10.0, abs=LATENESS_S)


def test_none_is_unlimited() -> None:
    assert starts(Pace(None), [1e9] * 100) == [0.0] * 100


def test_limits_together() -> None:
    limiter = Limiter(2, requests_per_s=10, bytes_per_s=100)
    limiter.enter(50, 0.0)
    assert limiter.wait_s(0.0) == pytest.approx(0.5, abs=LATENESS_S + 1e-9)
    limiter.enter(0, 1.0)
    assert limiter.wait_s(9.0) is None, "no slot: only an end helps, not time"
    limiter.leave(0, 9.0)
    assert limiter.wait_s(9.0) == 0.0


def test_the_answers_bytes_count() -> None:
    limiter = Limiter(2, bytes_per_s=100)
    limiter.enter(10, 0.0)
    limiter.leave(200, 5.0)
    assert limiter.wait_s(5.0) == pytest.approx(2.0, abs=LATENESS_S)
