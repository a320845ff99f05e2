"""Caliper diameters of masks in millimetres.

Convention: the outline of a mask passes half-way between the centre of an inside pixel and the centre of its outside
neighbour. These points are the vertices of the marching-cubes mesh at level 0.5, so the values agree with
pyradiomics' Maximum2DDiameterSlice and Maximum3DDiameter (IBSI "maximum 3D diameter"), and a row of n pixels is n
pixels long. Concavities are bridged, as a caliper does.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from domain.geometry import Geometry
from tools.bounding_box import bounding_box

Points = NDArray[np.float64]
Mask3D = NDArray[np.bool_]
Point = tuple[float, float]


@dataclass(frozen=True)
class Axes:
    """RECIST's pair of diameters in one slice.

    Attributes:
        long_axis_mm: largest in-plane diameter over all slices.
        short_axis_mm: longest line perpendicular to it in the same slice.
        long_ends, short_ends: (row, column) of both ends, in pixels.
    """

    slice_index: int
    long_axis_mm: float
    short_axis_mm: float
    long_ends: tuple[Point, Point]
    short_ends: tuple[Point, Point]


def recist_axes(array: Mask3D, pixel_spacing_mm: tuple[float, float]) -> Axes | None:
    """Long and short axis of a (slices, rows, columns) mask; None when it is empty.

    Args:
        pixel_spacing_mm: between rows, between columns.
    """
    best: Axes | None = None
    for bound, index in _slices_by_bound(array, pixel_spacing_mm):
        if best is not None and bound <= best.long_axis_mm:
            break
        axes = _axes_of_plane(array[index], index, pixel_spacing_mm)
        if best is None or axes.long_axis_mm > best.long_axis_mm:
            best = axes
    return best


def max_planar_diameter_mm(array: Mask3D, spacing_mm: tuple[float, float, float], axis: int = 0) -> float:
    """Largest distance between two vertices of the surface in a plane of constant index along `axis`; 0 when empty.

    Axis 0, 1, 2 of (slices, rows, columns) give pyradiomics' Maximum2DDiameterSlice, -Column and -Row. As there, the
    planes between two slices count, where the surface joins their outlines: for a clinical in-plane diameter use
    `recist_axes`.
    """
    turned = np.moveaxis(array, axis, 0)
    rows_mm, columns_mm = (spacing_mm[side] for side in range(3) if side != axis)
    axes = recist_axes(turned, (rows_mm, columns_mm))
    return max(0.0 if axes is None else axes.long_axis_mm, _between_slices(turned, np.array([rows_mm, columns_mm])))


def max_3d_diameter_mm(array: Mask3D, geometry: Geometry) -> float:
    """Largest distance between two points of the surface, in patient space (tilt and uneven slices included).

    Raises:
        SpacingMissing: the slices have no known place.
    """
    box = bounding_box(array)
    if box is None:
        return 0.0
    corner = np.array([float(side.start) for side in box])
    outer = np.array([1.0, 0.0, 0.0])
    place = _with_outer_slices(geometry).to_patient_mm(_surface_candidates(array[box]) + corner + outer)
    return _farthest(_hull(place))[2]


def _between_slices(array: Mask3D, scale: Points) -> float:
    best = 0.0
    for first, second in pairwise(array):
        changed = first ^ second
        rows = np.flatnonzero(changed.any(axis=1))
        if rows.size:
            left, right = _ends(changed[rows])
            points = np.stack([np.r_[rows, rows], np.r_[left, right]], axis=1) * scale
            best = max(best, _farthest(points)[2])
    return best


def _slices_by_bound(array: Mask3D, spacing: tuple[float, float]) -> list[tuple[float, int]]:
    rows, columns = np.any(array, axis=2), np.any(array, axis=1)
    height = _span(rows) * spacing[0]
    width = _span(columns) * spacing[1]
    bounds = np.hypot(height, width)
    occupied = np.flatnonzero(np.any(rows, axis=1))
    return sorted(((float(bounds[i]), int(i)) for i in occupied), reverse=True)


def _span(flags: NDArray[np.bool_]) -> NDArray[np.intp]:
    first, last = _ends(flags)
    return last - first + 1


def _ends(flags: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First and last true index along the last axis (meaningless where there is none)."""
    return flags.argmax(axis=-1), flags.shape[-1] - 1 - flags[..., ::-1].argmax(axis=-1)


