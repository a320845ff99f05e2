"""NIfTI on the wire: a volume as .nii.gz without header text, and a label map back on the volume's own grid.

Source: NIfTI-1 (one file, magic "n+1"). data[c, r, k] of the file is array[k, r, c]; its affine goes to RAS
millimetres where DICOM's goes to LPS. Nothing is resampled: an answer on another grid is an error, one with
swapped or flipped axes is put back voxel by voxel.
"""

from __future__ import annotations

import io
import warnings
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.errors import GeometryInvalid, PixelsUndecodable
from domain.geometry import Geometry
from inference.wire_json import AnswerReader

Affine = NDArray[np.float64]
Labels = NDArray[np.uint8]

LARGEST_LABEL = 255
"""More structures than one call asks for; a label map takes a byte a voxel."""

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_OVERHEAD = 1 << 20
"""Bytes of header and extensions that an answer may have besides its voxels."""
_BYTES_A_VOXEL = 8
_MISPLACED_VOXELS = 0.05
"""How far float32 affines may move a corner of the volume; a real difference is half a voxel or more."""
_ORTHOGONAL = 1e-4
_LEVEL = 1


def ras_affine(geometry: Geometry) -> Affine:
    """(4, 4) [column, row, slice, 1] → RAS millimetres.

    Raises:
        SpacingMissing: the place in the patient is unknown, or there is one slice only.
        GeometryInvalid: uneven slices, or slices without a distance, have no affine.
    """
    affine = np.asarray(_LPS_TO_RAS @ geometry.affine[:, [2, 1, 0, 3]], dtype=np.float64)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
        raise GeometryInvalid("These slices do not span a volume.")
    return affine


def encode_volume(array: NDArray[np.generic], affine: Affine) -> bytes:
    """(slices, rows, columns) as .nii.gz: int16 or uint8 where that loses nothing, else float32; no header text.

    Raises:
        PixelsUndecodable: values that are not finite numbers.
    """
    import nibabel

    kind: Any = nibabel.Nifti1Image
    image = kind(_narrowed(array).transpose(2, 1, 0), affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=0 if _sheared(affine) else 1)
    return _gzipped(image.to_bytes())


def decode_labels(content: bytes, shape: tuple[int, int, int], affine: Affine, reader: AnswerReader) -> Labels:
    """(slices, rows, columns) labels of an answer, on the grid that was sent.

    Args:
        content: .nii.gz.
        shape: slices, rows, columns of what was sent.
        affine: what was sent, [column, row, slice, 1] → RAS millimetres.

    Raises:
        ModelResponseInvalid: no .nii.gz, cut off, larger than its grid, another grid, or values that are no labels.
    """
    where = "nifti_file.data"
    sent = (shape[2], shape[1], shape[0])
    image = _read(_gunzipped(content, int(np.prod(sent)) * _BYTES_A_VOXEL + _OVERHEAD, reader, where), reader, where)
    size = tuple(int(axis) for axis in image.shape)
    size = size[:3] if len(size) > 3 and max(size[3:]) == 1 else size
    if sorted(size) != sorted(sent):
        raise reader.broken(f"a map of {size} voxels for a volume of {sent}", f"{where}.shape")
    order, flipped = _axes(np.asarray(image.affine, dtype=np.float64), size, affine, sent, reader)
    labels = _as_labels(_values(image, size, reader, where), reader, where)
    turned = np.flip(labels, tuple(np.flatnonzero(flipped).tolist()))
    return np.ascontiguousarray(turned.transpose(np.argsort(order)).transpose(2, 1, 0))


def _narrowed(array: NDArray[np.generic]) -> NDArray[np.generic]:
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise PixelsUndecodable("The volume holds values that are not finite numbers.")
        small = np.abs(array).max(initial=0) <= 32_767
        whole = array.astype(np.int16) if small else None
        return whole if whole is not None and np.array_equal(whole, array) else array.astype(np.float32)
    if array.dtype in (np.dtype(np.uint8), np.dtype(np.int16)):
        return array
    low, high = int(array.min()), int(array.max())
    return array.astype(np.int16 if low >= -32_768 and high <= 32_767 else np.float32)


