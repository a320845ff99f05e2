"""How fast a batch is, and when it will probably end: from the studies that ended of late, with an interval."""

from __future__ import annotations

import math
from collections import deque

from jobs.scheduling.expected import LEAST, Expected

REMEMBERED = 200
_Z80 = 1.2816
"""80 of 100 values of a normal distribution lie within so many standard deviations."""


class Pace:
    """Ends of studies, as they are noticed.

    What counts is the time from one end to the next, whoever worked on them: so that slots and other workers need not
    be known.
    """

    def __init__(self, now: float) -> None:
        self._last = now
        self._ended: int | None = None
        self._gaps: deque[float] = deque(maxlen=REMEMBERED)

    def reached(self, ended: int, now: float) -> None:
        """So many have ended by now. What had ended before the first look says nothing about the pace."""
        studies, self._ended = ended - (ended if self._ended is None else self._ended), ended
        if studies < 1:
            return
        gap = max(now - self._last, 1e-6) / studies
        self._gaps.extend([gap] * studies)
        self._last = now

    @property
    def per_hour(self) -> float | None:
        """Studies an hour, of those that ended of late; None before the first."""
        total = sum(self._gaps)
        return 3600.0 * len(self._gaps) / total if total else None

    def expected(self, remaining: int, now: float) -> Expected | None:
        """Seconds until `remaining` more have ended, probably and in four of five cases; None with too few to tell.

        The spread of single studies evens out over many of them; that of the mean itself does not.
        """
        count = len(self._gaps)
        if count < LEAST or remaining < 1:
            return None
        mean = sum(self._gaps) / count
        spread = math.sqrt(sum((gap - mean) ** 2 for gap in self._gaps) / (count - 1))
        doubt = _Z80 * spread * math.sqrt(remaining + remaining**2 / count)
        middle = max(remaining * mean - (now - self._last), 0.0)
        return Expected(middle, max(middle - doubt, 0.0), middle + doubt)
