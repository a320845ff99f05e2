"""Capacity planning: a small estate that keeps stated targets in the busiest hour, and what else it needs.

1. One share of use for everything (`estate.sized`) is bisected: the highest with which the targets hold.
2. Then each resource alone is made smaller, step by step, as long as they hold: workers, and each model's instances.
   Endpoints are as many as bytes and requests ask for at that share.
3. Of nothing may the busiest hour of an average day take more than `MOST`: what is used fully has a queue that grows as
   long as the hour lasts, however short a look at it is; and other days are busier.

What is simulated is most of the busiest hour, with a time before it to fill up. Above `CELL` studies a day the
share is sought for `CELL` of them, as each try would take minutes else. A larger estate evens out more, so the share
holds for it too, and a somewhat higher one may; a shorter look at full size checks that. `--verify` plays the whole
day on what was found, with an outage, a death and the nightly batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil

from benchmarks.hospital.arrivals import HOUR_S, Mix, day
from benchmarks.hospital.day import Day, Scene, sharing
from benchmarks.hospital.estate import Demanded, Estate, Fleet, Tightness, busiest, fleet_for, sized
from benchmarks.hospital.models import MODELS
from benchmarks.hospital.tally import Price, Totals, totals
from domain.study import Priority

FILL_H, LOOK_H = 0.3, 0.7
"""Hours that are simulated before the look, and looked at; half of it at full size above a cell."""
CELL, _PART = 200_000, 0.5
_SAMPLE = 30_000
MOST = 0.9
_LOOSE, _FINE = 0.5, 0.02
_SLOTS_SPARE = 2.0
"""Slots for what the models take on average: one that waits for a model costs memory, not a core."""
_STEP = 0.04


@dataclass(frozen=True)
class Targets:
    """Seconds. `stat_start`: p99 until the work on STAT begins; others: p95 until the result is there."""

    stat_start: float = 1.0
    stat: float = 60.0
    urgent: float = 120.0
    routine: float = 600.0

    def missed(self, found: Totals) -> list[str]:
        """What does not hold."""
        wanted: Mapping[Priority, float] = {
            Priority.STAT: self.stat,
            Priority.URGENT: self.urgent,
            Priority.ROUTINE: self.routine,
        }
        misses = [] if not found.failed else [f"{found.failed} failed"]
        for priority, seconds in wanted.items():
            line = found.line(priority)
            if line is not None and line.result.p95 > seconds:
                misses.append(f"{priority} result p95 {line.result.p95:.1f} s > {seconds:g} s")
        stat = found.line(Priority.STAT)
        if stat is not None and stat.start.p99 > self.stat_start:
            misses.append(f"STAT start p99 {stat.start.p99:.2f} s > {self.stat_start:g} s")
        return misses


@dataclass(frozen=True)
class Plan:
    """What was found.

    Attributes:
        load: of the busiest hour, on average a second. tight: share of use that was bisected.
        found: of the part of the busiest hour that was looked at. missed: targets that do not hold at all.
        tried: simulations.
    """

    mix: Mix
    estate: Estate
    load: Demanded
    tight: float
    found: Totals
    missed: tuple[str, ...]
    tried: int


class Planner:
    """Searches.

    Args:
        base: cores of a worker, and the endpoints' limits.
        tell: told each try, in a line.
    """

    def __init__(
        self,
        mix: Mix,
        base: Estate,
        targets: Targets,
        *,
        latency: float = 1.0,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        sample = day(replace(mix, studies=min(mix.studies, _SAMPLE), batch=False))
        hours = [0] * 24
        for study in sample:
            hours[int(study.arrival // HOUR_S)] += 1
        self.hour = max(range(24), key=hours.__getitem__)
        part = _PART if mix.studies > CELL else 1.0
        self._mix = replace(mix, batch=False, window=(self.hour - part * FILL_H, self.hour + part * LOOK_H))
        self.load = _times(busiest(sample, latency), mix.studies / min(mix.studies, _SAMPLE))
        self._whole = mix
        self._targets = targets
        self._latency = latency
        self._tell = tell or (lambda _: None)
        ratio = self.load.slots / self.load.cores
        self._base = replace(base, general=max(1, ceil(base.cores * ratio * _SLOTS_SPARE)))
        self.tried = 0

    def search(self) -> Plan:
        """The smallest estate that was found; above `CELL` an upper bound."""
        if self._whole.studies > CELL:
            cell = Planner(
                replace(self._whole, studies=CELL), self._base, self._targets, latency=self._latency, tell=self._tell
            ).search()
            self.tried += cell.tried
            return self.at(cell.tight)
        low, high = _LOOSE, MOST
        best = sized(self.load, Tightness(high, high), self._base)
        found = self.play(best)
        if not self._targets.missed(found):
            low = high
        else:
            best = sized(self.load, Tightness(low, low), self._base)
            found = self.play(best)
        while high - low > _FINE and not self._targets.missed(found):
            middle = (low + high) / 2
            estate = sized(self.load, Tightness(middle, middle), self._base)
            outcome = self.play(estate)
            if self._targets.missed(outcome):
                high = middle
            else:
                low, best, found = middle, estate, outcome
        for smaller in self._smaller() if not self._targets.missed(found) else ():
            while (less := smaller(best)) is not None:
                outcome = self.play(less)
                if self._targets.missed(outcome):
                    break
                best, found = less, outcome
        return Plan(self._mix, best, self.load, low, found, tuple(self._targets.missed(found)), self.tried)

    def at(self, tight: float) -> Plan:
        """What a share of use comes to, without a search."""
        estate = sized(self.load, Tightness(tight, tight), self._base)
        found = self.play(estate)
        return Plan(self._mix, estate, self.load, tight, found, tuple(self._targets.missed(found)), self.tried)

    def play(self, estate: Estate) -> Totals:
        """A part of the busiest hour."""
        self.tried += 1
        scene = Scene(self._mix, estate, limits=sharing(self._mix.sites), latency=self._latency)
        outcome = totals(Day(scene).run(), Price(), since=self.hour * HOUR_S)
        misses = self._targets.missed(outcome)
        sizes = ", ".join(f"{name} {f.instances} in {f.endpoints}" for name, f in estate.fleets.items())
        self._tell(f"{estate.workers} workers, {sizes}: {'; '.join(misses) or 'holds'}")
        return outcome

    def _smaller(self) -> Iterator[Callable[[Estate], Estate | None]]:
        load = self.load
        least = ceil(max(load.cores / self._base.cores, load.slots / self._base.general) / MOST)

        def workers(estate: Estate) -> Estate | None:
            fewer = _less(estate.workers)
            return replace(estate, workers=fewer) if fewer >= least else None

        yield workers
        # The most expensive model first: what it saves is most.
        for name in sorted(MODELS, key=lambda one: -load.busy[one] / MODELS[one].at_once):

            def instances(estate: Estate, name: str = name) -> Estate | None:
                fleet = estate.fleets[name]
                floor = fleet_for(name, load, MOST, self._base.limits)
                count = max(_less(fleet.instances), floor.instances)
                if count >= fleet.instances:
                    return None
                return estate.with_fleet(name, Fleet(max(min(fleet.endpoints, count), floor.endpoints), count))

            yield instances


def _less(count: int) -> int:
    return count - max(1, int(count * _STEP))


def _times(load: Demanded, factor: float) -> Demanded:
    def more(table: Mapping[str, float]) -> dict[str, float]:
        return {name: value * factor for name, value in table.items()}

    return Demanded(
        load.studies * factor,
        load.cores * factor,
        load.slots * factor,
        more(load.busy),
        more(load.sent),
        more(load.asked),
    )
