"""How long a job will take: from what its like took, as an interval, and nothing where nothing is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEAST = 5
"""Runs without which nothing is said from history."""
LOW, MIDDLE, HIGH = 0.2, 0.5, 0.8


@dataclass(frozen=True)
class Expected:
    """Seconds to go: probably `middle_s`, between `low_s` and `high_s` in three of five cases.

    Attributes:
        low_s, high_s: None where only the run itself says how fast it is.
    """

    middle_s: float
    low_s: float | None = None
    high_s: float | None = None


def to_go(durations: Sequence[float], elapsed_s: float, progress: float = 0.0) -> Expected | None:
    """Of a job that runs: what those of its like that took longer than it has taken, still took from there.

    Without such, what its progress says.

    Args:
        durations: of runs of its like, ascending.
        progress: 0–1.
    """
    longer = [seconds - elapsed_s for seconds in durations if seconds > elapsed_s]
    if len(durations) >= LEAST and longer:
        return Expected(quantile(longer, MIDDLE), quantile(longer, LOW), quantile(longer, HIGH))
    if 0.0 < progress < 1.0 and elapsed_s > 0:
        return Expected(elapsed_s * (1.0 - progress) / progress)
    return None


def from_the_queue(durations: Sequence[float], ahead: int, slots: int) -> Expected | None:
    """Of a job that waits: the runs before it, shared by the slots, and its own. None without history or workers."""
    if len(durations) < LEAST or slots < 1:
        return None
    rounds = ahead / slots
    low, middle, high = (quantile(durations, q) for q in (LOW, MIDDLE, HIGH))
    # The mean of many runs varies less than one run does.
    mean, spread = sum(durations) / len(durations), 1.0 / math.sqrt(rounds + 1.0)
    waits = rounds * mean
    return Expected(
        waits + middle,
        max(0.0, waits - rounds * (mean - low) * spread) + low,
        waits + rounds * max(0.0, high - mean) * spread + high,
    )


def quantile(ascending: Sequence[float], part: float) -> float:
    """The value that `part` of the values lie below, between two of them by weight."""
    place = part * (len(ascending) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ascending) - 1)
    return ascending[low] + (ascending[high] - ascending[low]) * (place - low)
