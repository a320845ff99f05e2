"""A worker's side of limits that it shares: it fetches small grants ahead of its calls and spends them here.

One question is under way at a time. It is asked at once for the first call that cannot go, then about four times a
second while calls wait, and every few seconds to keep what long calls hold. A grant is good for `LIFE_S`, so that what
idle workers did not spend is not spent later all at once. Where nobody answers, the worker keeps to its share of the
limits by itself.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from domain.study import Priority
from inference.transport.allotment import RANKS, STAT, Grant, Terms, Wanted
from inference.transport.limits import LONGEST_REST_S, Limiter
from inference.transport.priority import RANK
from inference.transport.shared_limits import SharedLimits
from inference.transport.timing import Alarm, Timing

_logger = logging.getLogger(__name__)

CHUNK_S = 0.25
"""Worth of the rates that one grant is at most, unless one call alone is more."""
LIFE_S = 0.5
TICK_S = 0.25
SOON_S = 0.02
ALONE_S = 1.0
"""After a question that nobody answered, until the next."""

Line = Callable[[], Sequence[tuple[Priority, int]]]
"""Priority and size of each call that waits, most urgent first."""


class SharedLimiter:
    """`inference.transport.limits.Limiter`, with limits that hold for all workers together.

    Attributes:
        concurrency: of all workers. in_flight: calls of this one.
    """

    def __init__(self, endpoint: str, terms: Terms, shared: SharedLimits, timing: Timing) -> None:
        self.concurrency = terms.concurrency
        self.in_flight = 0
        self._endpoint = endpoint
        self._terms = terms
        self._shared = shared
        self._timing = timing
        self._worker = uuid.uuid4().hex
        self._changed: Callable[[], None] = lambda: None
        self._line: Line = tuple
        self._slots = self._stat_slots = 0
        self._requests = self._bytes = 0.0
        self._good_until = self._lasts_until = self._rests_until = float("-inf")
        self._said_in_use = 0
        self._workers = 1
        self._used = [0.0, 0.0]
        self._owed = 0.0
        self._told = RANKS
        self._alone: Limiter | None = None
        self._asking: asyncio.Task[None] | None = None
        self._alarm: Alarm | None = None
        self._due = float("inf")
        self._notes: set[asyncio.Task[None]] = set()

    def watch(self, changed: Callable[[], None], line: Line) -> None:
        """Whose calls these are: `changed` is called when more of them may go."""
        self._changed, self._line = changed, line

    def wait_s(self, now: float, size: int = 0, priority: Priority = Priority.ROUTINE) -> float | None:
        """0 where a call of `size` bytes may start now; None where the workers' common limits have to be asked."""
        if self._alone is not None:
            return self._alone.wait_s(now)
        if now < self._rests_until:
            self._ask_in(self._rests_until - now)
            return None
        rank = RANK[priority]
        slots = self._slots + (self._stat_slots if rank == STAT else 0)
        if self._asking is not None:
            slots = min(slots, self._said_in_use)  # the answer may take away what was not in use
        free = self.in_flight < slots
        if free and self._covers(size, now):
            return 0.0
        if rank < self._told:
            self._ask_in(0.0 if rank == STAT else self._no_sooner_s(free, now))
        return None

    def _no_sooner_s(self, free: bool, now: float) -> float:
        """Seconds for which a question would be in vain, or nearly."""
        if free:
            return max(0.0, self._lasts_until - now)
        return TICK_S if self._slots else 0.0

    def enter(self, size: int, now: float) -> None:
        """A call of `size` bytes starts."""
        self.in_flight += 1
        if self._alone is not None:
            self._alone.enter(size, now)
            return
        self._requests -= 1
        self._bytes -= size
        self._used[0] += 1
        self._used[1] += size
        self._told = RANKS  # something went: the next that waits may ask at once

    def leave(self, answer_size: int, now: float) -> None:
        """It ended, however; bytes that came back count as well."""
        self.in_flight -= 1
        if self._alone is not None:
            self._alone.leave(answer_size, now)
            return
        self._bytes -= answer_size
        self._used[1] += answer_size
        over = self.in_flight >= self._slots
        self._ask_in(0.0 if over else TICK_S)

    def back_off(self, seconds: float, now: float) -> None:
        """The endpoint answered 429: all workers leave it alone."""
        self._rests_until = max(self._rests_until, now + min(seconds, LONGEST_REST_S))
        if self._alone is not None:
            self._alone.back_off(seconds, now)
        self._note(self._shared.back_off(self._endpoint, seconds))

    def _covers(self, size: int, now: float) -> bool:
        if now > self._good_until:
            self._forget()
        requests = self._terms.requests_per_s is None or self._requests >= 1
        return requests and (self._terms.bytes_per_s is None or self._bytes >= size)

    def _forget(self) -> None:
        """Grants that were not spent in time are gone; what answers used beyond them is owed."""
        self._owed += max(0.0, -self._bytes)
        self._requests = self._bytes = 0.0

    def _ask_in(self, seconds: float) -> None:
        """See to it that the store is asked by then."""
        due = self._timing.monotonic() + seconds
        if due >= self._due:
            return
        self._due = due
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._asking is None:
            self._set_out(seconds)

    def _set_out(self, seconds: float) -> None:
        if seconds > 0:
            self._alarm = self._timing.call_later(seconds, self._start)
        else:
            self._start()

    def _start(self) -> None:
        self._alarm = None
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._ask())

    async def _ask(self) -> None:
        self._due = float("inf")
        wanted = self._wanted(self._timing.monotonic())
        self._said_in_use = wanted.in_use
        self._told = next((rank for rank, calls in enumerate(wanted.waiting) if calls), RANKS)
        self._used = [0.0, 0.0]
        try:
            if wanted.in_use or any(wanted.waiting):
                grant = await self._shared.acquire(self._endpoint, self._terms, wanted)
            else:
                await self._shared.release(self._endpoint, self._worker, wanted.owed)
                grant = Grant()
        except Exception as error:
            self._on_our_own(wanted, error)
        else:
            self._take(grant, wanted)
        finally:
            self._asking = None
        self._changed()
        if self._alarm is None and self._asking is None and self._due < float("inf"):
            self._set_out(max(0.0, self._due - self._timing.monotonic()))

    def _wanted(self, now: float) -> Wanted:
        """What waits here, and as much as was used since the last question again."""
        if now > self._good_until:
            self._forget()
        line = list(self._line())
        counts = Counter(RANK[priority] for priority, _ in line)
        first = line[0][1] if line else 0
        owed, self._owed = self._owed + max(0.0, -self._bytes), 0.0
        self._bytes = max(0.0, self._bytes)
        calls, size = self._worth(line)
        return Wanted(
            self._worker,
            self.in_flight,
            tuple(counts[rank] for rank in range(RANKS)),
            requests=max(0.0, calls - self._requests),
            bytes=max(0.0, size - self._bytes),
            least_requests=max(0.0, 1.0 - self._requests),
            least_bytes=max(0.0, first - self._bytes),
            owed=owed,
        )

    def _worth(self, line: Sequence[tuple[Priority, int]]) -> tuple[float, float]:
        """Calls and bytes to ask for: whole calls of the line up to a chunk, so that none is paid for in part.

        Where the whole line fits, twice what was used of late: the next calls then need not ask.
        """
        most_calls, most_bytes = (
            CHUNK_S * (rate or float("inf")) for rate in (self._terms.requests_per_s, self._terms.bytes_per_s)
        )
        calls = size = 0.0
        for _, more in line:
            if calls and (calls + 1 > max(most_calls, 1.0) or size + more > max(most_bytes, size)):
                return calls, size
            calls, size = calls + 1, size + more
        return max(calls, min(2 * self._used[0], most_calls)), max(size, min(2 * self._used[1], most_bytes))

    def _take(self, grant: Grant, wanted: Wanted) -> None:
        now = self._timing.monotonic()
        self._alone, self._workers = None, grant.workers
        self._slots, self._stat_slots = grant.slots, grant.stat_slots
        self._rests_until = max(self._rests_until, now + grant.rest_s)
        if grant.requests or grant.bytes:
            self._requests = max(0.0, self._requests) + grant.requests
            self._bytes += grant.bytes
            self._good_until = now + LIFE_S
            self._lasts_until = now + self._lasts_s(grant) - self._terms.burst_s
        holds = self._slots + self._stat_slots
        if any(wanted.waiting):
            self._ask_in(max(SOON_S, grant.wait_s) if grant.wait_s else TICK_S)
        elif holds or self.in_flight:
            self._ask_in(TICK_S if holds > self.in_flight else self._terms.lease_s / 3)

    def _lasts_s(self, grant: Grant) -> float:
        """Seconds that a grant is worth: nobody gets a next one before, but for STAT."""
        terms = self._terms
        rates = ((grant.requests, terms.requests_per_s), (grant.bytes, terms.bytes_per_s))
        return max(amount / rate if rate else 0.0 for amount, rate in rates)

    def _on_our_own(self, wanted: Wanted, error: Exception) -> None:
        """Nobody answered: keep to this worker's share until somebody does."""
        if self._alone is None:
            _logger.warning(
                "Limits shared by workers cannot be read (%s); each keeps to its share.", type(error).__name__
            )
            share, terms = 1 / self._workers, self._terms
            self._alone = Limiter(
                max(1, int(terms.concurrency * share)),
                terms.requests_per_s and terms.requests_per_s * share,
                terms.bytes_per_s and terms.bytes_per_s * share,
            )
            self._alone.in_flight = self.in_flight
        self._owed += wanted.owed
        self._ask_in(ALONE_S)

    def _note(self, telling: Coroutine[Any, Any, None]) -> None:
        """Tell the store something in the background; who cannot be told hears it from the endpoint."""

        async def tell() -> None:
            try:
                await telling
            except Exception as error:
                _logger.warning("Limits shared by workers cannot be written (%s).", type(error).__name__)

        task = asyncio.get_running_loop().create_task(tell())
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)
