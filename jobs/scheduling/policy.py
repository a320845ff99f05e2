"""Which waiting job starts next. Pure: the workers and the simulation of a hospital ask the same function.

The rule. A worker has general slots, and reserved slots that only STAT may use. The policy sees the head of line of
each (priority, site) group, oldest first within a group, and answers with one of them and the slot it takes:

1. What is paused, or runs as often at once as its priority may, is passed over. (STAT in a reserved slot counts
   against no limit.)
2. STAT goes first, the oldest of them, into a general slot where one is free, else into a reserved one. So a reserved
   slot is the last to be taken, and stays free for the STAT that comes next.
3. A job that has waited longer than its priority's patience is overdue. Of every `overdue_every` starts in general
   slots one goes to the overdue job whose patience ended first, whatever its priority: a ROUTINE study that waited long
   enough overtakes URGENT, and when the general slots are all there is, even STAT. It never takes a reserved slot.
4. Else the most urgent priority goes first; within it the site that has least of its share: jobs that run plus jobs
   that ended of late, divided by the site's weight; the oldest of equals.

Nothing starves: a job that becomes overdue has only those overdue jobs before it that were there already, each of which
takes `overdue_every` starts at most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from domain.study import Priority

RANK: Mapping[Priority, int] = {priority: rank for rank, priority in enumerate(Priority)}
"""0 for the most urgent."""
PATIENCE_S: Mapping[Priority, float] = {
    Priority.STAT: 60.0,
    Priority.URGENT: 15 * 60.0,
    Priority.ROUTINE: 2 * 3600.0,
    Priority.RESEARCH: 24 * 3600.0,
}


class Slot(StrEnum):
    """What a job takes of a worker."""

    GENERAL = "general"
    RESERVED = "reserved"


class Why(StrEnum):
    """Which part of the rule chose a job."""

    STAT = "stat"
    OVERDUE = "overdue"
    TURN = "turn"


@dataclass(frozen=True)
class Waiting:
    """The oldest waiting job of a priority at a site.

    Attributes:
        since: when it was queued, in seconds of the clock that `now` is of.
        number: running number, for the order of jobs that were queued at once.
        site: whose share it takes, "" for the only one.
    """

    priority: Priority
    since: float
    job_id: str = ""
    site: str = ""
    number: int = 0


@dataclass(frozen=True)
class Load:
    """What is going on.

    Attributes:
        general, reserved: free slots of the worker that asks.
        running: jobs that run, on all workers, by priority and site.
        served: jobs that ended of late, on all workers, by site.
        since_overdue: starts in general slots of this worker since the last one that was given for being overdue.
    """

    general: int
    reserved: int = 0
    running: Mapping[tuple[Priority, str], int] = field(default_factory=dict)
    served: Mapping[str, float] = field(default_factory=dict)
    since_overdue: int = 0


@dataclass(frozen=True)
class Limits:
    """What a hospital sets.

    Attributes:
        at_once: jobs of a priority that may run at once on all workers; without an entry there is no limit.
        patience_s: seconds until a waiting job is overdue.
        overdue_every: one of so many starts in general slots is for the overdue.
        paused: priorities that nothing is started of.
        weights: a site's part of the whole relative to others; 1 without an entry.
    """

    at_once: Mapping[Priority, int] = field(default_factory=dict)
    patience_s: Mapping[Priority, float] = field(default_factory=lambda: PATIENCE_S)
    overdue_every: int = 8
    paused: frozenset[Priority] = frozenset()
    weights: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.overdue_every < 1:
            raise ValueError("overdue_every counts from 1")
        if any(limit < 1 for limit in self.at_once.values()):
            raise ValueError("a priority runs one job at once at least; pause it to stop it")
        if any(weight <= 0 for weight in self.weights.values()):
            raise ValueError("a site's weight is more than 0")
        if set(self.patience_s) != set(Priority):
            raise ValueError("each priority has its patience")


@dataclass(frozen=True)
class Choice:
    """The job to start, the slot it takes, and why it was its turn."""

    job: Waiting
    slot: Slot
    why: Why


def choose(waiting: Iterable[Waiting], load: Load, limits: Limits, now: float) -> Choice | None:
    """The job to start now, None when nothing may start. The order of `waiting` does not matter.

    Args:
        waiting: heads of line; more than one of a group does no harm.
    """
    heads = [job for job in waiting if job.priority not in limits.paused]
    within = _within(load, limits)
    open_heads = [job for job in heads if job.priority in within] if load.general > 0 else []
    overdue = _overdue(open_heads, limits, now) if load.since_overdue >= limits.overdue_every - 1 else None
    stat = min((job for job in heads if job.priority is Priority.STAT), key=_age, default=None)
    if stat is not None:
        if overdue in (None, stat) and stat in open_heads:
            return Choice(stat, Slot.GENERAL, Why.STAT)
        if load.reserved > 0:
            return Choice(stat, Slot.RESERVED, Why.STAT)
    if overdue is not None:
        return Choice(overdue, Slot.GENERAL, Why.OVERDUE)
    share = _shares(load, limits)
    turn = min(open_heads, key=lambda job: (RANK[job.priority], share(job.site), _age(job)), default=None)
    return None if turn is None else Choice(turn, Slot.GENERAL, Why.TURN)


def _within(load: Load, limits: Limits) -> frozenset[Priority]:
    """Priorities that may run one more job in a general slot."""
    running = dict.fromkeys(Priority, 0)
    for (priority, _), jobs in load.running.items():
        running[priority] += jobs
    return frozenset(p for p in Priority if p not in limits.at_once or running[p] < limits.at_once[p])


def _overdue(heads: Iterable[Waiting], limits: Limits, now: float) -> Waiting | None:
    """The job whose patience ended first, None while all are patient."""
    late = [job for job in heads if _due(job, limits) <= now]
    return min(late, key=lambda job: (_due(job, limits), RANK[job.priority], _age(job)), default=None)


def _due(job: Waiting, limits: Limits) -> float:
    return job.since + limits.patience_s[job.priority]


def _shares(load: Load, limits: Limits) -> Callable[[str], float]:
    """What a site has of its share now."""
    taken = dict(load.served)
    for (_, site), jobs in load.running.items():
        taken[site] = taken.get(site, 0.0) + jobs
    return lambda site: taken.get(site, 0.0) / limits.weights.get(site, 1.0)


def _age(job: Waiting) -> tuple[float, int, str, str]:
    return job.since, job.number, job.site, job.job_id
