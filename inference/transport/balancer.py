"""Which endpoint takes a call, and when: one queue in front of all endpoints of a model.

The most urgent call goes first, to the endpoint with the least in flight for its weight (concurrency × measured
speed) whose circuit, limits and quota let it in. A call waits only where nothing can take it: in one queue, not
in an endpoint's, so that a slow region holds nobody back. Inside a priority nobody is overtaken on the endpoints
that he waits for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

from domain.errors import ModelError, ModelUnreachable
from domain.study import Priority
from inference.transport.circuit import Circuit, CircuitState
from inference.transport.exchange import Exchange
from inference.transport.limits import Limits
from inference.transport.priority import Urgency
from inference.transport.quota import Quota, QuotaExhausted
from inference.transport.timing import Alarm, Timing

_MEMORY = 0.8
"""Weight of the past in the measured latency."""


@dataclass(eq=False)
class Route:
    """An endpoint with everything that decides whether it is asked."""

    exchange: Exchange
    limiter: Limits
    circuit: Circuit
    quota: Quota
    latency_s: float | None = None

    @property
    def label(self) -> str:
        """The endpoint's."""
        return self.exchange.endpoint.label

    def refuses(self, ask: Ask) -> bool:
        """It takes no such call now, and will not soon."""
        return self.circuit.state is CircuitState.OPEN or self.refusal(ask) is not None

    def refusal(self, ask: Ask) -> QuotaExhausted | None:
        """What the day's quota says against it."""
        return self.quota.refusal(ask.size, ask.urgency.priority)

    def wait_s(self, now: float, ask: Ask | None = None) -> float | None:
        """Seconds until it takes a call; None when that depends on a call's end, or on what workers share."""
        if self.circuit.probing:
            return None
        return self.limiter.wait_s(now, ask.size, ask.urgency.priority) if ask else self.limiter.wait_s(now)

    def load(self, usual_s: float) -> float:
        """Seconds that a call more would mean, shared by its slots; `usual_s` where nothing is measured yet."""
        return (self.limiter.in_flight + 1) * (self.latency_s or usual_s) / self.limiter.concurrency

    def measured(self, seconds: float) -> None:
        """An answer took so long."""
        past = seconds if self.latency_s is None else self.latency_s
        self.latency_s = _MEMORY * past + (1 - _MEMORY) * seconds


@dataclass(frozen=True)
class Ask:
    """A call at the door.

    Attributes:
        size: of its body, bytes.
        avoid: routes that failed it before; another one is waited for if there is one.
        barred: routes that will never take it.
    """

    size: int
    urgency: Urgency
    avoid: frozenset[Route] = frozenset()
    barred: frozenset[Route] = frozenset()


@dataclass(frozen=True)
class Admission:
    """Leave to send one request on a route; give it back with `Balancer.release`. `queue_s`: what was waited."""

    route: Route
    ticket: int
    queue_s: float


