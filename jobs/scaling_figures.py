"""What an autoscaler asks: queue, throughput, endpoints, and how many workers and instances that takes.

`api.metrics` shows it to Prometheus and KEDA, `jobs.scaling` acts on it. It is read at most every few seconds, however
often it is asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from domain.ports import Clock
from inference.transport.shared_limits import StoredLimits
from jobs.scaling_forecast import ArrivalForecast, Forecast
from jobs.scheduling.demand import Advice, Bounds, Work, needed, recommend
from records.endpoint_quotas import DayUse, EndpointQuotaRecords
from records.job_workers import JobWorkers
from records.queue_figures import QueueFigures, queue_figures

KNOWN_S = 5.0
TARGET_S = 900.0
"""The queue shall be worked off in so long."""
USUAL_S = 30.0
"""Of a job, while none was measured."""
_LEAST_BUSY = 0.05


@dataclass(frozen=True)
class QuotaFigures:
    """One kind of a day's quota. `alerted`: the highest share of it that was told."""

    used: float
    limit: float
    alerted: float = 0.0

    @property
    def left(self) -> float:
        """What the day may still use; STAT may use more."""
        return max(0.0, self.limit - self.used)

    @property
    def ratio(self) -> float:
        """Used share."""
        return self.used / self.limit


@dataclass(frozen=True)
class EndpointFigures:
    """One endpoint, all workers together.

    Attributes:
        limit: calls in flight that it allows. waiting: calls that wait for it.
        quota: of the day, by kind.
    """

    in_flight: int = 0
    limit: int = 0
    waiting: int = 0
    quota: Mapping[str, QuotaFigures] = field(default_factory=dict)

    @property
    def busy(self) -> float:
        """Share of what it allows that is in use; 1 while calls wait for it."""
        return 1.0 if self.waiting else min(1.0, self.in_flight / self.limit) if self.limit else 0.0


@dataclass(frozen=True)
class Figures:
    """Everything at one moment.

    Attributes:
        workers, slots: that live. advised_workers: of as many slots each.
        forecast: of the next hour; None while nothing is known. forecast_workers: that keep up with its upper end.
    """

    queue: QueueFigures
    endpoints: Mapping[str, EndpointFigures]
    workers: int
    slots: int
    advised_workers: int
    forecast: Forecast | None = None
    forecast_workers: int = 0


class ScalingFigures:
    """Reads and advises; keeps its last advice, so that a lull of a minute stops nobody.

    Args:
        limits: None where workers share none.
        forecast: of arrivals; None for none.
        zones: of the quotas' days, IANA names.
        bounds: of workers.
        target_s: in which the queue shall be worked off.
    """

    def __init__(
        self,
        workers: JobWorkers,
        clock: Clock,
        *,
        limits: StoredLimits | None = None,
        quotas: EndpointQuotaRecords | None = None,
        forecast: ArrivalForecast | None = None,
        zones: Collection[str] = ("UTC",),
        bounds: Bounds | None = None,
        target_s: float = TARGET_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workers = workers
        self._clock = clock
        self._limits = limits
        self._quotas = quotas
        self._forecast = forecast
        self._zones = [ZoneInfo(zone) for zone in zones]
        self._bounds = bounds or Bounds()
        self._target_s = target_s
        self._monotonic = monotonic
        self._advice: Advice | None = None
        self._known: tuple[float, Figures] | None = None

    async def now(self) -> Figures:
        """The figures. Raises DatabaseUnavailable."""
        at = self._monotonic()
        if self._known is None or at - self._known[0] >= KNOWN_S:
            self._known = at, await self._read(at)
        return self._known[1]

    async def _read(self, at: float) -> Figures:
        queue = await queue_figures(self._workers.database, self._clock.now())
        living = [
            worker
            for worker in await self._workers.seen()
            if not worker.draining and worker.quiet_s <= self._workers.missed_s
        ]
        slots = sum(worker.facts.slots for worker in living)
        work = work_of_workers(queue, len(living), slots, self._target_s)
        self._advice = recommend(work, self._advice or len(living), at, self._bounds)
        forecast = await self._forecast.now() if self._forecast else None
        return Figures(
            queue,
            await self._endpoints(),
            len(living),
            slots,
            self._advice.units,
            forecast,
            needed(replace(work, queued=0, per_s=forecast.high_per_s), self._bounds) if forecast else 0,
        )

    async def aclose(self) -> None:
        """Read nothing more."""
        if self._forecast is not None:
            await self._forecast.aclose()

    async def _endpoints(self) -> Mapping[str, EndpointFigures]:
        quotas = await self._of_today() if self._quotas else {}
        states = await self._limits.states() if self._limits else {}
        return {
            name: EndpointFigures(
                in_flight=states[name].in_flight if name in states else 0,
                limit=int(states[name].terms.get("concurrency", 0)) if name in states else 0,
                waiting=states[name].waiting if name in states else 0,
                quota=quotas.get(name, {}),
            )
            for name in sorted({*states, *quotas})
        }

    async def _of_today(self) -> Mapping[str, Mapping[str, QuotaFigures]]:
        """Quotas of the latest day of each endpoint that is today somewhere."""
        assert self._quotas is not None
        now = self._clock.now()
        uses = await self._quotas.of_days(sorted({now.astimezone(zone).date() for zone in self._zones}))
        # By day within each endpoint: the latest stays.
        return {use.endpoint: _quotas(use) for use in uses}


def _quotas(use: DayUse) -> Mapping[str, QuotaFigures]:
    return {
        kind: QuotaFigures(use.used[kind], limit, use.alerted.get(kind, 0.0))
        for kind, limit in use.limits.items()
        if limit
    }


def work_of_workers(queue: QueueFigures, workers: int, slots: int, target_s: float) -> Work:
    """What workers have to do: a worker ends its slots' worth of jobs in the mean time of one."""
    slots_each = slots / workers if workers and slots else 1.0
    return Work(queue.depth + queue.running, queue.arrivals_per_s, slots_each / (queue.mean_s or USUAL_S), target_s)


def work_of_instances(
    queue: QueueFigures, endpoint: EndpointFigures, instances: int, target_s: float, coming_per_s: float = 0.0
) -> Work | None:
    """What an endpoint's instances have to do, in jobs.

    They take minutes to begin: where more jobs are expected than come now, those count.

    A busy one ends its part of the present throughput, divided by the present load; None while nothing was ended.
    """
    if queue.ended == 0 or instances < 1:
        return None
    unit_per_s = queue.per_s / (instances * max(endpoint.busy, _LEAST_BUSY))
    return Work(queue.depth, max(queue.arrivals_per_s, coming_per_s), unit_per_s, target_s)


def instances_of(
    queue: QueueFigures,
    endpoint: EndpointFigures,
    instances: int,
    bounds: Bounds,
    target_s: float = TARGET_S,
    coming_per_s: float = 0.0,
) -> int:
    """Instances that an endpoint should have, without memory of earlier advice: `jobs.scaling` has a cooldown.

    Args:
        coming_per_s: jobs a second that are expected soon.
    """
    work = work_of_instances(queue, endpoint, instances, target_s, coming_per_s)
    if work is None:
        return min(max(instances, bounds.least), bounds.most)
    at_once = Bounds(bounds.least, bounds.most, bounds.load, bounds.band, calm_s=0.0)
    return recommend(work, instances, 0.0, at_once).units
