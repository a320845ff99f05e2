"""Waits that take no time: the transport's own clock goes forward instead."""

from __future__ import annotations

from inference.transport.timing import LoopTiming


class SkippedTime(LoopTiming):
    """The machine's clock, plus what was slept. A sleep is written down, and over at once."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return super().monotonic() + sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
