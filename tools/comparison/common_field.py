"""The part of an outline that two studies both image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from domain.geometry import Geometry, Matrix
from domain.mask import Mask


def touches_border(mask: Mask) -> bool:
    """Whether an outline of a volume reaches the border of the images: a part of it may lie outside."""
    faces = (mask.array.take(end, axis=axis) for axis in range(3) for end in (0, -1))
    return mask.geometry.slices > 1 and any(bool(face.any()) for face in faces)


def shown(geometry: Geometry, points_mm: Matrix) -> NDArray[np.bool_]:
    """Which of (n, 3) LPS points lie in the images of an even volume.

    Raises:
        SpacingMissing, GeometryInvalid: it has no affine.
    """
    inverse = np.linalg.inv(geometry.affine)
    index = points_mm @ inverse[:3, :3].T + inverse[:3, 3]
    return np.asarray(np.all((index >= -0.5) & (index <= np.array(geometry.shape) - 0.5), axis=1), dtype=np.bool_)


def common_volume_ml(mask: Mask, other: Geometry, move: Callable[[Matrix], Matrix]) -> float:
    """Volume in mL of the voxels of a mask that the other study images.

    Args:
        move: places of this study to places of the other one.
    """
    voxels = np.argwhere(mask.array)
    seen = shown(other, move(mask.geometry.to_patient_mm(voxels.astype(np.float64))))
    extents = mask.geometry.slice_extents_mm()
    return float(extents[voxels[seen][:, 0]].sum()) * mask.geometry.pixel_area_mm2 / 1000
