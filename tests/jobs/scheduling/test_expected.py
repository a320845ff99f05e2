"""Expected times: an interval from history, less as time passes, nothing where nothing is known."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.scheduling.expected import Expected, from_the_queue, quantile, to_go

RUNS = tuple(float(n) for n in range(10, 111, 10))  # 10 … 110 s


def test_nothing_is_promised_before_there_is_something_to_go_by() -> None:
    assert to_go((), 3.0) is None
    assert to_go(RUNS[:4], 3.0) is None
    assert from_the_queue(RUNS[:4], 3, 2) is None
    assert from_the_queue(RUNS, 3, 0) is None


def test_a_run_that_begins_takes_what_its_like_took() -> None:
    assert to_go(RUNS, 0.0) == Expected(60.0, 30.0, 90.0)


def test_a_run_that_has_taken_long_is_compared_with_those_that_took_longer() -> None:
    assert to_go(RUNS, 60.0) == Expected(30.0, 18.0, 42.0)  # of 70, 80, 90, 100, 110


def test_a_run_that_takes_longer_than_any_goes_by_its_own_progress() -> None:
    expected = to_go(RUNS, 200.0, 0.8)
    assert expected is not None
    assert expected.middle_s == pytest.approx(50.0)
    assert expected.low_s is None
    assert to_go(RUNS, 200.0) is None


def test_a_waiting_job_waits_for_those_before_it_shared_by_the_slots() -> None:
    first, tenth = from_the_queue(RUNS, 0, 2), from_the_queue(RUNS, 10, 2)
    assert first == Expected(60.0, 30.0, 90.0)
    assert tenth is not None
    assert tenth.middle_s == pytest.approx(5 * 60.0 + 60.0)


@given(st.lists(st.floats(0.1, 1e4), min_size=5, max_size=50), st.integers(0, 1000), st.integers(1, 8))
@settings(max_examples=40, deadline=None)
def test_the_interval_is_one(durations: list[float], ahead: int, slots: int) -> None:
    for expected in (from_the_queue(sorted(durations), ahead, slots), to_go(sorted(durations), 0.0)):
        assert expected is not None
        assert expected.low_s is not None
        assert expected.high_s is not None
        assert 0.0 <= expected.low_s <= expected.high_s


def test_a_quantile_lies_between_values() -> None:
    assert [quantile((1.0, 2.0, 4.0), part) for part in (0.0, 0.5, 0.75, 1.0)] == [1.0, 2.0, 3.0, 4.0]
