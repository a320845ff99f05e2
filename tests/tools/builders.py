"""Geometry, Series, Volume and Mask from arrays and from the files of the data folder."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from domain.codes import Unit
from domain.geometry import Geometry
from domain.mask import Mask
from domain.study import Series, Volume

AXIAL = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def axial(shape: tuple[int, int, int], spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Geometry:
    """Slices upwards, rows to the back, columns to the left. Spacing: slices, rows, columns."""
    positions = np.zeros((shape[0], 3))
    positions[:, 2] = np.arange(shape[0]) * spacing[0]
    return Geometry(shape, (spacing[1], spacing[2]), AXIAL, positions, "PixelSpacing")


def plain(shape: tuple[int, int, int], pixel_spacing: tuple[float, float] | None = None) -> Geometry:
    """Pixels with no place in the patient."""
    return Geometry(shape, pixel_spacing)


def volume(
    array: NDArray[np.generic],
    geometry: Geometry,
    *,
    modality: str = "CT",
    unit: Unit = Unit.HU,
    view: str = "",
    laterality: str = "",
) -> Volume:
    series = Series(
        "1.2.3",
        "1.2",
        modality,
        geometry,
        (),
        value_unit=unit,
        view_position=view,
        laterality=laterality,
    )
    return Volume(series, array)


def mask(
    array: NDArray[np.bool_],
    geometry: Geometry,
    target: str = "liver",
    category: str = "",
    probability: NDArray[np.float32] | None = None,
    mask_id: str = "m1",
) -> Mask:
    return Mask(mask_id, target, category, "1.2.3", geometry, array, "truth@1", "s3", probability)


def read_nrrd(path: Path) -> tuple[NDArray[np.generic], Geometry]:
    """(slices, rows, columns) and the grid of a 3D NRRD in LPS, raw or gzip."""
    header, _, payload = path.read_bytes().partition(b"\n\n")
    fields = dict(line.split(": ", 1) for line in header.decode().splitlines() if ": " in line and line[0] != "#")
    raw = gzip.decompress(payload) if fields["encoding"] == "gzip" else payload
    dtype = {"short": "<i2", "int": "<i4"}[fields["type"]]
    columns, rows, slices = (int(size) for size in fields["sizes"].split())
    array = np.frombuffer(raw, dtype).reshape(slices, rows, columns)
    vectors = [_vector(text) for text in fields["space directions"].split()]
    origin = _vector(fields["space origin"])
    return array, _grid(array.shape, vectors, origin)


def read_nifti(path: Path) -> tuple[NDArray[np.generic], Geometry]:
    """(slices, rows, columns) of a NIfTI: columns first axis, rows second, as stored; grid in LPS."""
    import nibabel

    image = nibabel.load(path)
    array = np.ascontiguousarray(np.asarray(image.dataobj).transpose(2, 1, 0))
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine
    vectors = [affine[:3, 0], affine[:3, 1], affine[:3, 2]]
    return array, _grid(array.shape, vectors, affine[:3, 3])


def read_grey(path: Path) -> NDArray[np.uint8]:
    """(1, rows, columns) of the first channel."""
    pixels = np.asarray(Image.open(path))
    return (pixels if pixels.ndim == 2 else pixels[..., 0])[None]


def read_dicom_series(paths: list[Path]) -> tuple[NDArray[np.generic], Geometry]:
    """(slices, rows, columns) HU of single-frame CT, sorted along the normal."""
    import pydicom

    slices = [pydicom.dcmread(path) for path in paths]
    slices.sort(key=lambda item: float(item.ImagePositionPatient[2]))
    array = np.stack([s.pixel_array * float(s.RescaleSlope) + float(s.RescaleIntercept) for s in slices])
    positions = np.array([[float(v) for v in s.ImagePositionPatient] for s in slices])
    orientation = np.array([float(v) for v in slices[0].ImageOrientationPatient]).reshape(2, 3)
    spacing = tuple(float(v) for v in slices[0].PixelSpacing)
    return array, Geometry(array.shape, (spacing[0], spacing[1]), orientation, positions, "PixelSpacing")


def read_segments(path: Path, geometry: Geometry) -> dict[str, NDArray[np.bool_]]:
    """Segments of a binary SEG on the grid of its source, by label."""
    import pydicom

    item = pydicom.dcmread(path)
    labels = {int(s.SegmentNumber): str(s.SegmentLabel) for s in item.SegmentSequence}
    found = {label: np.zeros(geometry.shape, bool) for label in labels.values()}
    assert geometry.positions_mm is not None
    for frame, groups in zip(item.pixel_array, item.PerFrameFunctionalGroupsSequence, strict=True):
        place = np.array([float(v) for v in groups.PlanePositionSequence[0].ImagePositionPatient])
        index = int(np.argmin(np.linalg.norm(geometry.positions_mm - place, axis=1)))
        number = int(groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        found[labels[number]][index] |= frame > 0
    return found


def _vector(text: str) -> NDArray[np.float64]:
    return np.array([float(value) for value in text.strip("()").split(",")])


def _grid(shape: tuple[int, ...], vectors: list[NDArray[np.float64]], origin: NDArray[np.float64]) -> Geometry:
    along_row, along_column, through = vectors
    spacing = (float(np.linalg.norm(along_column)), float(np.linalg.norm(along_row)))
    orientation = np.stack([along_row / spacing[1], along_column / spacing[0]])
    positions = origin + np.arange(shape[0])[:, None] * through
    return Geometry((shape[0], shape[1], shape[2]), spacing, orientation, positions, "PixelSpacing")
