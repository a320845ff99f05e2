"""Forecasts follow what was seen; advice is enough, not jumpy, and within its bounds."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.scheduling.demand import HOURS, Advice, Bounds, Demand, Work, needed, recommend

hours = st.integers(0, HOURS - 1)
counts = st.floats(0, 1e6)
rates = st.floats(0, 1e3)
works = st.builds(Work, st.floats(0, 1e5), rates, st.floats(1e-3, 10), st.floats(1, 1e4))
bounds = st.builds(
    lambda least, more, load, band, calm: Bounds(least, least + more, load, band, calm),
    st.integers(0, 50),
    st.integers(0, 5000),
    st.floats(0.1, 1),
    st.floats(0, 0.9),
    st.floats(0, 3600),
)


def test_who_knows_nothing_says_so() -> None:
    expected = Demand().expect(5)
    assert (expected.low, expected.high, expected.weeks) == (0.0, inf, 0)
    assert Demand().rate(5, 0.25) == (0.0, inf)


def test_an_hour_that_was_never_seen_is_like_the_same_hour_of_other_days() -> None:
    demand = Demand().after(10, 50.0).after(11, 500.0)
    assert demand.expect(24 + 10).mean == 50
    assert demand.expect(24 + 10).weeks == 0
    assert demand.expect(3).mean == pytest.approx(275)


@given(hours, st.lists(counts, min_size=1, max_size=30))
def test_a_mean_lies_among_what_was_seen_and_inside_its_interval(hour: int, seen: list[float]) -> None:
    expected = Demand().after_all((hour, jobs) for jobs in seen).expect(hour)
    assert min(seen) * (1 - 1e-9) - 1e-6 <= expected.mean <= max(seen) * (1 + 1e-9) + 1e-6
    assert 0 <= expected.low <= expected.mean <= expected.high
    assert expected.weeks == len(seen)


@given(hours, counts, st.integers(2, 20))
def test_an_interval_is_never_narrower_than_a_poisson_count_s(hour: int, jobs: float, weeks: int) -> None:
    expected = Demand().after_all((hour, jobs) for _ in range(weeks)).expect(hour)
    assert expected.high - expected.mean >= 1.96 * jobs**0.5 * (1 - 1e-9)


@given(hours, hours, counts)
def test_an_hour_changes_no_other(hour: int, other: int, jobs: float) -> None:
    before = Demand().after_all((number, 7.0) for number in range(HOURS))
    after = before.after(hour, jobs)
    assert (after.expect(other) == before.expect(other)) or hour == other
    assert before.expect(hour).mean == 7.0


def test_a_change_of_habits_is_learned_within_weeks() -> None:
    demand = Demand().after_all((8, 100.0) for _ in range(20)).after_all((8, 300.0) for _ in range(6))
    assert demand.expect(8).mean > 270


def test_nearly_all_later_hours_lie_in_the_interval() -> None:
    import random

    chance = random.Random(4)
    demand, inside = Demand(), 0
    for week in range(300):
        jobs = float(sum(chance.random() < 0.1 for _ in range(1000)))
        expected = demand.expect(9)
        inside += week >= 10 and expected.low <= jobs <= expected.high
        demand = demand.after(9, jobs)
    assert inside / 290 > 0.92


@given(hours, st.floats(0, 0.999))
def test_a_rate_lies_between_the_hours_around_it(hour: int, into: float) -> None:
    demand = Demand().after_all((number, float(100 + number)) for number in range(HOURS))
    mean, high = demand.rate(hour, into)
    near = [demand.expect(hour + step).mean / 3600 for step in (-1, 0, 1)]
    assert min(near) - 1e-9 <= mean <= max(near) + 1e-9
    assert high >= mean
    assert demand.rate(hour, 0.5)[0] == pytest.approx(demand.expect(hour).mean / 3600)


@given(works, bounds)
def test_what_is_needed_keeps_up_unless_it_may_not(work: Work, limits: Bounds) -> None:
    units = needed(work, limits)
    assert limits.least <= units <= limits.most
    if units < limits.most:
        # It serves what comes, and what waits within the target, with the spare that was asked for.
        assert units * work.unit_per_s * limits.load * (1 + 1e-9) >= work.per_s + work.queued / work.target_s


@given(works, st.integers(0, 6000), bounds)
def test_advice_is_never_less_than_needed(work: Work, units: int, limits: Bounds) -> None:
    advice = recommend(work, units, 0.0, limits)
    assert limits.least <= advice.needed <= advice.units <= limits.most


@given(works, works, bounds)
def test_more_work_never_needs_less(one: Work, other: Work, limits: Bounds) -> None:
    more = Work(one.queued + other.queued, one.per_s + other.per_s, one.unit_per_s, one.target_s)
    assert needed(more, limits) >= needed(one, limits)


def test_more_comes_at_once_and_less_after_a_calm_while() -> None:
    limits = Bounds(least=1, load=1.0, band=0.1, calm_s=600)
    busy, calm = Work(0, 10, 1, 60), Work(0, 5, 1, 60)
    advice = recommend(busy, 2, 0.0, limits)
    assert advice.units == 10
    for now in (60.0, 300.0, 659.0):
        advice = recommend(calm, advice, now, limits)
        assert advice.units == 10
    assert recommend(calm, advice, 660.0, limits).units == 5


def test_it_goes_down_to_the_highest_need_of_the_calm_while_only() -> None:
    limits = Bounds(load=1.0, calm_s=600)
    advice = recommend(Work(0, 4, 1, 60), Advice(10, 10), 0.0, limits)
    advice = recommend(Work(0, 7, 1, 60), advice, 300.0, limits)
    assert recommend(Work(0, 2, 1, 60), advice, 600.0, limits).units == 7


def test_a_need_within_the_band_changes_nothing() -> None:
    limits = Bounds(load=1.0, band=0.1, calm_s=0)
    assert recommend(Work(0, 95, 1, 60), 100, 0.0, limits).units == 100
    assert recommend(Work(0, 89, 1, 60), 100, 0.0, limits).units == 89


@given(st.lists(works, min_size=2, max_size=40))
def test_it_never_swings_faster_than_the_calm_while(seen: list[Work]) -> None:
    limits = Bounds(calm_s=300)
    advice, last_down = recommend(seen[0], 1, 0.0, limits), -inf
    for minute, work in enumerate(seen[1:], start=1):
        now = 60.0 * minute
        after = recommend(work, advice, now, limits)
        assert after.units >= after.needed
        if after.units < advice.units:
            assert now - last_down >= 300
            last_down = now
        advice = after


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Demand(weight=0),
        lambda: Demand(width=-1),
        lambda: Demand(hours=()),
        lambda: Demand().after(HOURS, 1),
        lambda: Demand().after(0, -1),
        lambda: Demand().after(0, inf),
        lambda: Work(-1, 0, 1, 1),
        lambda: Work(0, 0, 0, 1),
        lambda: Bounds(2, 1),
        lambda: Bounds(load=0),
    ],
    ids=[str(number) for number in range(10)],
)
def test_nonsense_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        wrong()  # type: ignore[operator]
