"""When a batch will end: an interval that narrows with what is known, and holds."""

from __future__ import annotations

import random

import pytest

from jobs.batch.pace import Pace


def test_nothing_is_said_before_there_is_something_to_tell_from() -> None:
    pace = Pace(0.0)
    assert (pace.per_hour, pace.expected(10, 1.0)) == (None, None)
    pace.reached(100, 0.0)
    assert pace.per_hour is None, "what ended before the first look says nothing"


def test_an_even_pace_is_exact() -> None:
    pace = Pace(0.0)
    for ended in range(11):
        pace.reached(ended, 2.0 * ended)
    assert pace.per_hour == pytest.approx(1800)
    expected = pace.expected(50, 20.0)
    assert expected is not None
    assert (expected.low_s, expected.middle_s, expected.high_s) == pytest.approx((100, 100, 100))


def test_several_that_end_between_two_looks_share_the_time() -> None:
    pace = Pace(0.0)
    pace.reached(0, 0.0)
    pace.reached(10, 20.0)
    assert pace.per_hour == pytest.approx(1800)


def test_the_interval_holds_about_four_times_of_five() -> None:
    drawn = random.Random(7)
    inside = 0
    for _ in range(400):
        pace, now = Pace(0.0), 0.0
        for ended in range(31):
            pace.reached(ended, now)
            now += drawn.expovariate(1 / 3)
        expected = pace.expected(60, now)
        truth = sum(drawn.expovariate(1 / 3) for _ in range(60))
        assert expected is not None
        assert expected.low_s is not None
        assert expected.high_s is not None
        inside += expected.low_s <= truth <= expected.high_s
    assert 0.70 < inside / 400 < 0.92
