"""The virtual clock and what is to happen: a heap of (time, order, what)."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

Happening = Callable[..., object]


class VirtualClock:
    """Seconds of the day; time passes when `step` is called.

    Attributes:
        now: seconds since midnight.
        steps: events so far.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.steps = 0
        self._heap: list[tuple[float, int, Happening, tuple[Any, ...]]] = []
        self._order = 0

    def monotonic(self) -> float:
        """`now`, for what wants a function."""
        return self.now

    def at(self, time: float, what: Happening, *arguments: Any) -> None:
        """Let something happen at a time, not before now; of equal times what was told first comes first."""
        self._order += 1
        heappush(self._heap, (max(time, self.now), self._order, what, arguments))

    def after(self, seconds: float, what: Happening, *arguments: Any) -> None:
        """Let something happen in so many seconds."""
        self.at(self.now + seconds, what, *arguments)

    def step(self) -> bool:
        """The next event; False when there is none."""
        if not self._heap:
            return False
        self.now, _, what, arguments = heappop(self._heap)
        self.steps += 1
        what(*arguments)
        return True
