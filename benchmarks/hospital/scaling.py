"""Autoscaling on the virtual clock: what `jobs.scheduling.demand` advises, done with the delays of real machines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from benchmarks.hospital.arrivals import HOUR_S, Mix, day
from benchmarks.hospital.day import Day
from benchmarks.hospital.estate import Demanded
from domain.study import Priority
from jobs.scheduling.demand import Advice, Bounds, Demand, Work, recommend

EVERY_S = 60.0
WORKER_BOOT_S = 60.0
INSTANCE_BOOT_S = 600.0
"""Until a new worker, or a new instance with its model loaded, takes work. Assumptions."""
RESEARCH_WITHIN_S = 6 * HOUR_S
"""A nightly batch shall be done in so long."""
PAST_WEEKS = 4
LEAST = 2
"""Workers: one may die."""
_SAMPLE = 20_000


@dataclass(frozen=True)
class Goals:
    """Seconds in which waiting jobs shall start, and calls that wait for a model."""

    jobs_s: float = 300.0
    calls_s: float = 120.0


def past(mix: Mix) -> Demand:
    """What the hours of a Monday were like in weeks before: other days of the same kind."""
    demand = Demand()
    sample = replace(mix, studies=min(mix.studies, _SAMPLE), batch=False)
    for week in range(PAST_WEEKS):
        counts = [0] * 24
        for study in day(replace(sample, seed=mix.seed + 1000 + week)):
            counts[int(study.arrival // HOUR_S)] += 1
        scale = mix.studies / sample.studies
        demand = demand.after_all((hour, count * scale) for hour, count in enumerate(counts))
    return demand


class Autoscaler:
    """Looks at a day every minute and changes its workers and instances.

    Args:
        usual: what studies ask for on average; a deployment measures it.
    """

    def __init__(self, played: Day, demand: Demand, usual: Demanded, goals: Goals = Goals()) -> None:
        self._day = played
        self._demand = demand
        self._usual = usual
        self._goals = goals
        estate = played.scene.estate
        self._slot_s = usual.slots / usual.studies
        self._workers = Advice(estate.workers, estate.workers)
        self._instances = {name: Advice(pool.instances, pool.instances) for name, pool in played.pools.items()}
        self._coming = 0
        self.changes = 0
        played.clock.at(0.0, self._look)

    def _look(self) -> None:
        now = self._day.clock.now
        # As far ahead as an instance takes to come.
        ahead = now + INSTANCE_BOOT_S
        per_s = self._demand.rate(int(ahead // HOUR_S) % 24, ahead % HOUR_S / HOUR_S)[1]
        self._scale_workers(per_s, now)
        for name in self._instances:
            self._scale_model(name, per_s, now)
        if not self._day.over:
            self._day.clock.after(EVERY_S, self._look)

    def _scale_workers(self, per_s: float, now: float) -> None:
        waiting, estate = self._day.crew.lines.waiting, self._day.scene.estate
        research = waiting[Priority.RESEARCH] * self._goals.jobs_s / RESEARCH_WITHIN_S
        queued = sum(waiting.values()) - waiting[Priority.RESEARCH] + research
        by_slots = estate.general / self._slot_s
        by_cores = estate.cores * self._usual.studies / self._usual.cores
        work = Work(queued, per_s, min(by_slots, by_cores), self._goals.jobs_s)
        self._workers = recommend(work, self._workers, now, Bounds(least=LEAST))
        there = self._day.crew.open_workers
        missing = self._workers.units - len(there) - self._coming
        if missing > 0:
            self._coming += missing
            self._later(WORKER_BOOT_S, lambda: self._hire(missing))
        for worker in sorted(there, key=lambda one: len(one.running))[: max(0, -missing)]:
            self._day.crew.give_up(worker)
            self.changes += 1

    def _hire(self, count: int) -> None:
        estate = self._day.scene.estate
        self._coming -= count
        for _ in range(count):
            self._day.crew.hire(estate.general, estate.reserved, estate.cores)
            self.changes += 1

    def _scale_model(self, name: str, per_s: float, now: float) -> None:
        pool, usual = self._day.pools[name], self._usual
        if not usual.asked[name]:
            return
        calls = usual.asked[name] / usual.studies
        latency = usual.busy[name] / usual.asked[name]
        # A batch keeps slots busy that would rest: its calls come as fast as workers start them.
        work = Work(pool.waiting, per_s * calls, pool.model.at_once / latency, self._goals.calls_s)
        before = self._instances[name]
        after = recommend(work, before, now, Bounds(least=len(pool.routes)))
        self._instances[name] = after
        if after.units != before.units:
            delay = INSTANCE_BOOT_S if after.units > pool.instances else 0.0
            self._later(delay, lambda: self._set(name))

    def _set(self, name: str) -> None:
        """What is advised by now: an instance that came too late is not kept."""
        if self._day.pools[name].instances != self._instances[name].units:
            self._day.pools[name].scale(self._instances[name].units)
            self.changes += 1

    def _later(self, seconds: float, what: Callable[[], None]) -> None:
        self._day.clock.after(seconds, what)
