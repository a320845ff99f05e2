"""Confidence of a mask from what the model gives: soft values, or repeated answers. Never a constant.

Soft mask: confidence = p̄ × (1 − H̄). p̄ is the mean probability inside the mask; H̄ the mean binary entropy in bits over
all voxels that are inside or have a probability of at least 0.1. A crisp, certain mask gives 1; a mask of
probabilities near 0.5 gives 0.

Repeats: the mean Dice coefficient between the mask and each of the other answers to the same question.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from domain.mask import Mask
from tools.bounding_box import bounding_box

CONSIDERED = 0.1


def confidence_of(mask: Mask, repeats: Sequence[Mask] = ()) -> tuple[float | None, str]:
    """Confidence 0–1 and its source; (None, "") when nothing measures it."""
    if mask.probability is not None and mask.array.any():
        soft = _soft_confidence(mask.array, mask.probability)
        if soft is not None:
            return soft, "soft mask"
    same = [repeat for repeat in repeats if repeat.array.shape == mask.array.shape]
    if same:
        agreement = float(np.mean([dice(mask.array, repeat.array) for repeat in same]))
        return agreement, f"agreement of {len(same) + 1} answers"
    return None, ""


def dice(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Dice coefficient; 1 when both are empty."""
    total = int(np.count_nonzero(first)) + int(np.count_nonzero(second))
    return 1.0 if total == 0 else 2.0 * int(np.count_nonzero(first & second)) / total


def _soft_confidence(inside: NDArray[np.bool_], probability: NDArray[np.float32] | NDArray[np.uint8]) -> float | None:
    top = 255.0 if probability.dtype == np.uint8 else 1.0
    considered = inside | (probability >= CONSIDERED * top)
    box = bounding_box(considered)
    if box is None:
        return None
    values = probability[box][considered[box]].astype(np.float64) / top
    if bool(np.isin(values, (0.0, 1.0)).all()):
        return None
    certain = float(probability[inside].astype(np.float64).mean()) / top
    return max(0.0, min(1.0, certain * (1 - float(_entropy_bits(values).mean()))))


def _entropy_bits(p: NDArray[np.float64]) -> NDArray[np.float64]:
    q = np.clip(p, 1e-12, 1 - 1e-12)
    return np.asarray(-(q * np.log2(q) + (1 - q) * np.log2(1 - q)), dtype=np.float64)
