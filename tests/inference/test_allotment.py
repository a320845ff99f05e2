"""What workers get of one endpoint: never more than it allows, slots of dead workers return, STAT finds room."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.transport.allotment import RANKS, Allotment, Grant, Terms, Wanted
from inference.transport.limits import LONGEST_REST_S

TERMS = Terms(concurrency=8, requests_per_s=10, bytes_per_s=1000, lease_s=10)


def waiting(stat: int = 0, routine: int = 0) -> tuple[int, ...]:
    return stat, 0, routine, 0


def wanted(worker: str = "a", in_use: int = 0, stat: int = 0, routine: int = 1, size: float = 10) -> Wanted:
    return Wanted(worker, in_use, waiting(stat, routine), 1, size, 1, size)


@dataclass(frozen=True)
class Step:
    """One worker asks, after a while: how many of its calls end before, what it wants."""

    after_s: float
    worker: int
    ends: int
    stat: int
    routine: int
    requests: int
    size: int
    answered: int
    dies: bool


steps = st.lists(
    st.builds(
        Step,
        after_s=st.sampled_from([0.0, 0.001, 0.05, 0.3, 2.0, 11.0]),
        worker=st.integers(0, 4),
        ends=st.integers(0, 3),
        stat=st.sampled_from([0, 0, 0, 1, 3]),
        routine=st.integers(0, 6),
        requests=st.integers(1, 5),
        size=st.integers(1, 400),
        answered=st.integers(0, 50),
        dies=st.sampled_from([False] * 9 + [True]),
    ),
    max_size=60,
)


@given(steps)
@settings(max_examples=300, deadline=None)
def test_whatever_order_workers_ask_in_no_span_of_time_has_more_than_its_rate_and_no_moment_more_than_its_slots(
    order: list[Step],
) -> None:
    document: dict[str, object] = {}
    now = 100.0
    granted: list[tuple[float, float, float]] = []
    in_use: dict[int, int] = {}
    heard: dict[int, float] = {}
    for step in order:
        now += step.after_s
        for worker in [w for w, at in heard.items() if now - at >= TERMS.lease_s]:
            del heard[worker]
            in_use.pop(worker, None)  # it renews in time, or it is dead
        if step.dies:
            in_use.pop(step.worker, None)
            continue
        using = max(0, in_use.get(step.worker, 0) - step.ends)
        state = Allotment.load(json.loads(json.dumps(document)), now)
        ask = Wanted(
            str(step.worker), using, waiting(step.stat, step.routine), step.requests, step.size, 1, step.size,
            owed=0.0,
        )  # fmt: skip
        grant = state.acquire(TERMS, ask, now)
        document = state.dump(now)
        heard[step.worker] = now
        starts = min(step.stat + step.routine, max(0, grant.slots + grant.stat_slots - using), int(grant.requests))
        in_use[step.worker] = using + starts
        assert sum(in_use.values()) <= TERMS.concurrency
        assert sum(lease.slots for lease in state.leases.values()) <= TERMS.concurrency
        if grant.requests:
            granted.append((now, grant.requests, grant.bytes))
    for kind, rate in ((1, TERMS.requests_per_s), (2, TERMS.bytes_per_s)):
        assert rate is not None
        most = max((g[kind] for g in granted), default=0.0)
        for first, start in enumerate(granted):
            total = 0.0
            for later in granted[first:]:
                total += later[kind]
                span = later[0] - start[0]
                assert total <= rate * (span + TERMS.burst_s * (1 + TERMS.reserved)) + 2 * most + 1e-6


def test_a_killed_worker_s_slots_return_when_its_lease_ends() -> None:
    state = Allotment()
    full = Terms(concurrency=2, lease_s=10)
    assert state.acquire(full, wanted("dead", routine=5), 0).slots == 2
    assert state.acquire(full, wanted("b"), 9.9).slots == 0
    again = Allotment.load(state.dump(9.9), 10.1)
    assert again.acquire(full, wanted("b", routine=5), 10.1).slots == 2


def test_a_worker_that_renews_keeps_its_slots_and_release_gives_them_back() -> None:
    state = Allotment()
    one = Terms(concurrency=1, lease_s=10)
    state.acquire(one, wanted("a"), 0)
    state.acquire(one, wanted("a", in_use=1, routine=0), 9)
    later = Allotment.load(state.dump(9), 18)
    assert later.acquire(one, wanted("b"), 18).slots == 0
    later.release("a", 0, 18)
    assert later.acquire(one, wanted("b"), 18).slots == 1


def test_slots_move_to_whoever_has_fewest_and_none_is_starved() -> None:
    state, terms = Allotment(), Terms(concurrency=4)
    assert state.acquire(terms, wanted("a", routine=9), 0).slots == 4
    assert state.acquire(terms, wanted("b", routine=9), 0.1).slots == 0, "all are in use"
    assert state.acquire(terms, wanted("a", in_use=4, routine=9), 0.2).slots == 2, "and starts none until two are left"
    assert state.acquire(terms, wanted("b", routine=9), 0.25).slots == 0
    assert state.acquire(terms, wanted("a", in_use=3, routine=9), 0.3).slots == 2
    assert state.acquire(terms, wanted("b", routine=9), 0.4).slots == 1, "one ended: it is the other's"

    state, terms, served = Allotment(), Terms(concurrency=1), []
    for turn in range(9):
        for name in "abc":
            grant = state.acquire(terms, wanted(name), turn + ord(name) / 1000)
            if grant.slots:
                served.append(name)
                state.acquire(terms, wanted(name, in_use=0, routine=1), turn + ord(name) / 1000)
    assert set(served) == set("abc")


def test_stat_does_not_wait_for_what_others_were_granted() -> None:
    state = Allotment()
    assert state.acquire(TERMS, wanted("a", routine=1, size=6000), 0).bytes == 6000
    assert state.acquire(TERMS, wanted("b", routine=1), 0.01).requests == 0
    stat = state.acquire(TERMS, wanted("b", stat=1, routine=0, size=50), 0.02)
    assert (stat.requests, stat.bytes, stat.stat_slots) == (1, 50, 1)
    second = state.acquire(TERMS, wanted("b", stat=1, routine=0, size=50), 0.03)
    assert second.requests == 0, "its own share is a tenth of the rate"
    assert 0 < second.wait_s < 2
    assert state.acquire(TERMS, wanted("a"), 6.0).requests == 0, "what STAT took, others make up for"
    assert state.acquire(TERMS, wanted("a"), 6.2).requests == 1


def test_one_slot_of_eight_is_kept_for_stat() -> None:
    state = Allotment()
    assert state.acquire(TERMS, wanted("a", routine=20), 0).slots == 7
    grant = state.acquire(TERMS, wanted("b", stat=1, routine=3), 0.1)
    assert (grant.slots, grant.stat_slots) == (0, 1)


def test_after_a_429_everybody_stays_away_and_not_for_ever() -> None:
    state = Allotment()
    state.rest(3600, 0)
    grant = state.acquire(TERMS, wanted("a", stat=1), 1)
    assert (grant.requests, grant.wait_s) == (0, LONGEST_REST_S - 1)
    assert state.acquire(TERMS, wanted("a"), LONGEST_REST_S).requests == 1


def test_a_clock_that_is_set_back_stops_nothing() -> None:
    state = Allotment()
    state.acquire(TERMS, wanted("a", size=1000), 10_000)
    again = Allotment.load(state.dump(10_000), 5_000)
    assert again.acquire(TERMS, wanted("b"), 5_000.0).wait_s == pytest.approx(1, abs=0.05)
    assert set(Allotment.load(again.dump(5_000), 5_000 + TERMS.lease_s).leases) == set()


def test_bytes_that_came_back_delay_what_comes_after() -> None:
    state = Allotment()
    state.acquire(TERMS, Wanted("a", waiting=waiting(routine=1), requests=1, bytes=10, owed=2000), 0)
    assert state.acquire(TERMS, wanted("b"), 1.0).requests == 0
    assert state.acquire(TERMS, wanted("b"), 2.1).requests == 1


def test_no_limits_are_no_waits() -> None:
    state = Allotment()
    for _ in range(5):
        grant = state.acquire(Terms(concurrency=100), wanted("a", size=1e12), 0)
        assert grant == Grant(1, 0, 1, 1e12)
    assert RANKS == 4
