"""Image features of a lesion or organ, named as by the Image Biomarker Standardisation Initiative (IBSI).

What is here is a documented subset of IBSI's reference manual (arXiv:1612.07003): intensity statistics, histogram,
shape, GLCM, GLRLM, GLSZM; and the lesion's margin, which IBSI does not define. Voxels are taken as they are: no
resampling, no filtering, no exclusion of outliers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from domain.errors import GeometryInvalid
from domain.geometry import Geometry
from domain.mask import Mask
from domain.study import Volume
from tools.bounding_box import Box, bounding_box
from tools.features_first_order import histogram_features, intensity_features
from tools.features_levels import Discretisation, discretisation_for
from tools.features_margin import RIM_MM, margin_features
from tools.features_shape import shape_entries
from tools.features_texture import texture_features
from tools.features_value import Feature

ANISOTROPIC = 2.0
"""Slices farther apart than this many pixels are not neighbours: texture stays in the slice."""


def features(mask: Mask, volume: Volume, *, discretisation: Discretisation | None = None) -> tuple[Feature, ...]:
    """Features of what is under a mask; () of an empty one.

    Shape needs the size of voxels, values need one value a pixel (not RGB), the margin both; what cannot be had is
    left out. Values that are not finite are left out. Textures are looked for in space, or in the slice where there
    is one slice, the distance between slices is unknown, or it is over twice the distance between pixels.

    Args:
        discretisation: for histogram and texture; 25 HU for CT, 32 bins for other values when None.

    Raises:
        GeometryInvalid: the mask does not lie on the pixels of the volume.
        ValueError: bins so narrow that there would be more than 1024.
    """
    if mask.array.shape != volume.array.shape[:3]:
        raise GeometryInvalid(
            f"A mask of {mask.array.shape} voxels does not lie on {volume.array.shape[:3]} voxels.", where=mask.mask_id
        )
    box = bounding_box(mask.array)
    if box is None:
        return ()
    shape = shape_entries(mask, box)
    return shape if volume.array.ndim != 3 else (*shape, *_of_values(mask, volume, box, discretisation))


def planar(geometry: Geometry) -> bool:
    """Whether neighbours are sought in the slice only."""
    between, spacing = geometry.slice_spacing_mm, geometry.pixel_spacing_mm
    return between is None or spacing is None or between > ANISOTROPIC * max(spacing)


def _of_values(mask: Mask, volume: Volume, box: Box, discretisation: Discretisation | None) -> tuple[Feature, ...]:
    unit = volume.series.value_unit
    part = np.asarray(volume.array[box], dtype=np.float64)
    used = mask.array[box] & np.isfinite(part)
    values = part[used]
    levels = (discretisation or discretisation_for(unit)).levels(values)
    grid = np.zeros(part.shape, np.int32)
    grid[used] = levels
    return (
        *intensity_features(values, unit),
        *histogram_features(levels),
        *texture_features(grid, planar=planar(mask.geometry)),
        *_margin(mask, volume, box),
    )


def _margin(mask: Mask, volume: Volume, box: Box) -> tuple[Feature, ...]:
    spacing = mask.geometry.pixel_spacing_mm
    if spacing is None:
        return ()
    slices, rows, columns = box
    wide = (slices, _widened(rows, spacing[0], mask.array.shape[1]), _widened(columns, spacing[1], mask.array.shape[2]))
    pixels: NDArray[np.float64] = np.asarray(volume.array[wide], dtype=np.float64)
    return margin_features(mask.array[wide], pixels, spacing, volume.series.value_unit)


def _widened(span: slice, step_mm: float, length: int) -> slice:
    reach = int(np.ceil(RIM_MM / step_mm)) + 1
    return slice(max(span.start - reach, 0), min(span.stop + reach, length))
