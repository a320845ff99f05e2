"""Tests that may be looked at after every observation: betting against "there is no difference".

A bettor who starts with 1 and stakes a part of the wealth on each increment being positive cannot expect to win when
its expectation, given the past, is 0 or less. By Ville's inequality wealth ever reaches 1/α with probability α at
most, whenever one stops and whatever one does with earlier results.

Sources: Ville 1939; Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by betting",
JRSS-B 86(1); Ramdas et al. 2023, "Game-theoretic statistics and safe anytime-valid inference", Stat. Sci. 38(4).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STAKES: Array = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.55, 0.75, 0.95])
"""Parts of the wealth that may be lost at once. The wealth is divided between bettors who always stake theirs: the
best of them is followed up to a factor of their number, and nothing has to be tuned."""

GRID: Array = np.linspace(-1.0, 1.0, 401)


class Wealth:
    """The e-process against "each increment's expectation, given the past, is 0 or less".

    Attributes:
        peak: the largest value so far; may be compared with 1/α at any time.
    """

    def __init__(self) -> None:
        self._log = np.zeros(len(STAKES))
        self.peak = 1.0

    def add(self, increment: float, bound: float) -> None:
        """One more increment; |increment| ≤ bound, and the bound was known before it was."""
        if not abs(increment) <= bound * (1 + 1e-9):
            raise ValueError("an increment beyond its bound voids the test")
        self._log += np.log1p(STAKES * (increment / bound))
        self.peak = max(self.peak, self.value)

    @property
    def value(self) -> float:
        """The wealth now."""
        return float(np.mean(np.exp(np.minimum(self._log, 700.0))))


def confidence_sequence(increments: Sequence[float], bounds: Sequence[float], alpha: float) -> tuple[float, float]:
    """Limits for the constant expectation of the increments, in [-1, 1]; with probability 1 - α right at all times.

    All values that the bets for and against do not refute, from the least to the largest, on a grid of 0.005; widened
    by one step, because values between the points were not tried. (-1, 1) of nothing, and where everything is refuted
    because the expectation is not constant.
    """
    if not increments:
        return -1.0, 1.0
    values, limits = np.asarray(increments, float), np.asarray(bounds, float)
    scaled = (values[None, :] - GRID[:, None]) / (limits[None, :] + np.abs(GRID)[:, None])
    logs = [np.log1p(sign * stake * scaled).sum(axis=1) for stake in STAKES for sign in (1.0, -1.0)]
    wealth = np.exp(np.minimum(np.stack(logs), 700.0)).mean(axis=0)
    kept = GRID[wealth < 1.0 / alpha]
    if not len(kept):
        return -1.0, 1.0
    step = float(GRID[1] - GRID[0])
    return max(-1.0, float(kept[0]) - step), min(1.0, float(kept[-1]) + step)
