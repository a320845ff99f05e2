"""One call on its way through tries and endpoints: what it has used, whom it avoids, and what its callers get."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace

from domain.errors import ModelError
from inference.transport.balancer import Ask, Route
from inference.transport.priority import Urgency
from inference.transport.traffic import CallRecord


@dataclass(eq=False)
class Call:
    """A call under way.

    Attributes:
        digest: SHA-256 of the body, hexadecimal.
        waited_s: between tries.
        error: of the last try.
    """

    model: str
    body: bytes
    digest: str
    urgency: Urgency
    endpoint: str = ""
    tries: int = 0
    failures: int = 0
    queue_s: float = 0.0
    latency_s: float = 0.0
    waited_s: float = 0.0
    bytes_in: int = 0
    cost: float = 0.0
    error: ModelError | None = None
    _rested: dict[Route, float] = field(default_factory=dict)
    _avoid: set[Route] = field(default_factory=set)
    _barred: set[Route] = field(default_factory=set)

    @property
    def request_id(self) -> str:
        """`x-ms-client-request-id` of the current try: 32 digits of the body's SHA-256, and the try's number.

        It is the same whenever the same body is sent, so a server's log shows repeats, and tells no identity.
        """
        return f"{self.digest[:32]}-{self.tries}"

    @property
    def ask(self) -> Ask:
        """What it asks the balancer for."""
        return Ask(len(self.body), self.urgency, frozenset(self._avoid), frozenset(self._barred))

    @property
    def spent_s(self) -> float:
        """At endpoints and between tries; queues are not counted."""
        return self.latency_s + self.waited_s

    def failed_at(self, route: Route, error: ModelError, *, rest_s: float, for_good: bool) -> None:
        """A try failed: others are preferred from now on, and this one is left alone for `rest_s`, or for good."""
        self.failures += 1
        self.error = error
        self._rested[route] = self.spent_s + rest_s
        self._avoid = set(self._rested)
        if for_good:
            self._barred.add(route)

    def settle_for(self, last: Route) -> float:
        """Nobody else is left: the one that asked for the shortest rest, rather not the last. Seconds of rest left."""
        left = {r: max(0.0, at - self.spent_s) for r, at in self._rested.items() if r not in self._barred}
        best = min(left, key=lambda route: (left[route], route is last))
        self._avoid = set(self._rested) - {best}
        return left[best]

    def record(self, status: str) -> CallRecord:
        """What it has used."""
        return CallRecord(
            endpoint=self.endpoint,
            model=self.model,
            request_id=self.request_id,
            priority=self.urgency.priority,
            status=status,
            queue_s=self.queue_s,
            latency_s=self.latency_s,
            bytes_out=self.tries * len(self.body),
            bytes_in=self.bytes_in,
            tries=self.tries,
            cost=self.cost,
        )


@dataclass(eq=False)
class Outcome:
    """How a call ended, for all callers that share it: the first one that takes it bears what it used."""

    record: CallRecord
    answer: bytes = b""
    error: ModelError | None = None
    _claimed: bool = False

    def claim(self) -> tuple[CallRecord, ModelError | None]:
        """This caller's record and error (its own copy, so that tracebacks do not mix)."""
        if not self._claimed:
            self._claimed = True
            return self.record, self.error
        shared = replace(
            self.record, shared=True, tries=0, queue_s=0.0, latency_s=0.0, bytes_out=0, bytes_in=0, cost=0.0
        )
        return shared, copy.copy(self.error)
