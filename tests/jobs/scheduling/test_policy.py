"""The scheduling rule: STAT at once, urgency first, nothing starves, sites share, the same answer each time."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.study import Priority
from jobs.scheduling.policy import PATIENCE_S, Choice, Limits, Load, Slot, Waiting, Why, choose

STAT, URGENT, ROUTINE, RESEARCH = Priority
HOUR = 3600.0


@dataclass
class Ward:
    """One worker on a virtual clock."""

    general: int = 1
    reserved: int = 1
    limits: Limits = field(default_factory=Limits)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.queue: dict[tuple[Priority, str], list[Waiting]] = {}
        self.running: list[tuple[float, int, Choice]] = []
        self.ended: Counter[str] = Counter()
        self.starts: list[tuple[float, Choice]] = []
        self.since_overdue = 0
        self._count = 0

    def arrive(self, priority: Priority, site: str = "") -> Waiting:
        self._count += 1
        job = Waiting(priority, self.now, f"j{self._count}", site, self._count)
        self.queue.setdefault((priority, site), []).append(job)
        return job

    def load(self) -> Load:
        taken = Counter(choice.slot for _, _, choice in self.running)
        running = Counter((c.job.priority, c.job.site) for _, _, c in self.running)
        general, reserved = self.general - taken[Slot.GENERAL], self.reserved - taken[Slot.RESERVED]
        return Load(general, reserved, running, dict(self.ended), self.since_overdue)

    def start(self, seconds: float) -> list[Choice]:
        """Fill the slots with jobs that take so long."""
        begun = []
        while choice := choose([line[0] for line in self.queue.values() if line], self.load(), self.limits, self.now):
            line = self.queue[choice.job.priority, choice.job.site]
            assert line.pop(0) is choice.job
            if choice.slot is Slot.GENERAL:
                self.since_overdue = 0 if choice.why is Why.OVERDUE else self.since_overdue + 1
            heapq.heappush(self.running, (self.now + seconds, len(self.starts), choice))
            self.starts.append((self.now, choice))
            begun.append(choice)
        return begun

    def finish(self) -> None:
        """Let time pass until the next job ends."""
        self.now, _, choice = heapq.heappop(self.running)
        self.ended[choice.job.site] += 1


def started(ward: Ward) -> list[str]:
    return [choice.job.job_id for _, choice in ward.starts]


# -- STAT -------------------------------------------------------------------------------------------------------------


def test_stat_takes_a_general_slot_first_and_the_reserved_one_last() -> None:
    heads = [Waiting(STAT, 5.0, "s"), Waiting(URGENT, 0.0, "u")]
    assert choose(heads, Load(1, 1), Limits(), 9.0) == Choice(heads[0], Slot.GENERAL, Why.STAT)
    assert choose(heads, Load(0, 1), Limits(), 9.0) == Choice(heads[0], Slot.RESERVED, Why.STAT)
    assert choose(heads, Load(0, 0), Limits(), 9.0) is None


@pytest.mark.parametrize("priority", [URGENT, ROUTINE, RESEARCH])
def test_nothing_but_stat_takes_the_reserved_slot_however_long_it_waited(priority: Priority) -> None:
    assert choose([Waiting(priority, 0.0)], Load(0, 1, since_overdue=99), Limits(), 1e9) is None


def test_the_oldest_stat_goes_first_whatever_its_site_has_had() -> None:
    heads = [Waiting(STAT, 5.0, "a", "north"), Waiting(STAT, 4.0, "b", "south")]
    chosen = choose(heads, Load(1, 1, served={"south": 50.0}), Limits(), 9.0)
    assert chosen is not None
    assert chosen.job.job_id == "b"


heads_of_any = st.lists(
    st.builds(
        Waiting,
        priority=st.sampled_from(Priority),
        since=st.floats(0, 1e6),
        job_id=st.uuids().map(str),
        site=st.sampled_from(["", "north", "south", "east"]),
        number=st.integers(0, 1000),
    ),
    max_size=12,
)
loads = st.builds(
    Load,
    general=st.integers(0, 3),
    reserved=st.integers(0, 2),
    running=st.dictionaries(st.tuples(st.sampled_from(Priority), st.sampled_from(["", "north"])), st.integers(0, 9)),
    served=st.dictionaries(st.sampled_from(["", "north", "south"]), st.floats(0, 1e3)),
    since_overdue=st.integers(0, 9),
)
limits_of_any = st.builds(
    Limits,
    at_once=st.dictionaries(st.sampled_from(Priority), st.integers(1, 4)),
    overdue_every=st.integers(1, 6),
    paused=st.frozensets(st.sampled_from(Priority)),
    weights=st.dictionaries(st.sampled_from(["", "north"]), st.floats(0.1, 9)),
)


@settings(max_examples=40, deadline=None)
@given(heads_of_any, loads, limits_of_any, st.floats(0, 2e6))
def test_stat_can_always_start_while_a_reserved_slot_is_free(
    heads: list[Waiting], load: Load, limits: Limits, now: float
) -> None:
    heads = [*heads, Waiting(STAT, now)]
    limits = replace(limits, paused=limits.paused - {STAT})
    chosen = choose(heads, replace(load, reserved=max(1, load.reserved)), limits, now)
    assert chosen is not None
    assert chosen.job.priority is STAT or chosen.slot is Slot.GENERAL  # then the reserved slot is still there
    if chosen.why is not Why.STAT:
        pytest.fail("STAT waits although it could start")


@settings(max_examples=40, deadline=None)
@given(heads_of_any, loads, limits_of_any, st.floats(0, 2e6), st.randoms(use_true_random=False))
def test_the_answer_is_one_that_may_start_and_does_not_depend_on_the_order_of_the_heads(
    heads: list[Waiting], load: Load, limits: Limits, now: float, shuffle: random.Random
) -> None:
    chosen = choose(heads, load, limits, now)
    mixed = list(heads)
    shuffle.shuffle(mixed)
    assert choose(mixed, load, limits, now) == chosen
    if chosen is None:
        return
    running = sum(jobs for (priority, _), jobs in load.running.items() if priority is chosen.job.priority)
    assert chosen.job in heads
    assert chosen.job.priority not in limits.paused
    if chosen.slot is Slot.GENERAL:
        assert load.general > 0
        assert running < limits.at_once.get(chosen.job.priority, 1000)
    else:
        assert (chosen.job.priority, load.reserved > 0) == (STAT, True)


@settings(max_examples=40, deadline=None)
@given(heads_of_any, loads, limits_of_any, st.floats(0, 2e6))
def test_a_free_general_slot_is_never_left_empty_while_something_may_run(
    heads: list[Waiting], load: Load, limits: Limits, now: float
) -> None:
    load = replace(load, general=1, running={})
    waiting = [job for job in heads if job.priority not in limits.paused]
    assert (choose(heads, load, limits, now) is None) == (not waiting)


# -- nothing starves --------------------------------------------------------------------------------------------------

arrivals = st.lists(
    st.tuples(st.sampled_from(Priority), st.sampled_from(["", "north"]), st.integers(0, 3)), max_size=60
)


@settings(max_examples=15, deadline=None)
@given(arrivals, st.sampled_from([URGENT, ROUTINE, RESEARCH]), st.integers(1, 3), st.integers(0, 1), st.integers(1, 5))
def test_what_is_overdue_waits_for_those_that_were_overdue_before_and_no_other(
    before: Iterable[tuple[Priority, str, int]], priority: Priority, general: int, reserved: int, every: int
) -> None:
    """A flood of STAT and URGENT, more than the slots can do, for as long as it takes."""
    ward = Ward(general, reserved, Limits(overdue_every=every))
    for earlier, site, pause in before:
        ward.now += pause * HOUR
        ward.arrive(earlier, site)
    mine = ward.arrive(priority, "north")
    due = mine.since + PATIENCE_S[priority]
    bound, general_starts = None, 0
    while mine.job_id not in started(ward):
        for flood in (STAT, URGENT, URGENT):
            ward.arrive(flood)
        if bound is None and ward.now >= due:
            earlier_due = sum(
                job.since + PATIENCE_S[job.priority] <= due for line in ward.queue.values() for job in line
            )
            bound = every * (earlier_due + 1)
        begun = ward.start(600.0)
        if bound is not None:
            general_starts += sum(choice.slot is Slot.GENERAL for choice in begun)
            assert general_starts <= bound + general
        ward.finish()


def test_a_routine_that_waited_long_enough_overtakes_urgent_in_one_of_eight_starts() -> None:
    ward = Ward(1, 1)
    old = [ward.arrive(ROUTINE) for _ in range(3)]
    ward.now = 3 * HOUR
    for _ in range(20):
        ward.arrive(URGENT)
    for _ in range(16):
        ward.start(1.0)
        ward.finish()
    mine = {job.job_id for job in old}
    assert [choice.job.job_id in mine for _, choice in ward.starts] == [*[False] * 7, True] * 2


def test_a_patient_routine_never_overtakes_urgent() -> None:
    heads = [Waiting(ROUTINE, 0.0, "r"), Waiting(URGENT, HOUR, "u")]
    chosen = choose(heads, Load(1, since_overdue=99), Limits(), HOUR + 1)
    assert chosen is not None
    assert (chosen.job.job_id, chosen.why) == ("u", Why.TURN)


# -- sites ------------------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 5), st.integers(1, 4), st.data())
def test_sites_that_always_have_work_get_the_same_within_one_job(sites: int, general: int, data: st.DataObject) -> None:
    ward = Ward(general, 0)
    for _ in range(30):
        for site in range(sites):
            ward.arrive(ROUTINE, f"site {site}")
    for _ in range(30):
        ward.start(data.draw(st.floats(0.5, 20.0)))
        count = Counter(choice.job.site for _, choice in ward.starts)
        assert max(count.values()) - min(count[f"site {s}"] for s in range(sites)) <= 1
        ward.finish()


def test_a_site_of_twice_the_weight_gets_twice_as_much() -> None:
    ward = Ward(1, 0, Limits(weights={"north": 2.0}))
    for _ in range(30):
        ward.arrive(ROUTINE, "north")
        ward.arrive(ROUTINE, "south")
    for _ in range(30):
        ward.start(1.0)
        ward.finish()
    assert Counter(choice.job.site for _, choice in ward.starts) == {"north": 20, "south": 10}


def test_urgency_counts_more_than_a_sites_share() -> None:
    heads = [Waiting(URGENT, 5.0, "u", "north"), Waiting(ROUTINE, 0.0, "r", "south")]
    chosen = choose(heads, Load(1, served={"north": 99.0}), Limits(), 9.0)
    assert chosen is not None
    assert chosen.job.job_id == "u"


# -- limits -----------------------------------------------------------------------------------------------------------


def test_a_priority_runs_no_more_at_once_than_it_may_but_stat_always_has_its_reserved_slot() -> None:
    limits = Limits(at_once={RESEARCH: 1, STAT: 1})
    running: Mapping[tuple[Priority, str], int] = {(RESEARCH, "a"): 1, (STAT, "a"): 1}
    heads = [Waiting(RESEARCH, 0.0, "x", "b"), Waiting(ROUTINE, 5.0, "r")]
    chosen = choose(heads, Load(2, 1, running, since_overdue=9), limits, 1e9)
    assert chosen is not None
    assert chosen.job.job_id == "r"
    stat = Waiting(STAT, 0.0, "s")
    assert choose([stat], Load(2, 1, running), limits, 9.0) == Choice(stat, Slot.RESERVED, Why.STAT)
    assert choose([stat], Load(2, 0, running), limits, 9.0) is None


@pytest.mark.parametrize("priority", list(Priority))
def test_a_paused_priority_is_skipped_even_where_it_is_overdue(priority: Priority) -> None:
    limits = Limits(paused=frozenset({priority}))
    other = Waiting(next(p for p in Priority if p is not priority), 5.0, "other")
    load = Load(2, 2, since_overdue=99)
    assert choose([Waiting(priority, 0.0)], load, limits, 1e9) is None
    chosen = choose([Waiting(priority, 0.0), other], load, limits, 1e9)
    assert chosen is not None
    assert chosen.job is other


def test_limits_that_cannot_work_are_refused() -> None:
    for wrong in ({"overdue_every": 0}, {"at_once": {STAT: 0}}, {"weights": {"a": 0.0}}, {"patience_s": {STAT: 1.0}}):
        with pytest.raises(ValueError, match=r"\w"):
            Limits(**wrong)


def test_nothing_waits_nothing_starts() -> None:
    assert choose([], Load(3, 1), Limits(), 0.0) is None
