"""DICOM files with computed answers, written with pydicom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import ExplicitVRLittleEndian

from tools.series_identity import derived_uid

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def body(rows: int = 24, columns: int = 30, seed: int = 0) -> NDArray[np.int16]:
    """Stored values of a smooth disc of soft tissue in air, with intercept −1024; `seed` makes slices differ."""
    row, column = np.mgrid[:rows, :columns]
    inside = (row - rows / 2) ** 2 + (column - columns / 2) ** 2 < (min(rows, columns) / 3) ** 2
    shade = 24 + row + column + seed
    return np.where(inside, 1024 + shade, shade).astype(np.int16)


def dataset(pixels: NDArray[Any], **attributes: Any) -> Dataset:
    """A CT slice of the given stored pixels; attributes override, None removes one."""
    ds = Dataset()
    ds.SOPClassUID = CT
    ds.SOPInstanceUID = derived_uid("instance", str(attributes))
    ds.StudyInstanceUID = derived_uid("study")
    ds.SeriesInstanceUID = derived_uid("series")
    ds.Modality = "CT"
    ds.PatientID = "phantom-1"
    ds.PatientName = "Phantom^One"
    ds.StudyDate = "20240229"
    ds.StudyTime = "101112.5"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.InstanceNumber = 1
    ds.PixelSpacing = [1.0, 1.0]
    ds.ImageOrientationPatient = list(AXIAL)
    ds.ImagePositionPatient = [0.0, 0.0, 0.0]
    ds.RescaleSlope, ds.RescaleIntercept = 1, -1024
    set_pixels(ds, pixels)
    for keyword, value in attributes.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    return ds


def set_pixels(ds: Dataset, pixels: NDArray[Any]) -> None:
    """Native pixel data of (rows, columns), (frames, rows, columns) or (rows, columns, 3)."""
    colour = pixels.ndim == 3 and pixels.shape[-1] == 3
    frames = pixels.shape[0] if pixels.ndim == 3 and not colour else 1
    ds.Rows, ds.Columns = pixels.shape[:2] if colour or pixels.ndim == 2 else pixels.shape[1:]
    if frames > 1:
        ds.NumberOfFrames = frames
    ds.SamplesPerPixel = 3 if colour else 1
    ds.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = ds.BitsStored = 8 * pixels.dtype.itemsize
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    ds.PixelData = pixels.tobytes()


def write(ds: Dataset, path: Path) -> Path:
    """Write with file meta information, explicit little endian."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.save_as(path, enforce_file_format=True)
    return path


def write_stack(
    folder: Path, positions: Sequence[Sequence[float]], *, names: Sequence[str] | None = None, **attributes: Any
) -> list[Path]:
    """One CT slice a position; the n-th has `body(seed=n)` and instance number n + 1."""
    paths = []
    for index, position in enumerate(positions):
        rounded = [round(float(value), 9) for value in position]
        ds = dataset(
            body(seed=index),
            **{
                "SOPInstanceUID": derived_uid("slice", str(index), str(attributes.get("SeriesInstanceUID"))),
                "InstanceNumber": index + 1,
                **attributes,
            },
        )
        ds.ImagePositionPatient = [f"{value:.10g}"[:16] for value in rounded]
        name = names[index] if names else f"{index:03d}.dcm"
        paths.append(write(ds, folder / name))
    return paths


def functional_groups(ds: Dataset, frames: Sequence[dict[str, Any]]) -> Dataset:
    """Turn into an enhanced CT: per-frame position, optional temporal index and intercept; the rest shared."""
    ds.SOPClassUID = ENHANCED_CT
    for keyword in (
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "RescaleSlope",
        "RescaleIntercept",
    ):
        delattr(ds, keyword)
    ds.SharedFunctionalGroupsSequence = DicomSequence(
        [
            _item(
                PixelMeasuresSequence=_item(PixelSpacing=[2.0, 3.0], SliceThickness=9),
                PlaneOrientationSequence=_item(ImageOrientationPatient=list(AXIAL)),
            )
        ]
    )
    ds.PerFrameFunctionalGroupsSequence = DicomSequence([_frame(**frame) for frame in frames])
    return ds


def _frame(z: float, *, time: int | None = None, intercept: int = -1024) -> Dataset:
    content = _item(StackID="1")
    if time is not None:
        content.TemporalPositionIndex = time
    return _item(
        PlanePositionSequence=_item(ImagePositionPatient=[0, 0, z]),
        PixelValueTransformationSequence=_item(RescaleSlope=1, RescaleIntercept=intercept, RescaleType="HU"),
        FrameContentSequence=content,
    )


def _item(**attributes: Any) -> Dataset:
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, DicomSequence([value]) if isinstance(value, Dataset) else value)
    return item