@dataclass(eq=False)
class _Waiter:
    ask: Ask
    since: float
    granted: asyncio.Future[Admission] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Balancer:
    """The queue in front of the routes of one model."""

    def __init__(self, model: str, routes: Sequence[Route], timing: Timing) -> None:
        self.routes = tuple(routes)
        self._model = model
        self._timing = timing
        self._line: list[tuple[tuple[int, int], int, _Waiter]] = []
        self._entries = count()
        self._alarm: Alarm | None = None
        for route in self.routes:
            route.limiter.watch(self._dispatch, self._waiting)

    async def admit(self, ask: Ask) -> Admission:
        """Wait for a place; cancelling gives it back.

        Raises:
            ModelUnreachable: every endpoint rests after failures; says until when.
            QuotaExhausted: the day's quotas are used up.
        """
        waiter = _Waiter(ask, self._timing.monotonic())
        ask.urgency.on_raise = lambda: self._enqueue(waiter)
        try:
            self._enqueue(waiter)
            return await waiter.granted
        except asyncio.CancelledError:
            self._withdraw(waiter)
            raise
        finally:
            ask.urgency.on_raise = None

    def release(self, admission: Admission, answer_bytes: int = 0) -> None:
        """The request has ended; its outcome was told to the circuit before."""
        route = admission.route
        route.limiter.leave(answer_bytes, self._timing.monotonic())
        if answer_bytes:
            route.quota.charge(0, answer_bytes)
        self._dispatch()

    def open_elsewhere(self, ask: Ask) -> bool:
        """An endpoint that has not failed this call would take it."""
        return any(not r.refuses(ask) for r in self.routes if r not in ask.avoid and r not in ask.barred)

    def _enqueue(self, waiter: _Waiter) -> None:
        heappush(self._line, (waiter.ask.urgency.order, next(self._entries), waiter))
        self._dispatch()

    def _withdraw(self, waiter: _Waiter) -> None:
        granted = waiter.granted
        if granted.done() and not granted.cancelled() and granted.exception() is None:
            admission = granted.result()
            admission.route.circuit.abandon(admission.ticket)
            self.release(admission)
        else:
            granted.cancel()
            self._dispatch()

    def _waiting(self) -> list[tuple[Priority, int]]:
        waiters = [waiter for _, _, waiter in sorted(self._line, key=lambda entry: entry[:2])]
        return [(w.ask.urgency.priority, w.ask.size) for w in waiters if not w.granted.done()]

    def _dispatch(self) -> None:
        """Let in whoever can go, most urgent first. Who cannot keeps his routes from those behind him."""
        taken: set[Route] = set()
        aside = []
        while self._line and len(taken) < len(self.routes):
            entry = heappop(self._line)
            if not entry[2].granted.done() and not self._settle(entry[2], taken):
                aside.append(entry)
        for entry in aside:
            heappush(self._line, entry)
        self._wake_for(taken if aside else ())

    def _settle(self, waiter: _Waiter, taken: set[Route]) -> bool:
        ask, now = waiter.ask, self._timing.monotonic()
        willing = [r for r in self.routes if r not in ask.barred and not r.refuses(ask)]
        if not willing:
            waiter.granted.set_exception(self._refusal(ask))
            return True
        wanted = [r for r in willing if r not in ask.avoid] or willing
        ready = [r for r in wanted if r not in taken and r.wait_s(now, ask) == 0]
        if not ready:
            taken.update(wanted)
            return False
        usual_s = self._usual_s()
        route = min(ready, key=lambda r: r.load(usual_s))
        route.limiter.enter(ask.size, now)
        route.quota.charge(1, ask.size)
        waiter.granted.set_result(Admission(route, route.circuit.enter(), now - waiter.since))
        return True

    def _usual_s(self) -> float:
        known = [r.latency_s for r in self.routes if r.latency_s is not None]
        return min(known, default=1.0)

    def _wake_for(self, routes: Sequence[Route] | set[Route]) -> None:
        """Come back when a limit or a rest has passed; ends of calls come back by themselves."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if not routes:
            return
        now = self._timing.monotonic()
        waits = [route.wait_s(now) or 0.0 for route in routes] + [r.circuit.resting_s for r in self.routes]
        soonest = min((wait for wait in waits if wait > 0), default=None)
        if soonest is not None:
            self._alarm = self._timing.call_later(soonest, self._dispatch)

    def _refusal(self, ask: Ask) -> ModelError:
        routes = [route for route in self.routes if route not in ask.barred]
        resting = [route for route in routes if route.circuit.state is CircuitState.OPEN]
        if resting:
            seconds = min(route.circuit.resting_s for route in resting)
            who = "The endpoint rests" if len(routes) == 1 else f"All {len(routes)} endpoints rest"
            return ModelUnreachable(
                f"{who} after repeated failures; the next try is possible in {seconds:.0f} s.",
                remedy="Check with `app.py doctor` why it fails, or wait; nothing is sent until then.",
                where=resting[0].label if len(routes) == 1 else self._model,
            )
        refusals = (route.refusal(ask) for route in routes)
        return next(refusal for refusal in refusals if refusal is not None)
