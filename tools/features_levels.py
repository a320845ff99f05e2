"""Grey levels for histograms and textures: few integers in place of many values (IBSI 2.7, discretisation).

A CT is cut in bins of a fixed width in HU, so that a level means the same tissue in every patient; values without a
physical scale (MR, ultrasound) in a fixed number of bins between their lowest and highest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.codes import Unit

CT_BIN_WIDTH_HU = 25.0
"""Customary width; edges lie at its multiples, as with IBSI's re-segmentation from −1000 HU and with pyradiomics."""
BIN_COUNT = 32
"""Number of bins where values have no scale; IBSI's own choice for its configurations D and E."""
_MOST_LEVELS = 1024

Levels = NDArray[np.int32]


@dataclass(frozen=True)
class Discretisation:
    """How values become levels 1, 2, …: bins of `width`, edges at its multiples; or `count` equal bins.

    Attributes:
        width: in the unit of the values; 0 for a fixed count.
    """

    width: float = 0.0
    count: int = BIN_COUNT

    def __post_init__(self) -> None:
        if self.width < 0 or self.count < 1:
            raise ValueError("A bin has a positive width, and there is at least one.")

    def levels(self, values: NDArray[np.float64]) -> Levels:
        """Levels from 1 of finite values; equal values have level 1.

        Raises:
            ValueError: so narrow bins that there would be more than 1024 of them.
        """
        if values.size == 0:
            return np.empty(values.shape, np.int32)
        low, high = float(values.min()), float(values.max())
        if self.width > 0:
            if (high - low) / self.width >= _MOST_LEVELS:
                raise ValueError(f"Bins of {self.width:g} cut {low:g} to {high:g} into more than {_MOST_LEVELS}.")
            found = np.floor(values / self.width) - np.floor(low / self.width)
            return np.asarray(found + 1, dtype=np.int32)
        if high == low:
            return np.ones(values.shape, np.int32)
        found = np.floor(self.count * ((values - low) / (high - low)))
        return np.asarray(np.minimum(found, self.count - 1) + 1, dtype=np.int32)


def discretisation_for(unit: Unit) -> Discretisation:
    """25 HU for CT, 32 bins for values without a scale."""
    return Discretisation(width=CT_BIN_WIDTH_HU) if unit is Unit.HU else Discretisation()


@dataclass(frozen=True, eq=False)
class LevelGrid:
    """Levels of a region with a border of zeros, laid out flat so that a neighbour is a constant distance away.

    Attributes:
        flat: level of every voxel, 0 outside the region.
        inside: indices in `flat` of the region's voxels, ascending.
        offsets: distance to the neighbour in each direction, one of each opposite pair: 13 in space, 4 in the plane.
        count: highest level.
        longest: most voxels in a straight line.
    """

    flat: Levels
    inside: NDArray[np.intp]
    offsets: tuple[int, ...]
    count: int
    longest: int

    @classmethod
    def of(cls, levels: Levels, *, planar: bool) -> LevelGrid:
        """The grid of (slices, rows, columns) levels; `planar` looks for neighbours in the same slice only."""
        padded = np.pad(levels, 1)
        _, rows, columns = padded.shape
        steps = [(z, y, x) for z in (0, 1) for y in (-1, 0, 1) for x in (-1, 0, 1)]
        distances = [(z * rows + y) * columns + x for z, y, x in steps if not (planar and z)]
        flat = padded.ravel()
        offsets = tuple(distance for distance in distances if distance > 0)
        return cls(flat, np.flatnonzero(flat), offsets, int(levels.max(initial=0)), max(levels.shape))
