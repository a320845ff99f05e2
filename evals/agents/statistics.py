"""Confidence intervals by resampling scenarios: cases of one scenario are alike, so they are drawn together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

T = TypeVar("T")

RESAMPLES = 1000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A statistic and its percentile bootstrap interval (Efron 1979; clusters: Davison & Hinkley 1997, 3.8)."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}–{self.high:.3f})"


def bootstrap(
    clusters: Mapping[str, Sequence[T]], statistic: Callable[[Sequence[T]], float], *, seed: int = 7
) -> Interval:
    """The statistic of all members, and the interval from clusters drawn with replacement."""
    names = sorted(clusters)
    everything = [member for name in names for member in clusters[name]]
    draw = np.random.default_rng(seed)
    values = []
    for _ in range(RESAMPLES):
        chosen = draw.integers(0, len(names), len(names))
        values.append(statistic([member for i in chosen for member in clusters[names[i]]]))
    low, high = np.nanpercentile(values, [50 * (1 - LEVEL), 100 - 50 * (1 - LEVEL)])
    return Interval(statistic(everything), float(low), float(high))
