"""Overlap of a mask that an analysis wrote with one that a reviewer sends, in the pixels of the series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from domain.errors import ArtifactNotFound
from memory.errors import FeedbackRefused
from tools.stored_mask import Inside, Shape, StoredMask, read_stored


def dice_with(stored: StoredMask, shape: Sequence[int], runs: Sequence[int]) -> float:
    """Dice coefficient, 2·|A∩B| / (|A| + |B|), 0–1; 1 when both are empty.

    Args:
        runs: start, length, … of the reviewer's mask, see `decode`.

    Raises:
        FeedbackRefused: the runs are no mask of this series, or the analysis's mask is not among its files.
    """
    if tuple(shape) != stored.shape:
        raise FeedbackRefused(
            f"The mask has the shape {list(shape)}, the series {list(stored.shape)}.", where="corrected_mask.shape"
        )
    corrected, own = decode(stored.shape, runs), _read(stored)
    together = int(np.count_nonzero(corrected)) + int(np.count_nonzero(own))
    return 2.0 * int(np.count_nonzero(corrected & own)) / together if together else 1.0


def decode(shape: Shape, runs: Sequence[int]) -> Inside:
    """(slices, rows, columns) of runs over the voxels, columns fastest.

    Raises:
        FeedbackRefused: an odd count, an empty run, runs out of order, overlapping or beyond the series.
    """
    size = int(np.prod(shape))
    if len(runs) % 2:
        raise FeedbackRefused("Runs are pairs of start and length.", where="corrected_mask.runs")
    if runs and max(runs) > size:
        raise FeedbackRefused("A run lies outside of the series.", where="corrected_mask.runs")
    starts, lengths = np.asarray(runs[0::2], np.int64), np.asarray(runs[1::2], np.int64)
    ends = starts + lengths
    if np.any(starts < 0) or np.any(lengths < 1) or np.any(starts[1:] < ends[:-1]):
        raise FeedbackRefused("Runs ascend, have a voxel or more, and do not overlap.", where="corrected_mask.runs")
    if len(ends) and ends[-1] > size:
        raise FeedbackRefused("A run lies outside of the series.", where="corrected_mask.runs")
    flat = np.zeros(size, np.bool_)
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        flat[start:end] = True
    return flat.reshape(shape)


def _read(stored: StoredMask) -> Inside:
    try:
        return read_stored(stored)
    except ArtifactNotFound as error:
        raise FeedbackRefused(
            error.reason,
            where="corrected_mask",
            remedy="Send the feedback without a mask, as rejected_prompt or accepted.",
        ) from error