def _outline(plane: NDArray[np.bool_]) -> Points:
    """(n, 2) extreme edge midpoints [row, column]: every vertex of the outline's hull is among them."""
    rows, columns = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
    left, right = _ends(plane[rows])
    top, bottom = _ends(plane[:, columns].T)
    return np.concatenate(
        [
            np.stack([np.r_[rows, rows], np.r_[left - 0.5, right + 0.5]], axis=1),
            np.stack([np.r_[top - 0.5, bottom + 0.5], np.r_[columns, columns]], axis=1),
        ]
    ).astype(np.float64)


def _hull(points: Points) -> Points:
    """Vertices of the convex hull (counter-clockwise in the plane)."""
    return np.asarray(points[ConvexHull(points).vertices], dtype=np.float64)


def _farthest(points: Points) -> tuple[int, int, float]:
    """Indices and distance of the farthest pair, in blocks that stay small in memory."""
    best, first, second = -1.0, 0, 0
    for start in range(0, len(points), 512):
        block = points[start : start + 512]
        squared = np.asarray(((block[:, None, :] - points[None, :, :]) ** 2).sum(axis=2))
        i, j = np.unravel_index(int(squared.argmax()), squared.shape)
        if squared[i, j] > best:
            best, first, second = float(squared[i, j]), start + int(i), int(j)
    return first, second, float(np.sqrt(best))


def _axes_of_plane(plane: NDArray[np.bool_], index: int, spacing: tuple[float, float]) -> Axes:
    scale = np.array(spacing)
    hull = _hull(_outline(plane) * scale)
    first, second, length = _farthest(hull)
    width, ends = _widest_chord(hull, first, second)
    long_ends = (_pixel(hull[first] / scale), _pixel(hull[second] / scale))
    return Axes(index, length, width, long_ends, (_pixel(ends[0] / scale), _pixel(ends[1] / scale)))


def _widest_chord(hull: Points, first: int, second: int) -> tuple[float, Points]:
    """Longest chord perpendicular to the line from `first` to `second`; it passes through a vertex of the hull."""
    along = (hull[second] - hull[first]) / np.linalg.norm(hull[second] - hull[first])
    across = np.array([-along[1], along[0]])
    local = (hull - hull[first]) @ np.stack([along, across], axis=1)
    turned = np.roll(local, -first, axis=0)
    split = (second - first) % len(hull)
    going, back = turned[: split + 1], np.concatenate([turned[split:], turned[:1]])[::-1]
    at = local[:, 0]
    low, high = np.interp(at, going[:, 0], going[:, 1]), np.interp(at, back[:, 0], back[:, 1])
    widest = int(np.argmax(np.abs(high - low)))
    base = hull[first] + at[widest] * along
    ends = np.stack([base + low[widest] * across, base + high[widest] * across])
    return float(abs(high[widest] - low[widest])), ends


def _pixel(point: Points) -> Point:
    return float(point[0]), float(point[1])


def _surface_candidates(array: Mask3D) -> Points:
    """(n, 3) [slice, row, column] surface vertices that can lie on the hull."""
    occupied = np.flatnonzero(array.any(axis=(1, 2)))
    found = [np.empty((0, 3))]
    for index in occupied:
        flat = _hull(_outline(array[index]))
        found.append(np.insert(flat, 0, float(index), axis=1))
    steps = np.diff(array, axis=0, prepend=False, append=False)
    plane, row = np.nonzero(steps.any(axis=2))
    left, right = _ends(steps[plane, row])
    found += [np.stack([plane - 0.5, row, end], axis=1) for end in (left, right)]
    return np.concatenate(found)


def _with_outer_slices(geometry: Geometry) -> Geometry:
    """The same grid with one slice more at each end, so that the surface beyond the last slice has a place."""
    positions = geometry.positions_mm
    if positions is None or len(positions) < 2:
        return geometry
    before, after = 2 * positions[0] - positions[1], 2 * positions[-1] - positions[-2]
    slices, rows, columns = geometry.shape
    return Geometry(
        (slices + 2, rows, columns),
        geometry.pixel_spacing_mm,
        geometry.orientation,
        np.concatenate([before[None], positions, after[None]]),
    )
