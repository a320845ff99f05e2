"""Where the patient is in the picture, and where a mask lies within the patient.

Coordinates are fractions of the body's extent: `across` from the patient's right skin (0) to the left (1), `depth`
from the front (0) to the back (1). They exist only where the images say how they lie: sections need an orientation;
a frontal radiograph is taken as displayed by convention, the patient's right on the image's left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domain.codes import Unit
from domain.geometry import Geometry
from domain.study import Series, Volume
from tools.anatomy import imaging_kind

SKIN_HU = -300.0
DARK = 0.1
"""Background of images without Hounsfield units: below this fraction of the mean of their brighter half."""
GRID = 160
"""The body is searched on at most this many rows and columns."""
ALIGNED = 0.8
"""Least cosine between an array axis and a patient axis that makes a coordinate meaningful."""
LATERAL_VIEWS = frozenset({"LL", "RL", "LATERAL", "LLO", "RLO", "ML", "LM", "MLO"})

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Body:
    """The patient in the slices first … last of a volume.

    Attributes:
        inside: (slices, rows / step, columns / step), cavities such as lungs filled.
        whole: no background was searched: the picture is taken as full.
        certain: found by Hounsfield units, which tell the patient from air; else by brightness.
    """

    first: int
    step: int
    inside: Flags
    whole: bool
    certain: bool = False

    def fraction_outside(self, voxels: NDArray[np.intp]) -> float:
        """Fraction of (n, 3) voxels that lie outside the patient."""
        cell = np.minimum(voxels[:, 1:] // self.step, np.array(self.inside.shape[1:]) - 1)
        return 1.0 - float(self.inside[voxels[:, 0] - self.first, cell[:, 0], cell[:, 1]].mean())

    def extent(self, axis: int) -> tuple[float, float, int]:
        """First and last voxel of the patient along rows (1) or columns (2), and how many ends the image cuts."""
        line = np.flatnonzero(self.inside.any(axis=tuple(other for other in range(3) if other != axis)))
        cut = int(line[0] == 0) + int(line[-1] == self.inside.shape[axis] - 1)
        return float(line[0] * self.step), float((line[-1] + 1) * self.step - 1), cut

    @property
    def voxels(self) -> int:
        """Number of source voxels that it stands for."""
        return int(np.count_nonzero(self.inside)) * self.step**2


@dataclass(frozen=True)
class Place:
    """Centroid of a mask in the patient; None where the images do not say.

    Attributes:
        right_half: fraction of the voxels on the patient's right half.
        assumed: the side follows from the convention of display, not from the images.
    """

    across: float | None
    depth: float | None
    right_half: float | None
    assumed: bool = False


def find_body(volume: Volume, first: int, last: int) -> Body:
    """The patient in slices first … last (inclusive)."""
    step = -(-max(volume.array.shape[1:3]) // GRID)
    part = volume.array[first : last + 1, ::step, ::step]
    if imaging_kind(volume.series.modality) not in {"CT", "MR"} or part.ndim != 3:
        return Body(first, step, np.ones(part.shape[:3], dtype=np.bool_), whole=True)
    dense = np.greater(part, _skin(volume, part))
    inside = _filled(_largest(ndimage.binary_opening(dense, structure=np.ones((1, 3, 3), dtype=np.bool_))))
    if not inside.any():
        return Body(first, step, np.ones(part.shape, dtype=np.bool_), whole=True)
    return Body(first, step, inside, whole=False, certain=volume.series.value_unit is Unit.HU)


def locate(voxels: NDArray[np.intp], body: Body, series: Series) -> Place:
    """Where (n, 3) voxels of a mask lie in the patient."""
    axes = _patient_axes(series)
    across, depth = (_relative(voxels, body, axes.get(name)) for name in ("across", "depth"))
    right = None if across is None else float((across < 0.5).mean())
    return Place(_mean(across), _mean(depth), right, assumed=series.geometry.orientation is None)


def _skin(volume: Volume, part: NDArray[np.generic]) -> float:
    if volume.series.value_unit is Unit.HU:
        return SKIN_HU
    values = np.asarray(part, dtype=np.float64)
    low, middle = float(values.min()), float(values.mean())
    brighter = values[values > middle]
    return low + DARK * (float(brighter.mean()) - low) if brighter.size else middle


def _largest(flags: Flags) -> Flags:
    labels, count = ndimage.label(flags)
    if count < 2:
        return flags
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == int(sizes.argmax()), dtype=np.bool_)


def _filled(flags: Flags) -> Flags:
    """With everything that is not connected to the border of its slice."""
    in_plane = np.zeros((3, 3, 3))
    in_plane[1] = ndimage.generate_binary_structure(2, 1)
    labels, _ = ndimage.label(~flags, structure=in_plane)
    edges = np.concatenate([labels[:, side].ravel() for side in (0, -1)] + [labels[..., s].ravel() for s in (0, -1)])
    outside = np.isin(labels, np.unique(edges[edges > 0]))
    return np.asarray(~outside, dtype=np.bool_)


def _patient_axes(series: Series) -> dict[str, tuple[int, bool]]:
    """Array axis and whether its indices fall towards the left or back, for "across" and "depth"."""
    geometry = series.geometry
    if geometry.orientation is None:
        frontal = imaging_kind(series.modality) == "XR" and series.view_position not in LATERAL_VIEWS
        return {"across": (2, False)} if frontal else {}
    found = {}
    for name, component in (("across", 0), ("depth", 1)):
        cosines = np.array([vector[component] for vector in _axis_directions(geometry)])
        axis = int(np.abs(cosines).argmax())
        if abs(cosines[axis]) >= ALIGNED and axis != 0:
            found[name] = (axis, bool(cosines[axis] < 0))
    return found


def _axis_directions(geometry: Geometry) -> list[NDArray[np.float64]]:
    if geometry.orientation is None:
        return []
    return [geometry.normal, geometry.orientation[1], geometry.orientation[0]]


def _relative(voxels: NDArray[np.intp], body: Body, axis: tuple[int, bool] | None) -> NDArray[np.float64] | None:
    if axis is None:
        return None
    index, falling = axis
    low, high, cut = body.extent(index)
    if cut and not body.whole and cut != 2:
        return None
    fraction = np.asarray((voxels[:, index] - low) / max(high - low, 1.0), dtype=np.float64)
    return 1.0 - fraction if falling else fraction


def _mean(values: NDArray[np.float64] | None) -> float | None:
    return None if values is None else float(values.mean())
