"""A time that stands still until a test moves it (`inference.transport.timing.Timing`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count


@dataclass
class VirtualAlarm:
    """An alarm of `VirtualTime`."""

    callback: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class VirtualTime:
    """Seconds from 0; alarms ring in order while `pass_by` moves over them."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._alarms: list[tuple[float, int, VirtualAlarm]] = []
        self._numbers = count()

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime(2031, 3, 1, 12, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> VirtualAlarm:
        alarm = VirtualAlarm(callback)
        heappush(self._alarms, (self.seconds + seconds, next(self._numbers), alarm))
        return alarm

    async def pass_by(self, seconds: float) -> None:
        """Let time go by, and everybody who was woken do what they can."""
        end = self.seconds + seconds
        await settle()
        while self._alarms and self._alarms[0][0] <= end:
            at, _, alarm = heappop(self._alarms)
            self.seconds = max(self.seconds, at)
            if not alarm.cancelled:
                alarm.callback()
            await settle()
        self.seconds = end


async def settle() -> None:
    """Let every task that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)
