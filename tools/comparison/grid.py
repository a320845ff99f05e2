"""The coarse image that a registration works on: few voxels, values from 0 to 1, nothing but the patient."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domain.codes import Unit
from domain.geometry import Geometry, Matrix
from domain.study import Volume
from tools.quality_body import find_body

VOXELS = 120_000
FINEST_MM, COARSEST_MM = 3.0, 8.0
"""Neighbouring voxels are averaged until about VOXELS are left, no finer and no coarser than this; thick slices stay.
On 3 mm CT and 7 mm MR, turned and shifted by a known movement, the error was below 0.3 mm with it."""
CT_RANGE = (-1000.0, 500.0)
"""HU between which a CT's values tell tissues apart; metal and dense bone count as the upper end."""
PERCENTILES = (0.5, 99.5)
"""The range of images without Hounsfield units, of the patient's own voxels."""
SKIN_VOXELS = 2
"""Rim of air that is kept around the patient: the skin is an edge worth aligning."""


@dataclass(frozen=True, eq=False)
class WorkingImage:
    """A coarse image in the patient.

    Attributes:
        values: (slices, rows, columns) 0–1, 0 outside the patient.
        body: the patient's voxels. rim: they and a little air around them.
        affine: (4, 4) [slice, row, column, 1] → LPS millimetres.
    """

    values: NDArray[np.float64]
    body: NDArray[np.bool_]
    rim: NDArray[np.bool_]
    affine: Matrix

    @property
    def points_mm(self) -> Matrix:
        """(n, 3) LPS centres of the patient's voxels."""
        return transformed(self.affine, np.argwhere(self.body).astype(np.float64))

    @property
    def voxel_mm3(self) -> float:
        """Volume of a voxel."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @property
    def body_mm3(self) -> float:
        """Volume of the patient in the images."""
        return int(np.count_nonzero(self.body)) * self.voxel_mm3

    def sampled(self, points_mm: Matrix) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Values at (n, 3) LPS points, linear, and which of the points are inside the images."""
        index = transformed(inverse(self.affine), points_mm)
        inside = np.all((index >= -0.5) & (index <= np.array(self.values.shape) - 0.5), axis=1)
        found = ndimage.map_coordinates(self.values, index.T, order=1, mode="nearest")
        return np.asarray(found, dtype=np.float64), inside

    def in_body(self, points_mm: Matrix) -> NDArray[np.bool_]:
        """Which of (n, 3) LPS points lie in the patient."""
        index = np.rint(transformed(inverse(self.affine), points_mm)).astype(np.intp)
        inside = np.all((index >= 0) & (index < np.array(self.body.shape)), axis=1)
        found = np.zeros(len(index), dtype=np.bool_)
        found[inside] = self.body[tuple(index[inside].T)]
        return found


def inverse(matrix: Matrix) -> Matrix:
    """The movement back."""
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def transformed(matrix: Matrix, points: Matrix) -> Matrix:
    """(n, 3) points by a (4, 4) matrix."""
    return np.asarray(points @ matrix[:3, :3].T + matrix[:3, 3], dtype=np.float64)


def working_image(volume: Volume) -> WorkingImage:
    """The coarse image of a volume of even slices in the patient.

    Raises:
        SpacingMissing, GeometryInvalid: it has no affine.
    """
    coarse = _averaged(volume)
    found = find_body(coarse, 0, coarse.geometry.slices - 1)
    body = _at_full_size(found.inside, found.step, coarse.array.shape)
    rim = ndimage.binary_dilation(body, iterations=SKIN_VOXELS)
    return WorkingImage(np.where(rim, _scaled(coarse, body), 0.0), body, rim, coarse.geometry.affine)


def _averaged(volume: Volume) -> Volume:
    geometry = volume.geometry
    affine = geometry.affine
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    extent = float(np.prod(steps * geometry.shape))
    target = float(np.clip((extent / VOXELS) ** (1 / 3), FINEST_MM, COARSEST_MM))
    factors = [max(1, min(round(target / step + 0.2), size)) for step, size in zip(steps, geometry.shape, strict=True)]
    sizes = [size // factor for size, factor in zip(geometry.shape, factors, strict=True)]
    if sizes[0] < 2:
        factors[0], sizes[0] = 1, geometry.shape[0]
    whole = volume.array[tuple(slice(0, size * factor) for size, factor in zip(sizes, factors, strict=True))]
    split = whole.reshape([n for pair in zip(sizes, factors, strict=True) for n in pair])
    array = split.mean(axis=(1, 3, 5), dtype=np.float64)
    first = np.array([(factor - 1) / 2 for factor in factors])
    centres = np.tile(first, (sizes[0], 1))
    centres[:, 0] += factors[0] * np.arange(sizes[0])
    place = transformed(affine, centres)
    spacing = (float(steps[1] * factors[1]), float(steps[2] * factors[2]))
    grid = Geometry((sizes[0], sizes[1], sizes[2]), spacing, geometry.orientation, place)
    return Volume(replace(volume.series, geometry=grid), array)


def _at_full_size(inside: NDArray[np.bool_], step: int, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    wide = inside.repeat(step, axis=1).repeat(step, axis=2)
    return np.asarray(wide[:, : shape[1], : shape[2]], dtype=np.bool_)


def _scaled(volume: Volume, body: NDArray[np.bool_]) -> NDArray[np.float64]:
    array = np.asarray(volume.array, dtype=np.float64)
    low, high = CT_RANGE
    if volume.series.value_unit is not Unit.HU:
        low, high = (float(v) for v in np.percentile(array[body] if body.any() else array, PERCENTILES))
    return np.asarray(np.clip((array - low) / max(high - low, 1e-9), 0.0, 1.0), dtype=np.float64)
