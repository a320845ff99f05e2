"""A circuit breaker: an endpoint that keeps failing is left alone for a while, then asked by one call.

closed ──(10 failures in a row, or half of the last 20)──▶ open ──(rest over)──▶ half-open ──▶ closed | open
A rest doubles each time the probe fails. Calls that started before a change of state no longer count.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class CircuitState(StrEnum):
    """Whether an endpoint is asked."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True)
class CircuitPolicy:
    """When to stop asking, and for how long.

    Attributes:
        failures: in a row; more than an endpoint's usual concurrency, so that one restart of it is no reason.
        rate: share of failures among the last `window` outcomes, once there are as many.
        rest_s: first rest; doubles to `longest_rest_s`.
    """

    failures: int = 10
    rate: float = 0.5
    window: int = 20
    rest_s: float = 15.0
    longest_rest_s: float = 60.0


class Circuit:
    """The breaker of one endpoint. `enter` gives a ticket; the call's outcome is told with it."""

    def __init__(self, policy: CircuitPolicy, monotonic: Callable[[], float]) -> None:
        self._policy = policy
        self._monotonic = monotonic
        self._ticket = 0
        self._open_until: float | None = None
        self._rest_s = policy.rest_s
        self._probing = False
        self._in_a_row = 0
        self._recent: deque[bool] = deque(maxlen=policy.window)

    @property
    def state(self) -> CircuitState:
        """Now."""
        if self._open_until is None:
            return CircuitState.CLOSED
        return CircuitState.OPEN if self._monotonic() < self._open_until else CircuitState.HALF_OPEN

    @property
    def resting_s(self) -> float:
        """Seconds until the next call may try; 0 unless it is open."""
        return 0.0 if self._open_until is None else max(0.0, self._open_until - self._monotonic())

    @property
    def probing(self) -> bool:
        """A call is finding out whether the endpoint is back; others wait for it."""
        return self._probing

    def enter(self) -> int:
        """A call starts; the first one after a rest is the probe."""
        self._probing = self._open_until is not None
        return self._ticket

    def success(self, ticket: int) -> None:
        """The endpoint did its work (or said no to this request, which is work too)."""
        if ticket != self._ticket:
            return
        self._in_a_row = 0
        self._recent.append(True)
        if self._probing:
            self._rest_s = self._policy.rest_s
            self._change(None)

    def failure(self, ticket: int) -> None:
        """The endpoint could not be reached, broke off, or failed inside."""
        if ticket != self._ticket:
            return
        self._in_a_row += 1
        self._recent.append(False)
        if self._probing:
            self._rest_s = min(self._rest_s * 2, self._policy.longest_rest_s)
        if self._probing or self._broken():
            self._change(self._monotonic() + self._rest_s)

    def abandon(self, ticket: int) -> None:
        """The call was cancelled: it says nothing about the endpoint."""
        if ticket == self._ticket:
            self._probing = False

    def _broken(self) -> bool:
        full = len(self._recent) == self._policy.window
        share = self._recent.count(False) / self._policy.window
        return self._in_a_row >= self._policy.failures or (full and share >= self._policy.rate)

    def _change(self, open_until: float | None) -> None:
        self._ticket += 1
        self._open_until = open_until
        self._probing = False
        self._in_a_row = 0
        self._recent.clear()
