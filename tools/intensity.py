"""First-order statistics of the values under a mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class IntensityStatistics:
    """Statistics in the unit of the values.

    Attributes:
        std: sample standard deviation (divided by n − 1); 0 for one value.
        count: finite values used.
        ignored: values that are not finite.
    """

    mean: float
    minimum: float
    maximum: float
    std: float
    median: float
    count: int
    ignored: int = 0


def intensity_statistics(values: NDArray[np.generic]) -> IntensityStatistics | None:
    """Statistics of a flat array of values; None when none is finite."""
    numbers = np.asarray(values, dtype=np.float64).ravel()
    finite = numbers[np.isfinite(numbers)]
    if finite.size == 0:
        return None
    return IntensityStatistics(
        mean=float(finite.mean()),
        minimum=float(finite.min()),
        maximum=float(finite.max()),
        std=float(finite.std(ddof=1)) if finite.size > 1 else 0.0,
        median=float(np.median(finite)),
        count=int(finite.size),
        ignored=int(numbers.size - finite.size),
    )
