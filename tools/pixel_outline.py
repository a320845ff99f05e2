"""The outline of a mask along the edges of its pixels, for viewers: cheap and exact, or coarse where the mask is large.

Written here because a marching-squares trace costs ten times as much, and its import a second.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST_POINTS = 1000
"""Of an outline; one value of single precision coordinates in DICOM has room for 8191."""
FINEST = 512
"""Rows and columns up to which each pixel counts; in a larger plane, blocks of pixels do."""

Points = NDArray[np.float64]
Plane = NDArray[np.bool_]


def pixel_outline(plane: Plane) -> Points:
    """(n, 2) rows and columns of the longest closed line around a (rows, columns) mask; first and last are equal.

    The centre of the first pixel is (0, 0), so the line of one pixel runs from -0.5 to 0.5.

    Raises:
        ValueError: the mask is empty.
    """
    step = -(-max(plane.shape) // FINEST)
    line = max(_lines(_blocks(plane, step)), key=len, default=None)
    if line is None:
        raise ValueError("an empty mask has no outline")
    corners = _corners(np.array(line))
    if len(corners) > MOST_POINTS:
        corners = corners[:: -(-len(corners) // (MOST_POINTS - 1))]
    closed = np.concatenate([corners, corners[:1]])
    return np.asarray(np.minimum(closed * step, plane.shape) - 0.5, dtype=np.float64)


def _blocks(plane: Plane, step: int) -> Plane:
    """Which blocks of step × step pixels hold any of the mask."""
    if step == 1:
        return plane
    rows = np.logical_or.reduceat(plane, np.arange(0, plane.shape[0], step), axis=0)
    return np.asarray(np.logical_or.reduceat(rows, np.arange(0, plane.shape[1], step), axis=1), dtype=np.bool_)


def _lines(plane: Plane) -> list[list[tuple[int, int]]]:
    """Closed lines of (row, column) corners of pixels, the mask on the right hand."""
    following: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for row, column, to_row, to_column in _edges(plane).tolist():
        following.setdefault((row, column), []).append((to_row, to_column))
    lines = []
    while following:
        here = next(iter(following))
        line = [here]
        while here in following:
            onward = following[here]
            there = onward.pop()
            if not onward:
                del following[here]
            line.append(there)
            here = there
        lines.append(line)
    return lines


def _edges(plane: Plane) -> NDArray[np.intp]:
    """(n, 4) edges between inside and outside: the row and column of both ends, clockwise around the mask."""
    down = np.diff(plane.astype(np.int8), axis=0, prepend=0, append=0)
    right = np.diff(plane.astype(np.int8), axis=1, prepend=0, append=0)
    top, bottom, left, far = (np.argwhere(change) for change in (down == 1, down == -1, right == 1, right == -1))
    east, south = np.array([0, 1]), np.array([1, 0])
    pairs = [(top, top + east), (bottom + east, bottom), (left + south, left), (far, far + south)]
    return np.concatenate([np.concatenate(pair, axis=1) for pair in pairs])


def _corners(line: NDArray[np.intp]) -> NDArray[np.intp]:
    """The points of a closed line where it turns, without the repetition of the first."""
    steps = np.diff(line, axis=0)
    turns = (steps != np.roll(steps, 1, axis=0)).any(axis=1)
    return np.asarray(line[:-1][turns], dtype=np.intp)
