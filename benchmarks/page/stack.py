"""A CT series as scanners send it: a body with noise, so that neither sending nor drawing is easier than it is."""

from __future__ import annotations

import io
import zipfile

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

STUDY = "2.25.78.1"
SERIES = f"{STUDY}.1"
PIXEL_MM, SLICE_MM = 0.7, 1.0
_PATTERNS = 8
"""Slices with noise of their own; then they come again, since drawing noise takes longer than all the rest."""


def archive(slices: int, side: int) -> bytes:
    """A zip archive of so many slices of side × side pixels, 1 mm apart."""
    down, across = np.mgrid[:side, :side] / side - 0.5
    body = np.where(np.hypot(down / 0.34, across / 0.46) < 1, 45.0, -1000.0)
    body[np.hypot(down - 0.12, across) < 0.06] = 700.0  # a spine: bright whatever the window is
    chance = np.random.default_rng(78)
    patterns = [(body + chance.normal(0, 12, body.shape)).astype("<i2").tobytes() for _ in range(_PATTERNS)]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for index in range(slices):
            packed.writestr(f"{index:04}.dcm", _slice(index, side, patterns[index % _PATTERNS]))
    return file.getvalue()


def _slice(index: int, side: int, pixels: bytes) -> bytes:
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, f"{SERIES}.{index + 1}"
    data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = STUDY, SERIES, f"{STUDY}.9"
    data.PatientID, data.PatientName, data.Modality = "STACK", "Phantom^Stack", "CT"
    data.StudyDate, data.StudyTime, data.StudyDescription = "20260102", "101500", "CT abdomen"
    data.SeriesNumber, data.InstanceNumber = 1, index + 1
    data.PixelSpacing, data.SliceThickness = [PIXEL_MM, PIXEL_MM], SLICE_MM
    data.ImagePositionPatient, data.ImageOrientationPatient = [0, 0, SLICE_MM * index], [1, 0, 0, 0, 1, 0]
    data.Rows = data.Columns = side
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 1
    data.RescaleSlope, data.RescaleIntercept, data.RescaleType = 1, 0, "HU"
    data.WindowCenter, data.WindowWidth = 40, 400
    data.PixelData = pixels
    file = io.BytesIO()
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()
