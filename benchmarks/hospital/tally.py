"""What a day came to, as numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.hospital.arrivals import HOUR_S, Study
from benchmarks.hospital.day import Day
from domain.study import Priority


@dataclass(frozen=True)
class Price:
    """Of an hour, in any currency. The defaults are round figures to multiply with, no provider's price."""

    gpu: float = 4.0
    core: float = 0.05


@dataclass(frozen=True)
class Times:
    """Seconds: p50, p90, p95, p99 and the longest."""

    p50: float
    p90: float
    p95: float
    p99: float
    longest: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Times:
        """Of at least one; every figure is one that was seen (the next higher one)."""
        return cls(*np.percentile(seconds, [50, 90, 95, 99, 100], method="higher").tolist())


@dataclass(frozen=True)
class Line:
    """A priority's studies: how many, until the work began, until the result was there."""

    priority: str
    studies: int
    start: Times
    result: Times


@dataclass(frozen=True)
class Fleets:
    """A model's endpoints: shares of their slots that were busy, in the day and in its busiest hour."""

    endpoints: int
    instances: int
    busy: float
    busiest: float
    bytes: int
    tries: int
    retries: int
    failed: Mapping[str, int]
    given_up: int
    over: int


@dataclass(frozen=True)
class Totals:
    """Everything about a day.

    Attributes:
        slots, cores: shares that were busy, in the busiest hour.
    """

    rule: str
    studies: int
    done: int
    failed: int
    lost: int
    parked: int
    resumed: int
    claims: int
    steps: int
    lines: tuple[Line, ...]
    site_p90: Mapping[str, float]
    workers: int
    slots: float
    cores: float
    slots_day: float
    longest_queue: int
    models: Mapping[str, Fleets]
    worker_hours: float
    gpu_hours: float
    cost: float
    ended_h: float
    events: int

    def as_json(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)

    def line(self, priority: Priority) -> Line | None:
        """A priority's; None where none came."""
        return next((line for line in self.lines if line.priority == priority.value), None)


def totals(day: Day, price: Price, since: float = 0.0) -> Totals:
    """Of a day that is over.

    Args:
        since: studies that came before are left out of the times: the day was still filling up.
    """
    seen = [study for study in day.studies if study.arrival >= since and study.results]
    worker_s = sum((day.end if w.to_s is None else w.to_s) - w.from_s for w in day.crew.workers)
    gpu_s = sum(pool.gpu_s(day.end) for pool in day.pools.values())
    estate = day.scene.estate
    cores = worker_s * estate.cores
    return Totals(
        rule=day.scene.rule,
        studies=len(day.studies),
        done=day.done,
        failed=day.failed,
        lost=day.lost,
        parked=day.parked,
        resumed=day.resumed,
        claims=day.claims,
        steps=day.steps,
        lines=tuple(line for priority in Priority if (line := _line(day, priority, seen)) is not None),
        site_p90=_by_site(seen),
        workers=len(day.crew.open_workers),
        slots=_busiest(day, [sample.slots for sample in day.samples]),
        cores=_busiest(day, [sample.cores for sample in day.samples]),
        slots_day=day.crew.busy_slot_s / (worker_s * (estate.general + estate.reserved)) if worker_s else 0.0,
        longest_queue=max((sample.waiting for sample in day.samples), default=0),
        models={name: _fleets(day, name) for name in day.pools},
        worker_hours=worker_s / HOUR_S,
        gpu_hours=gpu_s / HOUR_S,
        cost=(gpu_s * price.gpu + cores * price.core) / HOUR_S,
        ended_h=day.clock.now / HOUR_S,
        events=day.clock.steps,
    )


def _line(day: Day, priority: Priority, seen: Sequence[Study]) -> Line | None:
    mine = [study for study in seen if study.priority is priority]
    if not mine:
        return None
    start = Times.of([study.started - study.arrival for study in mine])
    result = Times.of([day.results_at[study] - study.arrival for study in mine])
    return Line(priority.value, len(mine), start, result)


def _by_site(seen: Sequence[Study]) -> dict[str, float]:
    starts: dict[str, list[float]] = {}
    for study in seen:
        if study.priority is Priority.ROUTINE:
            starts.setdefault(study.waiting.site, []).append(study.started - study.arrival)
    return {site: Times.of(starts[site]).p90 for site in sorted(starts)}


def _fleets(day: Day, name: str) -> Fleets:
    pool = day.pools[name]
    gpu_s = pool.gpu_s(day.end)
    return Fleets(
        endpoints=len(pool.routes),
        instances=pool.instances,
        busy=sum(route.busy_s for route in pool.routes) / (gpu_s * pool.model.at_once) if gpu_s else 0.0,
        busiest=_busiest(day, [sample.models[name] for sample in day.samples]),
        bytes=sum(route.bytes for route in pool.routes),
        tries=pool.counts.tries,
        retries=pool.counts.retries,
        failed=dict(sorted(pool.counts.failed.items())),
        given_up=pool.counts.given_up,
        over=sum(route.over for route in pool.routes),
    )


def _busiest(day: Day, shares: Sequence[float]) -> float:
    """Mean of the hour with the highest one."""
    hours: dict[int, list[float]] = {}
    for sample, share in zip(day.samples, shares, strict=True):
        hours.setdefault(int(sample.at // HOUR_S), []).append(share)
    return max((sum(hour) / len(hour) for hour in hours.values()), default=0.0)
