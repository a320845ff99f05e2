"""How much one endpoint may be asked: calls at once, requests a second, bytes a second.

Rates are paced, not counted in windows: everything that starts takes its own time at the rate (GCRA), so that a
window's budget can never be spent twice around its border. Over any span of T seconds at most
rate × (T + `LATENESS_S`) and one more amount start. Limits of Azure ML managed online endpoints (quota page of
its documentation, defaults, can be raised by support): 500 requests/s and 5 MB/s an endpoint, both ways together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from domain.study import Priority

MANAGED_REQUESTS_PER_S = 500.0
MANAGED_BYTES_PER_S = 5_000_000.0
"""5 MB/s, read as 10⁶ bytes: the smaller of the two readings."""

LATENESS_S = 0.02
"""Time that a late alarm may make up for; also the whole burst after a silence."""

LONGEST_REST_S = 60.0
"""Longest time that everybody stays away after a 429; then one asks again and hears it from the endpoint itself."""


class Pace:
    """An even flow of `per_s` a second; None lets everything through at once."""

    def __init__(self, per_s: float | None) -> None:
        self._per_s = per_s
        self._free_at = float("-inf")

    def wait_s(self, now: float) -> float:
        """Seconds until the next amount may start, whatever its size."""
        return max(0.0, self._free_at - now)

    def take(self, amount: float, now: float) -> None:
        """Spend `amount`; one that is larger than a second's worth delays what comes after it."""
        if self._per_s is not None:
            self._free_at = max(self._free_at, now - LATENESS_S) + amount / self._per_s


class Limits(Protocol):
    """What decides when a call to one endpoint may start: `Limiter`, or `SharedLimiter` where workers share them."""

    concurrency: int
    in_flight: int

    def watch(self, changed: Callable[[], None], line: Callable[[], Sequence[tuple[Priority, int]]]) -> None:
        """Call `changed` when more may go; `line`: priority and size of each call that waits, most urgent first."""

    def wait_s(self, now: float, size: int = 0, priority: Priority = Priority.ROUTINE) -> float | None:
        """Seconds until such a call may start, 0 for at once; None when that depends on something else."""

    def enter(self, size: int, now: float) -> None:
        """A call of `size` bytes starts."""

    def leave(self, answer_size: int, now: float) -> None:
        """It ended, however; bytes that came back count as well."""

    def back_off(self, seconds: float, now: float) -> None:
        """The endpoint asked to be left alone."""


class Limiter:
    """The three limits of one endpoint together, in one process.

    Attributes:
        concurrency: calls in flight at once.
        in_flight: how many there are.
    """

    def __init__(self, concurrency: int, requests_per_s: float | None = None, bytes_per_s: float | None = None) -> None:
        self.concurrency = concurrency
        self.in_flight = 0
        self._requests = Pace(requests_per_s)
        self._bytes = Pace(bytes_per_s)
        self._rest_until = float("-inf")

    def watch(self, changed: Callable[[], None], line: Callable[[], Sequence[tuple[Priority, int]]]) -> None:
        """Nothing changes here but by time and by the ends of calls, which whoever asks knows."""

    def wait_s(self, now: float, size: int = 0, priority: Priority = Priority.ROUTINE) -> float | None:  # noqa: ARG002
        """Seconds until a call may start, 0 for at once; None when that depends on a call's end."""
        if self.in_flight >= self.concurrency:
            return None
        return max(self._requests.wait_s(now), self._bytes.wait_s(now), self._rest_until - now, 0.0)

    def enter(self, size: int, now: float) -> None:
        """A call of `size` bytes starts."""
        self.in_flight += 1
        self._requests.take(1, now)
        self._bytes.take(size, now)

    def leave(self, answer_size: int, now: float) -> None:
        """It ended, however; bytes that came back count as well."""
        self.in_flight -= 1
        if answer_size:
            self._bytes.take(answer_size, now)

    def back_off(self, seconds: float, now: float) -> None:
        """The endpoint answered 429: nobody in this process asks it for so long."""
        self._rest_until = max(self._rest_until, now + min(seconds, LONGEST_REST_S))
