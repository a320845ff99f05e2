"""How far several answers to one question agree, as one number between 0 and 1.

Dice D̄: the mean Dice coefficient (Dice 1945) of all pairs of answers, over all voxels of the slices that all were
asked about; a pair of two empty masks counts 1.
Entropy H̄: the mean binary entropy, in bits, of the members' mean probability (soft masks) or share of votes (hard
masks), over the voxels that at least one member calls inside; 0 where there are none.
Confidence = √(D̄ · (1 − H̄)). It is 1 only when the answers are the same and, where they are soft, certain; it is 0
when they do not overlap at all, or every voxel is a coin toss. For two hard answers 1 − H̄ is their Jaccard index,
so that a Dice of 0.86 gives 0.8 and a Dice of 0.62 gives 0.53.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.series.mask_planes import INSIDE


@dataclass(frozen=True)
class Agreement:
    """What repeated answers say about one target.

    Attributes:
        members: answers that were compared, the first one included.
        dice: mean pairwise Dice, 0–1.
        entropy_bits: mean voxel-wise entropy, 0–1 bit.
        slices: slices that were compared.
        confidence_source: "agreement of 3 repeats", "agreement of models A, B".
    """

    members: int
    dice: float
    entropy_bits: float
    slices: int
    confidence_source: str

    @property
    def confidence(self) -> float:
        """√(Dice · (1 − entropy)), 0–1."""
        return math.sqrt(max(0.0, self.dice * (1.0 - self.entropy_bits)))


@dataclass(frozen=True, eq=False)
class SliceTally:
    """Counts of one slice, to be added up.

    Attributes:
        overlaps: (members, members) voxels that both call inside; sizes on the diagonal.
        entropy_bits: sum over the voxels that any member calls inside.
        considered: number of those voxels.
    """

    overlaps: NDArray[np.int64]
    entropy_bits: float
    considered: int


class Tally:
    """Sums over slices.

    Args:
        members: number of answers.
    """

    def __init__(self, members: int) -> None:
        self._overlaps = np.zeros((members, members), np.int64)
        self._entropy_bits = 0.0
        self._considered = 0
        self._slices = 0

    def add(self, one: SliceTally | None) -> None:
        """Another slice; None for one on which every member is empty."""
        self._slices += 1
        if one is not None:
            self._overlaps += one.overlaps
            self._entropy_bits += one.entropy_bits
            self._considered += one.considered

    def agreement(self, confidence_source: str) -> Agreement:
        """Of all slices together.

        Raises:
            ValueError: one answer alone.
        """
        members = len(self._overlaps)
        if members < 2:
            raise ValueError("One answer alone agrees with nothing.")
        sizes = np.diag(self._overlaps)
        pairs = [_dice(int(self._overlaps[a, b]), int(sizes[a] + sizes[b])) for a in range(members) for b in range(a)]
        entropy = self._entropy_bits / self._considered if self._considered else 0.0
        return Agreement(members, float(np.mean(pairs)), min(entropy, 1.0), self._slices, confidence_source)


def tally(levels: NDArray[np.uint8]) -> SliceTally:
    """Counts of one slice out of (members, rows, columns) probability × 255; 0 and 255 of hard masks."""
    inside = levels >= INSIDE
    anywhere = inside.any(axis=0)
    votes = inside[:, anywhere].astype(np.float32)
    overlaps = np.rint(votes @ votes.T).astype(np.int64)
    mean = levels[:, anywhere].mean(axis=0, dtype=np.float64) / 255
    return SliceTally(overlaps, float(entropy_bits(mean).sum()), int(np.count_nonzero(anywhere)))


def entropy_bits(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Binary entropy of each probability, in bits; exactly 0 at 0 and 1."""
    p = np.asarray(probability, np.float64)
    out = np.zeros(p.shape, np.float64)
    open_ = (p > 0) & (p < 1)
    q = p[open_]
    out[open_] = -(q * np.log2(q) + (1 - q) * np.log2(1 - q))
    return out


def fuse(levels: NDArray[np.uint8], *, soft: bool) -> NDArray[np.bool_] | NDArray[np.uint8]:
    """One plane of several: the mean probability of soft masks, the majority of hard ones. The first decides ties.

    Args:
        levels: (members, rows, columns) probability × 255.

    Returns:
        (rows, columns): levels when `soft`, of which 128 and more are inside exactly where the mean exceeds one half
        (or equals it, and the first member is inside); else bool.
    """
    count = len(levels)
    if not soft:
        doubled = 2 * (levels >= INSIDE).sum(axis=0)
        return np.asarray((doubled > count) | ((doubled == count) & (levels[0] >= INSIDE)), np.bool_)
    total = levels.sum(axis=0, dtype=np.int64)
    inside = (2 * total > 255 * count) | ((2 * total == 255 * count) & (levels[0] >= INSIDE))
    mean = np.rint(total / count).astype(np.uint8)
    levelled = np.where(inside, np.maximum(mean, np.uint8(INSIDE)), np.minimum(mean, np.uint8(INSIDE - 1)))
    return np.asarray(levelled, np.uint8)


def compare_slice(
    levels: NDArray[np.uint8], soft: Sequence[bool]
) -> tuple[NDArray[np.bool_] | NDArray[np.uint8], SliceTally]:
    """`fuse` and `tally` of one slice in one call, so that it can run in another process. Soft when any member is."""
    return fuse(levels, soft=any(soft)), tally(levels)


def _dice(overlap: int, sizes: int) -> float:
    return 2.0 * overlap / sizes if sizes else 1.0
