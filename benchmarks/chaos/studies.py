"""Small CT studies of one slice each: phantoms, every patient another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

SIDE = 128
ROOT = "2.25.77"
QUESTIONS = (
    "Measure the liver and the spleen.",
    "Segment the liver.",
    "How large are the kidneys?",
    "Segment the left kidney and measure it.",
)


def question(number: int) -> str:
    """What is asked about study `number`."""
    return QUESTIONS[number % len(QUESTIONS)]


def study_uid(number: int) -> str:
    """Of study `number`."""
    return f"{ROOT}.{number + 1}"


def write_study(path: Path, number: int) -> None:
    """One slice of 128 × 128 pixels of 2.5 mm: a body with soft tissue and noise that the number seeds."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, f"{study_uid(number)}.1.1"
    data.StudyInstanceUID, data.SeriesInstanceUID = study_uid(number), f"{study_uid(number)}.1"
    data.FrameOfReferenceUID = f"{study_uid(number)}.9"
    data.PatientID, data.PatientName = f"P{number:05}", f"Phantom^Number {number}"
    data.PatientBirthDate, data.PatientSex = "19600101", "O"
    data.StudyDate = data.SeriesDate = data.AcquisitionDate = data.ContentDate = "20260102"
    data.StudyTime = data.SeriesTime = data.AcquisitionTime = data.ContentTime = "101500"
    data.AccessionNumber, data.StudyID, data.ReferringPhysicianName = f"A{number}", "1", ""
    data.Modality, data.Manufacturer, data.BodyPartExamined = "CT", "Phantom", "ABDOMEN"
    data.StudyDescription = data.SeriesDescription = "CT abdomen"
    data.SeriesNumber = data.InstanceNumber = 1
    data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.PixelSpacing, data.SliceThickness = [2.5, 2.5], 5
    data.ImagePositionPatient, data.ImageOrientationPatient = [-160, -160, 0], [1, 0, 0, 0, 1, 0]
    data.Rows = data.Columns = SIDE
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 1
    data.RescaleSlope, data.RescaleIntercept, data.RescaleType = 1, 0, "HU"
    data.WindowCenter, data.WindowWidth = 40, 400
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    body = np.where(np.hypot(y / 0.34, x / 0.46) < 1, 45.0, -1000.0)
    noise = np.random.default_rng(number).normal(0, 12, body.shape)
    data.PixelData = (body + noise).astype("<i2").tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
