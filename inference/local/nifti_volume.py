"""A NIfTI volume from bytes, turned to right–anterior–superior, and a label map on its own grid back to bytes."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_BYTES = 512 * 2**20
"""Of an unpacked file: nothing that a 3D model here is made for is larger."""

GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, eq=False)
class NiftiVolume:
    """A volume in canonical orientation.

    Attributes:
        values: (right, anterior, superior) float32, scaled as the header says.
        image: the file as it came, whose grid and affine an answer keeps.
    """

    values: NDArray[np.float32]
    image: Any


def read_nifti(content: bytes) -> NiftiVolume:
    """The volume of a .nii or .nii.gz file.

    Raises:
        ValueError: not NIfTI, not one volume, or too large.
    """
    nib: Any = import_module("nibabel")
    try:
        image = nib.Nifti1Image.from_bytes(_unpacked(content))
        values = nib.as_closest_canonical(image).get_fdata(dtype=np.float32)
    except Exception as error:
        # nibabel has an error of its own for each way in which a header can be wrong.
        raise ValueError("The volume is not a readable NIfTI file.") from error
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    if values.ndim != 3 or min(values.shape) < 2:
        raise ValueError("The NIfTI file does not hold one volume.")
    return NiftiVolume(values, image)


def write_labels(labels: NDArray[np.uint8], volume: NiftiVolume) -> bytes:
    """A nii.gz of labels given in canonical orientation, on the grid and affine that the volume came with."""
    nib: Any = import_module("nibabel")
    wanted = nib.io_orientation(volume.image.affine)
    turn = nib.orientations.ornt_transform(np.array([[0, 1], [1, 1], [2, 1]]), wanted)
    image = nib.Nifti1Image(nib.apply_orientation(labels, turn), volume.image.affine)
    image.header.set_xyzt_units("mm")
    return gzip.compress(image.to_bytes(), compresslevel=1)


def _unpacked(content: bytes) -> bytes:
    if not content.startswith(GZIP_MAGIC):
        return content
    unpack = zlib.decompressobj(wbits=31)
    raw = unpack.decompress(content, LARGEST_BYTES)
    if not unpack.eof:
        raise ValueError("cut off, or larger than 512 MiB")
    return raw
