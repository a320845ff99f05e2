"""First-order features: statistics of the values under a mask, without regard to where they are (IBSI 3.3, 3.4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from domain.codes import Unit
from tools.features_levels import Levels
from tools.features_value import Feature, named, squared

Values = NDArray[np.float64]


def intensity_features(values: Values, unit: str) -> tuple[Feature, ...]:
    """Statistics of finite values; () of none.

    Variance is that of the voxels themselves (divided by n), kurtosis is the excess over a normal distribution's 3,
    percentiles are interpolated linearly. Of equal values, skewness and kurtosis are 0.
    """
    if values.size == 0:
        return ()
    p10, p25, median, p75, p90 = (float(p) for p in np.percentile(values, (10, 25, 50, 75, 90)))
    mean, low, high = float(values.mean()), float(values.min()), float(values.max())
    robust = values[(values >= p10) & (values <= p90)]
    in_unit = {
        "mean": (mean, "Q4LE"),
        "median": (median, "Y12H"),
        "minimum": (low, "1GSF"),
        "maximum": (high, "84IY"),
        "range": (high - low, "2OJQ"),
        "percentile_10": (p10, "QG58"),
        "percentile_25": (p25, ""),
        "percentile_75": (p75, ""),
        "percentile_90": (p90, "8DWT"),
        "interquartile_range": (p75 - p25, "SALO"),
        "mean_absolute_deviation": (_deviation(values, mean), "4FUA"),
        "robust_mean_absolute_deviation": (_deviation(robust, float(robust.mean())), "1128"),
        "median_absolute_deviation": (_deviation(values, median), "N72L"),
        "root_mean_square": (float(np.sqrt(np.mean(values**2))), "5ZWQ"),
    }
    squares = {"variance": (float(values.var()), "ECT3"), "energy": (float(np.sum(values**2)), "N8CA")}
    return (
        *named("intensity", unit, in_unit),
        *named("intensity", squared(unit), squares),
        *named("intensity", Unit.ONE, _form(values, mean)),
    )


def histogram_features(levels: Levels) -> tuple[Feature, ...]:
    """Entropy in bits and uniformity of discretised values; () of none."""
    if levels.size == 0:
        return ()
    share = np.asarray(np.bincount(levels.ravel()) / levels.size, dtype=np.float64)
    entries = {
        "entropy": (entropy_bits(share), "TLU2"),
        "uniformity": (float(np.sum(share**2)), "BJ5W"),
    }
    return named("histogram", Unit.ONE, entries)


def entropy_bits(shares: Values) -> float:
    """−Σ p log₂ p of probabilities; zeros add nothing."""
    used = shares[shares > 0]
    return abs(float(np.sum(used * np.log2(used))))


def _form(values: Values, mean: float) -> dict[str, tuple[float, str]]:
    centred = values - mean
    spread = float(np.mean(centred**2))
    if spread == 0:
        return {"skewness": (0.0, "KE2A"), "kurtosis": (0.0, "IPH6")}
    return {
        "skewness": (float(np.mean(centred**3)) / spread**1.5, "KE2A"),
        "kurtosis": (float(np.mean(centred**4)) / spread**2 - 3, "IPH6"),
    }


def _deviation(values: Values, centre: float) -> float:
    return float(np.mean(np.abs(values - centre)))
