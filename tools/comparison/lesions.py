"""Separate lesions of a mask, each with its size and place."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import label

from domain.errors import SpacingMissing
from domain.finding import Measurement
from domain.geometry import Geometry, Matrix
from domain.mask import Mask
from domain.study import Volume
from tools.measurement import measure

MOST = 50
"""Lesions of one mask that are compared one by one, the largest first; a model's crumbs are not lesions."""


@dataclass(frozen=True, eq=False)
class Lesion:
    """One connected part of a mask (touching at corners counts as one, as `component_count` does).

    Attributes:
        number: 1 is the largest of its mask.
        voxels: (n, 3) [slice, row, column] of the series.
        centroid_mm: LPS.
        voxel_ml: volume of one of its voxels, on average.
        measurements: of this part alone: volume, axes, values.
        cut: it reaches the first or last slice: a part of it may lie outside the images.
    """

    number: int
    voxels: NDArray[np.intp]
    centroid_mm: NDArray[np.float64]
    voxel_ml: float
    measurements: tuple[Measurement, ...]
    cut: bool

    def value(self, name: str) -> float | None:
        """A measurement's value; None where it was not measured."""
        return next((m.value for m in self.measurements if m.name == name), None)

    @property
    def volume_ml(self) -> float:
        """Volume in mL."""
        return len(self.voxels) * self.voxel_ml

    @property
    def long_axis_mm(self) -> float:
        """Largest in-plane diameter in mm, 0 where it was not measured."""
        return self.value("long_axis") or 0.0


@dataclass(frozen=True, eq=False)
class Lesions:
    """The lesions of one mask.

    Attributes:
        found: largest first.
        labels: (slices, rows, columns) number of the lesion, 0 outside; parts beyond `MOST` are 0 as well.
        left_out: number of smaller parts that are not among them.
    """

    found: tuple[Lesion, ...]
    labels: NDArray[np.int32]
    geometry: Geometry
    left_out: int = 0

    def at(self, points_mm: Matrix) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Number of the lesion at (n, 3) LPS points, and which of the points the images show."""
        inverse = np.linalg.inv(self.geometry.affine)
        index = np.rint(points_mm @ inverse[:3, :3].T + inverse[:3, 3]).astype(np.intp)
        inside = np.all((index >= 0) & (index < np.array(self.labels.shape)), axis=1)
        numbers = np.zeros(len(index), dtype=np.int32)
        numbers[inside] = self.labels[tuple(index[inside].T)]
        return numbers, np.asarray(inside, dtype=np.bool_)


def lesions(mask: Mask, volume: Volume) -> Lesions:
    """The separate lesions of a mask that lies in the patient.

    Raises:
        SpacingMissing: the slices have no place, or there is one slice only.
        GeometryInvalid: uneven slices, or the mask does not lie on the volume.
    """
    geometry = mask.geometry
    place = geometry.affine
    parts = np.asarray(label(mask.array, connectivity=3), dtype=np.int32)  # type: ignore[no-untyped-call]
    sizes = np.bincount(parts.ravel())[1:]
    order = np.argsort(-sizes, kind="stable")
    number_of = np.zeros(len(sizes) + 1, dtype=np.int32)
    number_of[order[:MOST] + 1] = np.arange(1, min(len(sizes), MOST) + 1)
    numbered = number_of[parts]
    voxel_ml = float(abs(np.linalg.det(place[:3, :3]))) / 1000
    found = [
        _lesion(number, mask, volume, numbered, box, voxel_ml)
        for number, box in enumerate(ndimage.find_objects(numbered), 1)
        if box is not None
    ]
    return Lesions(tuple(found), numbered, geometry, max(0, len(sizes) - MOST))


def _lesion(
    number: int, mask: Mask, volume: Volume, numbered: NDArray[np.int32], box: tuple[slice, ...], voxel_ml: float
) -> Lesion:
    last = mask.geometry.slices - 1
    # One slice more at each end: a part of one slice still has a distance to its neighbours.
    wide = (slice(max(box[0].start - 1, 0), min(box[0].stop + 1, last + 1)), *box[1:])
    inside = np.asarray(numbered[wide] == number, dtype=np.bool_)
    corner = np.array([side.start for side in wide], dtype=np.intp)
    voxels = np.argwhere(inside) + corner
    part = cropped(mask.geometry, wide)
    own = replace(mask, geometry=part, array=inside, probability=None)
    pixels = Volume(replace(volume.series, geometry=part), volume.array[wide])
    measurements, _ = measure(own, pixels, step_id="")
    centroid = mask.geometry.to_patient_mm(voxels.astype(np.float64)).mean(axis=0)
    cut = bool(voxels[:, 0].min() == 0 or voxels[:, 0].max() == last)
    return Lesion(number, voxels, centroid, voxel_ml, measurements, cut)


def cropped(geometry: Geometry, box: tuple[slice, ...]) -> Geometry:
    """The grid of a part of an image.

    Args:
        box: start and stop along slices, rows, columns.

    Raises:
        SpacingMissing: the images have no place in the patient.
    """
    if geometry.pixel_spacing_mm is None or geometry.orientation is None:
        raise SpacingMissing("These images have no known place in the patient.")
    planes = range(box[0].start, box[0].stop)
    first = np.array([[plane, box[1].start, box[2].start] for plane in planes], dtype=np.float64)
    return Geometry(
        (len(planes), box[1].stop - box[1].start, box[2].stop - box[2].start),
        geometry.pixel_spacing_mm,
        geometry.orientation,
        geometry.to_patient_mm(first),
        geometry.spacing_source,
    )
