"""The smallest box of voxels around a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Box = tuple[slice, slice, slice]


def bounding_box(array: NDArray[np.bool_]) -> Box | None:
    """Slices of a (slices, rows, columns) mask that hold all its voxels; None when it is empty."""
    occupied = np.flatnonzero(array.any(axis=(1, 2)))
    if occupied.size == 0:
        return None
    rows = np.flatnonzero(array.any(axis=(0, 2)))
    columns = np.flatnonzero(array.any(axis=(0, 1)))
    return _span(occupied), _span(rows), _span(columns)


def _span(indices: NDArray[np.intp]) -> slice:
    return slice(int(indices[0]), int(indices[-1]) + 1)