def _sheared(affine: Affine) -> bool:
    """A tilted gantry; a quaternion cannot say it."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.abs(axes.T @ axes - np.eye(3)).max() > _ORTHOGONAL)


def _gzipped(content: bytes) -> bytes:
    from isal import igzip

    packed: bytes = igzip.compress(content, _LEVEL, mtime=0)
    return packed


def _gunzipped(content: bytes, limit: int, reader: AnswerReader, where: str) -> bytes:
    """At most `limit` bytes, whatever the stream promises."""
    stream = zlib.decompressobj(wbits=31)
    try:
        plain = stream.decompress(content, limit + 1)
    except zlib.error as error:
        raise reader.broken("not gzip, or damaged", where) from error
    if len(plain) > limit:
        raise reader.broken("more bytes than the volume that was sent can have", where)
    if not stream.eof or stream.unused_data.strip(b"\0"):
        raise reader.broken("gzip that is cut off, or followed by something else", where)
    return plain


def _read(plain: bytes, reader: AnswerReader, where: str) -> Any:
    import nibabel

    kind = nibabel.Nifti2Image if plain[:4] in (b"\x1c\x02\0\0", b"\0\0\x02\x1c") else nibabel.Nifti1Image
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return kind.from_stream(io.BytesIO(plain))
    except Exception as error:
        raise reader.broken(f"a NIfTI header that cannot be read ({type(error).__name__})", where) from error


def _values(image: Any, size: tuple[int, ...], reader: AnswerReader, where: str) -> NDArray[np.generic]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(image.dataobj).reshape(size)
    except Exception as error:
        raise reader.broken(f"NIfTI values that end too early ({type(error).__name__})", where) from error


def _as_labels(values: NDArray[np.generic], reader: AnswerReader, where: str) -> Labels:
    if values.dtype.kind not in "iuf":
        raise reader.broken(f"values of type {values.dtype.name}", where)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise reader.broken("NaN or infinity among the labels", where)
    if float(values.min()) < 0 or float(values.max()) > LARGEST_LABEL:
        raise reader.broken(f"labels below 0 or above {LARGEST_LABEL}", where)
    labels = values.astype(np.uint8, copy=False)
    if values.dtype.kind == "f" and not np.array_equal(labels, values):
        raise reader.broken("labels that are no whole numbers", where)
    return labels


def _axes(
    answer: Affine, size: tuple[int, ...], sent: Affine, sent_size: tuple[int, int, int], reader: AnswerReader
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """For each axis of the answer: the axis of the volume that it is, and whether it runs backwards."""
    if answer.shape != (4, 4) or not np.isfinite(answer).all():
        raise reader.broken("an affine that is none", "nifti_file.data.affine")
    to_sent = np.linalg.inv(sent) @ answer
    order = np.abs(to_sent[:3, :3]).argmax(axis=0)
    flipped = np.asarray(to_sent[order, np.arange(3)] < 0)
    exact = np.zeros((3, 4))
    exact[order, np.arange(3)] = np.where(flipped, -1.0, 1.0)
    exact[order, 3] = np.where(flipped, np.array(sent_size)[order] - 1.0, 0.0)
    corners = np.array(np.meshgrid(*([0.0, n - 1.0] for n in size), [1.0])).reshape(4, -1)
    fits = sorted(order) == [0, 1, 2] and all(size[axis] == sent_size[order[axis]] for axis in range(3))
    if not fits or float(np.abs(to_sent[:3] @ corners - exact @ corners).max()) > _MISPLACED_VOXELS:
        raise reader.broken("a map on another grid than the volume that was sent", "nifti_file.data.affine")
    return order, flipped
