"""The endpoints of one model, and the queue in front of them: the transport's own limits, circuit breakers and retries.

As `inference.transport.balancer` does it: the most urgent call first, to the endpoint with least in flight for its size
that is ready for it. All workers share the queue; the product keeps one for each process.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import exp

from benchmarks.hospital.arrivals import Study
from benchmarks.hospital.casemix import Call
from benchmarks.hospital.clock import VirtualClock
from benchmarks.hospital.estate import Fleet
from benchmarks.hospital.models import Faults, Limits, Model
from benchmarks.hospital.workers import Worker
from inference.transport.circuit import Circuit, CircuitPolicy, CircuitState
from inference.transport.limits import Limiter
from inference.transport.retry import RetryPolicy

REFUSED_S = 0.05
"""Until a 429, or a 503 of an endpoint that is out of order, is there. An assumption."""
BUSY_ASKS_S = 1.0
"""Retry-After of a 429. An assumption."""


@dataclass(slots=True, eq=False)
class Asked:
    """A call of a study's attempt.

    Attributes:
        done: told the call's end, True for an answer; False when all tries failed, or every endpoint rests.
    """

    study: Study
    attempt: int
    worker: Worker
    call: Call
    luck: float
    order: tuple[int, float]
    done: Callable[[Asked, bool], None]
    failures: int = 0
    since: float = 0.0
    first: float = -1.0
    avoid: Route | None = None

    @property
    def stale(self) -> bool:
        """Nobody waits for it: its worker died."""
        return self.attempt != self.study.attempt or not self.worker.lives


@dataclass(eq=False)
class Route:
    """An endpoint.

    Attributes:
        busy_s: slot seconds so far. down_until: out of order until then.
        most: highest number of calls in flight. over: calls that were let in above the limit; must stay 0.
    """

    name: str
    instances: int
    limiter: Limiter
    circuit: Circuit
    busy_s: float = 0.0
    bytes: int = 0
    answered: int = 0
    down_until: float = -1.0
    most: int = 0
    over: int = 0


@dataclass
class Counts:
    """What happened to calls of a model."""

    tries: int = 0
    retries: int = 0
    given_up: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    queued_s: float = 0.0


class Pool:
    """All endpoints of a model."""

    def __init__(
        self,
        model: Model,
        fleet: Fleet,
        limits: Limits,
        clock: VirtualClock,
        *,
        chance: random.Random,
        faults: Faults,
        latency: float = 1.0,
    ) -> None:
        self.model = model
        self.counts = Counts()
        self.routes = [
            Route(
                f"{model.name} {number}",
                instances,
                Limiter(instances * model.at_once, limits.requests_per_s, limits.bytes_per_s),
                Circuit(CircuitPolicy(), clock.monotonic),
            )
            for number, instances in enumerate(fleet.split(), start=1)
        ]
        self._clock = clock
        self._chance = chance
        self._faults = faults
        self._latency = latency
        self._retry = RetryPolicy()
        self._line: list[tuple[tuple[int, float], int, Asked]] = []
        self._entries = 0
        self._alarm = float("inf")
        self._gpu_s = 0.0
        self._paid_until = clock.now

    @property
    def instances(self) -> int:
        """GPUs now."""
        return sum(route.instances for route in self.routes)

    def gpu_s(self, until: float) -> float:
        """Seconds that instances were there, up to a time that is not past."""
        return self._gpu_s + (until - self._paid_until) * self.instances

    def scale(self, instances: int) -> None:
        """Have so many instances, one an endpoint at least; calls in flight end on what is taken away."""
        self._gpu_s, self._paid_until = self.gpu_s(self._clock.now), self._clock.now
        fleet = Fleet(len(self.routes), max(instances, len(self.routes)))
        for route, share in zip(self.routes, fleet.split(), strict=True):
            route.instances = share
            route.limiter.concurrency = share * self.model.at_once
        self.dispatch()

    @property
    def waiting(self) -> int:
        """Calls in the queue."""
        return len(self._line)

    def ask(self, asked: Asked) -> None:
        """Queue a call."""
        asked.since = self._clock.now
        self._entries += 1
        heappush(self._line, (asked.order, self._entries, asked))
        self.dispatch()

    def dispatch(self) -> None:
        """Let in whoever can go, most urgent first."""
        now = self._clock.now
        if self._alarm <= now:
            self._alarm = float("inf")
        while self._line:
            asked = self._line[0][2]
            if asked.stale:
                heappop(self._line)
                continue
            willing = [route for route in self.routes if route.circuit.state is not CircuitState.OPEN]
            if not willing:
                heappop(self._line)
                self.counts.given_up += 1
                asked.done(asked, False)
                continue
            wanted = [route for route in willing if route is not asked.avoid] or willing
            waits = [(_wait_s(route, now), route) for route in wanted]
            ready = [route for wait, route in waits if wait == 0]
            if not ready:
                self._wake_in(min((wait for wait, _ in waits if wait is not None), default=None))
                return
            heappop(self._line)
            self._send(asked, min(ready, key=_load), now)

    def _wake_in(self, seconds: float | None) -> None:
        """Come back when a limit has passed; ends of calls come back by themselves, and so do ends of rests."""
        rests = [route.circuit.resting_s for route in self.routes if route.circuit.resting_s > 0]
        soonest = min([*rests, *([] if seconds is None else [seconds])], default=None)
        if soonest is not None and self._clock.now + soonest < self._alarm:
            self._alarm = self._clock.now + soonest
            self._clock.at(self._alarm, self.dispatch)

    def _send(self, asked: Asked, route: Route, now: float) -> None:
        if asked.first < 0:
            asked.first = now
        self.counts.tries += 1
        self.counts.queued_s += now - asked.since
        route.limiter.enter(asked.call.up, now)
        route.most = max(route.most, route.limiter.in_flight)
        route.over += route.limiter.in_flight > route.limiter.concurrency
        route.bytes += asked.call.up
        outcome, seconds = self._outcome(asked, route, now)
        route.busy_s += seconds
        self._clock.after(seconds, self._end, asked, route, route.circuit.enter(), outcome)

    def _outcome(self, asked: Asked, route: Route, now: float) -> tuple[str, float]:
        if now < route.down_until:
            return "503", REFUSED_S
        draw, faults = self._chance.random(), self._faults
        seconds = self._latency * self.model.median_s * exp(self.model.sigma * asked.luck)
        if draw < faults.busy:
            return "429", REFUSED_S
        if draw < faults.busy + faults.broken:
            return "500", seconds / 2
        if draw < faults.busy + faults.broken + faults.silent or seconds > self.model.deadline_s:
            return "time-out", self.model.deadline_s
        return "ok", seconds

    def _end(self, asked: Asked, route: Route, ticket: int, outcome: str) -> None:
        now = self._clock.now
        if outcome == "ok":
            route.circuit.success(ticket)
            route.answered += 1
            route.bytes += asked.call.down
            route.limiter.leave(asked.call.down, now)
            asked.done(asked, True)
        else:
            route.circuit.success(ticket) if outcome == "429" else route.circuit.failure(ticket)
            route.limiter.leave(0, now)
            self.counts.failed[outcome] = self.counts.failed.get(outcome, 0) + 1
            self._again(asked, route, outcome)
        self.dispatch()

    def _again(self, asked: Asked, route: Route, outcome: str) -> None:
        """As the transport does it: at once elsewhere where there is another endpoint, else after a pause."""
        asked.failures += 1
        asked.avoid = route
        elsewhere = any(r is not route and r.circuit.state is not CircuitState.OPEN for r in self.routes)
        rest = BUSY_ASKS_S if outcome == "429" and not elsewhere else None
        wait = self._retry.wait_s(asked.failures, rest, self._chance, self._clock.now - asked.first)
        if wait is None:
            self.counts.given_up += 1
            asked.done(asked, False)
            return
        self.counts.retries += 1
        self._clock.after(wait, self.ask, asked)


def _wait_s(route: Route, now: float) -> float | None:
    return None if route.circuit.probing else route.limiter.wait_s(now)


def _load(route: Route) -> float:
    return (route.limiter.in_flight + 1) / route.limiter.concurrency
