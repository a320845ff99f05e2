"""Slices of one mask in little memory: each cut to the box that holds something, hard ones a bit a voxel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

INSIDE = 128
"""Lowest level that is inside: probability × 255 above 127.5."""

Plane = NDArray[np.bool_] | NDArray[np.uint8]
"""(rows, columns): bool of a hard mask, or uint8 levels (probability × 255) of a soft one."""


@dataclass(frozen=True, eq=False)
class _Cut:
    """What a slice holds. `values` are levels, or bits packed along the rows when `hard`."""

    rows: slice
    columns: slice
    values: NDArray[np.uint8]
    hard: bool

    def bits(self) -> NDArray[np.bool_]:
        width = self.columns.stop - self.columns.start
        return np.unpackbits(self.values, axis=1, count=width).view(np.bool_)


class MaskPlanes:
    """Slices of one mask, written once each and read as they are needed.

    Args:
        shape: slices, rows, columns.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.shape = shape
        self._cuts: dict[int, _Cut] = {}

    def put(self, number: int, plane: Plane) -> None:
        """Keep a slice.

        Raises:
            ValueError: it is of another size.
        """
        if plane.shape != self.shape[1:]:
            raise ValueError(f"A slice of {plane.shape} is none of a series of {self.shape}.")
        rows = np.flatnonzero(plane.any(axis=1))
        if rows.size == 0:
            self.drop(number)
            return
        down = _span(rows)
        across = _span(np.flatnonzero(plane[down].any(axis=0)))
        values = plane[down, across]
        hard = plane.dtype == np.bool_
        kept = np.packbits(values, axis=1) if hard else np.array(values, np.uint8)
        self._cuts[number] = _Cut(down, across, kept, hard)

    def drop(self, number: int) -> None:
        """Empty a slice."""
        self._cuts.pop(number, None)

    def inside(self, number: int) -> NDArray[np.bool_]:
        """(rows, columns) bool of one slice."""
        plane = np.zeros(self.shape[1:], np.bool_)
        self._fill_inside(plane, number)
        return plane

    def levels(self, number: int) -> NDArray[np.uint8]:
        """(rows, columns) probability × 255 of one slice; 0 or 255 of a hard one."""
        plane = np.zeros(self.shape[1:], np.uint8)
        cut = self._cuts.get(number)
        if cut is not None:
            plane[cut.rows, cut.columns] = cut.bits() * np.uint8(255) if cut.hard else cut.values
        return plane

    def shows(self, number: int) -> bool:
        """Whether anything of a slice is inside."""
        cut = self._cuts.get(number)
        return cut is not None and (cut.hard or bool((cut.values >= INSIDE).any()))

    def array(self) -> NDArray[np.bool_]:
        """(slices, rows, columns) bool. Memory of untouched slices is not used until somebody writes there."""
        whole = np.zeros(self.shape, np.bool_)
        for number in self._cuts:
            self._fill_inside(whole[number], number)
        return whole

    def probability(self) -> NDArray[np.float32]:
        """(slices, rows, columns) float32 0–1 in steps of 1/255."""
        whole = np.zeros(self.shape, np.float32)
        for number, cut in self._cuts.items():
            values = cut.bits() * np.uint8(255) if cut.hard else cut.values
            np.multiply(values, np.float32(1 / 255), out=whole[number, cut.rows, cut.columns], dtype=np.float32)
        return whole

    def all_levels(self) -> NDArray[np.uint8]:
        """(slices, rows, columns) probability × 255: a byte a voxel."""
        whole = np.zeros(self.shape, np.uint8)
        for number, cut in self._cuts.items():
            whole[number, cut.rows, cut.columns] = cut.bits() * np.uint8(255) if cut.hard else cut.values
        return whole

    def _fill_inside(self, plane: NDArray[np.bool_], number: int) -> None:
        cut = self._cuts.get(number)
        if cut is not None:
            plane[cut.rows, cut.columns] = cut.bits() if cut.hard else cut.values >= INSIDE


def _span(indices: NDArray[np.intp]) -> slice:
    return slice(int(indices[0]), int(indices[-1]) + 1)
