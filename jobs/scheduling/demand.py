"""How much work is to come, and how many workers or instances that takes. Pure.

The forecast is a seasonal mean: of each of the 168 hours of a week, older weeks counting less and less (exponentially
weighted), with the variance seen so far. Its interval is never narrower than a Poisson count's, since patients come
one by one. An hour that was never seen is taken from the same hour of other days, then from all hours.

The advice is what the queue and the arrivals need, with hysteresis: more at once, less only after a calm while, and
nothing for a difference within a band. So one burst starts no workers that the next minute stops.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, inf, isfinite, sqrt

HOURS = 168
"""Of a week; 0 is Monday from 0 to 1 o'clock, in the hospital's time."""
_DAY = 24


@dataclass(frozen=True)
class Expected:
    """Jobs of an hour: mean, and the interval that most such hours lie in. `weeks`: seen of that hour."""

    mean: float
    low: float
    high: float
    weeks: int


@dataclass(frozen=True)
class _Hour:
    mean: float = 0.0
    variance: float = 0.0
    weeks: int = 0

    def after(self, jobs: float, weight: float) -> _Hour:
        if self.weeks == 0:
            return _Hour(jobs, 0.0, 1)
        # While few weeks were seen each counts alike; the first would weigh too much else.
        share = max(weight, 1.0 / (self.weeks + 1))
        off = jobs - self.mean
        return _Hour(self.mean + share * off, (1 - share) * (self.variance + share * off * off), self.weeks + 1)


@dataclass(frozen=True)
class Demand:
    """What is known of a week's hours.

    Attributes:
        weight: of the newest week, above 0 and at most 1; 0.3 forgets half in two weeks.
        width: half the interval in standard deviations; 1.96 holds 95 of 100 hours where counts are near normal.
    """

    weight: float = 0.3
    width: float = 1.96
    hours: tuple[_Hour, ...] = field(default=(_Hour(),) * HOURS, repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.weight <= 1:
            raise ValueError("the newest week's weight is above 0 and at most 1")
        if self.width < 0:
            raise ValueError("an interval has no negative width")
        if len(self.hours) != HOURS:
            raise ValueError(f"a week has {HOURS} hours")

    def after(self, hour: int, jobs: float) -> Demand:
        """With one more hour: `jobs` came in hour `hour` of the week. Raises ValueError."""
        if not 0 <= hour < HOURS:
            raise ValueError(f"hours of a week are 0 to {HOURS - 1}")
        if not (isfinite(jobs) and jobs >= 0):
            raise ValueError("jobs are counted from 0")
        hours = list(self.hours)
        hours[hour] = hours[hour].after(jobs, self.weight)
        return replace(self, hours=tuple(hours))

    def after_all(self, jobs: Iterable[tuple[int, float]]) -> Demand:
        """With many more hours, oldest first."""
        demand = self
        for hour, count in jobs:
            demand = demand.after(hour, count)
        return demand

    def expect(self, hour: int) -> Expected:
        """An hour of the week; from 0 to infinity while nothing at all is known."""
        own = self.hours[hour % HOURS]
        known = own if own.weeks else _pooled(self.hours[hour % _DAY :: _DAY]) or _pooled(self.hours)
        if known is None:
            return Expected(0.0, 0.0, inf, 0)
        # A mean of few weeks is itself uncertain: the next count lies around it with both variances.
        counted = max(known.weeks, 1)
        spread = self.width * sqrt(max(known.variance, known.mean) * (1 + 1 / counted))
        return Expected(known.mean, max(0.0, known.mean - spread), known.mean + spread, own.weeks)

    def rate(self, hour: int, into: float) -> tuple[float, float]:
        """Jobs a second `into` (0 to 1) an hour, mean and upper bound: hours run into each other without a step.

        Each hour's mean stands in its middle, and between two middles it is a line.
        """
        before, after = (hour - 1, hour) if into < 0.5 else (hour, hour + 1)
        share = (into + 0.5) % 1.0
        first, second = self.expect(before), self.expect(after)
        return _between(first.mean, second.mean, share) / 3600, _between(first.high, second.high, share) / 3600


def _between(first: float, second: float, share: float) -> float:
    """A point of the line from one to the other; infinite where either is."""
    return (1 - share) * first + share * second if isfinite(first + second) else inf


def _pooled(hours: Sequence[_Hour]) -> _Hour | None:
    """One hour that stands for several: their mean, and their variances with the variance among them."""
    seen = [hour for hour in hours if hour.weeks]
    if not seen:
        return None
    mean = sum(hour.mean for hour in seen) / len(seen)
    among = sum((hour.mean - mean) ** 2 for hour in seen) / len(seen)
    return _Hour(mean, among + sum(hour.variance for hour in seen) / len(seen), sum(hour.weeks for hour in seen))


@dataclass(frozen=True)
class Work:
    """What is to be done, and how fast a unit does it.

    Attributes:
        queued: jobs that wait.
        per_s: jobs that come, a second; a forecast's upper bound keeps the promise in most hours.
        unit_per_s: jobs that one busy worker (or instance) ends a second; measured, above 0.
        target_s: the queue shall be worked off in so long.
    """

    queued: float
    per_s: float
    unit_per_s: float
    target_s: float

    def __post_init__(self) -> None:
        if self.queued < 0 or self.per_s < 0:
            raise ValueError("queue and arrivals are counted from 0")
        if not (self.unit_per_s > 0 and self.target_s > 0):
            raise ValueError("a unit's throughput and the target are above 0")


@dataclass(frozen=True)
class Bounds:
    """How far and how fast advice may go.

    Attributes:
        least, most: units.
        load: a unit's share that is planned for, at most 1: the rest takes what is uneven.
        band: a need that is lower by less than this share changes nothing.
        calm_s: so long the need must have been lower before units are given up.
    """

    least: int = 1
    most: int = 10_000
    load: float = 0.8
    band: float = 0.1
    calm_s: float = 600.0

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most:
            raise ValueError("the least is at least 0 and at most the most")
        if not (0 < self.load <= 1 and 0 <= self.band < 1 and self.calm_s >= 0):
            raise ValueError("load is above 0 and at most 1, band from 0 and below 1, calm_s from 0")


@dataclass(frozen=True)
class Advice:
    """How many units there shall be.

    Attributes:
        needed: what the work needs now, within the bounds.
        lower_since: since when less is needed, None while it is not.
        peak: the highest need since then: what calm hours may go down to.
    """

    units: int
    needed: int
    lower_since: float | None = None
    peak: int = 0


def needed(work: Work, bounds: Bounds) -> int:
    """Units that keep up with what comes and work the queue off in time, within the bounds."""
    units = (work.per_s + work.queued / work.target_s) / (work.unit_per_s * bounds.load)
    return bounds.most if units >= bounds.most else max(bounds.least, ceil(units))


def recommend(work: Work, before: Advice | int, now: float, bounds: Bounds | None = None) -> Advice:
    """The next advice, from the last one or from how many units there are.

    Args:
        now: seconds of any clock that only goes forward.
    """
    bounds = bounds or Bounds()
    last = Advice(before, before) if isinstance(before, int) else before
    need = needed(work, bounds)
    standing = min(max(last.units, bounds.least), bounds.most)
    if need >= standing:
        return Advice(need, need)
    if need > standing * (1 - bounds.band):
        return Advice(standing, need)
    since = now if last.lower_since is None else last.lower_since
    peak = max(need, last.peak if last.lower_since is not None else 0)
    if now - since < bounds.calm_s:
        return Advice(standing, need, since, peak)
    return Advice(peak, need)
