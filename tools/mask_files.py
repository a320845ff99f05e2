"""Masks of series that did not come as DICOM: NIfTI for volumes, one PNG a mask for images."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Sequence
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from domain.errors import GeometryInvalid, SpacingMissing
from domain.geometry import Geometry
from domain.mask import Mask

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def mask_files(stem: str, masks: Sequence[Mask], source_format: str) -> dict[str, bytes]:
    """File name → content, for the masks of one series.

    NIfTI: labels 1…n in the order of the masks, named in a header extension; overlapping masks get a fourth axis
    instead, one volume a mask.
    """
    if masks[0].geometry.slices > 1 or source_format == "NIfTI":
        return {f"{stem}.seg.nii.gz": nifti_masks(masks)}
    return {f"{stem}.{mask.mask_id}.mask.png": _png(mask.array[0]) for mask in masks}


def nifti_masks(masks: Sequence[Mask]) -> bytes:
    """Gzipped NIfTI-1 of masks on one grid, axes column, row, slice, in RAS millimetres where the place is known."""
    stack = np.stack([mask.array.transpose(2, 1, 0) for mask in masks], axis=-1)
    overlap = bool((stack.sum(axis=-1) > 1).any())
    voxels = stack.astype(np.uint8) if overlap else _labels(stack)
    make: Any = nibabel.Nifti1Image  # nibabel is partly typed
    image = make(voxels, ras_affine(masks[0].geometry))
    names = {str(number): mask.target for number, mask in enumerate(masks, start=1)}
    comment = json.dumps({"overlap": overlap, "labels": names}).encode()
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", comment))
    return gzip.compress(image.to_bytes(), mtime=0)


def ras_affine(geometry: Geometry) -> NDArray[np.float64]:
    """(4, 4) [column, row, slice, 1] → RAS millimetres; voxel sizes only, or ones, where the place is unknown."""
    try:
        affine = geometry.affine
    except (SpacingMissing, GeometryInvalid):
        return _without_place(geometry)
    return np.asarray(_LPS_TO_RAS @ affine[:, [2, 1, 0, 3]], dtype=np.float64)


def _without_place(geometry: Geometry) -> NDArray[np.float64]:
    row_mm, column_mm = geometry.pixel_spacing_mm or (1.0, 1.0)
    affine = np.diag([column_mm, row_mm, geometry.slice_spacing_mm or 1.0, 1.0])
    if geometry.orientation is not None and geometry.positions_mm is not None:
        affine[:3, 0] = geometry.orientation[0] * column_mm
        affine[:3, 1] = geometry.orientation[1] * row_mm
        affine[:3, 2] = geometry.normal * (geometry.slice_spacing_mm or 1.0)
        affine[:3, 3] = geometry.positions_mm[0]
        affine = _LPS_TO_RAS @ affine
    return np.asarray(affine, dtype=np.float64)


def _labels(stack: NDArray[np.bool_]) -> NDArray[np.uint8]:
    numbers = np.arange(1, stack.shape[-1] + 1, dtype=np.uint8)
    return np.asarray((stack * numbers).max(axis=-1), dtype=np.uint8)


def _png(plane: NDArray[np.bool_]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(plane.astype(np.uint8) * 255).save(file, "PNG")
    return file.getvalue()
