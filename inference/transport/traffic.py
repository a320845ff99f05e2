"""What calls used: a record a call, counters an endpoint, and sums for the step that made them.

Nothing here knows bodies or answers, only their sizes. Costs are in whatever currency the prices are configured in.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from domain.study import Priority


@dataclass(frozen=True)
class CallRecord:
    """One call as its caller saw it.

    Attributes:
        endpoint: label of the endpoint that was asked last; "" when none was.
        request_id: of the last try, as sent in `x-ms-client-request-id`.
        status: "ok", or the name of the error.
        queue_s: waited for limits, all tries together; waits between tries are in neither time.
        latency_s: at endpoints, all tries together.
        bytes_out, bytes_in: sent and received on the wire, all tries together.
        tries: requests that left.
        cached: answered by the result cache. shared: answered by another caller's request in flight.
        cost: configured price of what was used; 0 for cached and shared answers.
    """

    endpoint: str
    model: str
    request_id: str
    priority: Priority
    status: str = "ok"
    queue_s: float = 0.0
    latency_s: float = 0.0
    bytes_out: int = 0
    bytes_in: int = 0
    tries: int = 0
    cached: bool = False
    shared: bool = False
    cost: float = 0.0

    @property
    def retries(self) -> int:
        """Tries after the first one."""
        return max(0, self.tries - 1)


@dataclass
class Usage:
    """Sums over the calls of one step; for its record. Times in seconds, as in `CallRecord`."""

    calls: int = 0
    failures: int = 0
    cached: int = 0
    shared: int = 0
    retries: int = 0
    queue_s: float = 0.0
    latency_s: float = 0.0
    bytes_out: int = 0
    bytes_in: int = 0
    cost: float = 0.0
    endpoints: dict[str, int] = field(default_factory=dict)

    def add(self, record: CallRecord) -> None:
        """Count one call; `endpoints` counts those that went out, by label."""
        self.calls += 1
        self.failures += record.status != "ok"
        self.cached += record.cached
        self.shared += record.shared
        self.retries += record.retries
        self.queue_s += record.queue_s
        self.latency_s += record.latency_s
        self.bytes_out += record.bytes_out
        self.bytes_in += record.bytes_in
        self.cost += record.cost
        if record.tries:
            self.endpoints[record.endpoint] = self.endpoints.get(record.endpoint, 0) + 1


_collectors: ContextVar[tuple[Usage, ...]] = ContextVar("collectors", default=())


@contextmanager
def collecting() -> Iterator[Usage]:
    """Sum what calls inside use, those of tasks started inside too; may be nested."""
    usage = Usage()
    token = _collectors.set((*_collectors.get(), usage))
    try:
        yield usage
    finally:
        _collectors.reset(token)


def collect(record: CallRecord) -> None:
    """Give a record to everybody who collects in this context."""
    for usage in _collectors.get():
        usage.add(record)


_HALF_A_BIN: float = 10.0 ** (-1 / 40)


class Histogram:
    """Seconds in 121 bins, twenty to a decade from 1 ms to 1000 s: quantiles are right within 6 %."""

    _EDGES: tuple[float, ...] = tuple(10.0 ** (step / 20 - 3) for step in range(121))

    def __init__(self) -> None:
        self.count = 0
        self.sum_s = 0.0
        self._bins = [0] * (len(self._EDGES) + 1)

    def add(self, seconds: float) -> None:
        """Count one."""
        self.count += 1
        self.sum_s += seconds
        self._bins[bisect_left(self._EDGES, seconds)] += 1

    def quantile_s(self, share: float) -> float:
        """The time that `share` of all stay below, as its bin's geometric middle; 0 when there are none."""
        wanted, seen = share * self.count, 0
        for number, inside in enumerate(self._bins):
            seen += inside
            if inside and seen >= wanted:
                return self._EDGES[min(number, len(self._EDGES) - 1)] * _HALF_A_BIN
        return 0.0

    def snapshot(self) -> dict[str, Any]:
        """Count, sum, median and 95th percentile, and cumulative buckets (four a decade; for Prometheus)."""
        below, buckets = 0, []
        for number, edge in enumerate(self._EDGES):
            below += self._bins[number]
            if number % 5 == 0:
                buckets.append((edge, below))
        return {
            "count": self.count,
            "sum_s": self.sum_s,
            "p50_s": self.quantile_s(0.5),
            "p95_s": self.quantile_s(0.95),
            "buckets": buckets,
        }


class EndpointTraffic:
    """Counters of one endpoint since the process started. A request is one try."""

    def __init__(self) -> None:
        self.requests = self.failures = self.retries = self.cache_hits = self.shared = 0
        self.bytes_out = self.bytes_in = 0
        self.cost = 0.0
        self.latency, self.queue = Histogram(), Histogram()

    def tried(self, *, ok: bool, latency_s: float, bytes_out: int, bytes_in: int, cost: float) -> None:
        """One try ended. The latency of failures is not mixed with that of answers."""
        self.requests += 1
        self.failures += not ok
        self.bytes_out += bytes_out
        self.bytes_in += bytes_in
        self.cost += cost
        if ok:
            self.latency.add(latency_s)

    def snapshot(self) -> dict[str, Any]:
        """JSON-able values."""
        counters = ("requests", "failures", "retries", "cache_hits", "shared", "bytes_out", "bytes_in", "cost")
        values: dict[str, Any] = {name: getattr(self, name) for name in counters}
        return values | {"latency": self.latency.snapshot(), "queue": self.queue.snapshot()}


class Traffic:
    """Counters by endpoint label; one for all transports of a process."""

    def __init__(self) -> None:
        self._endpoints: dict[str, EndpointTraffic] = {}

    def of(self, label: str) -> EndpointTraffic:
        """The counters of one endpoint."""
        return self._endpoints.setdefault(label, EndpointTraffic())

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """All counters, by label."""
        return {label: traffic.snapshot() for label, traffic in self._endpoints.items()}
