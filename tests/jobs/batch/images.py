"""Small studies for batches, made on the spot: pydicom's CT slice under other identities."""

from __future__ import annotations

from pathlib import Path

import pydicom
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

CT = Path(str(get_testdata_file("CT_small.dcm", download=False)))
CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"
ROOT = "1.2.826.0.1.3680043"
NAME = "Verysecret^Patient"


def ct(path: Path, number: int, *, patient: str = "") -> Path:
    """A CT study of one slice; two studies a patient unless one is named."""
    dataset = pydicom.dcmread(CT)
    dataset.PatientID = patient or f"PID-{number // 2}"
    dataset.PatientName = f"{NAME}{number}"
    dataset.StudyInstanceUID = f"{ROOT}.{number}"
    dataset.SeriesInstanceUID = f"{ROOT}.{number}.1"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(f"{ROOT}.{number}.1.1")
    dataset.StudyDate = f"2025{1 + number % 12:02d}15"
    pixels = dataset.pixel_array.copy()
    pixels[:8, :8] = 1000 + 3 * number  # equal pictures would be asked for once
    dataset.PixelData = pixels.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path)
    return path


def studies(folder: Path, count: int) -> Path:
    """So many studies below a folder, with names of files that each study has, and broken files among them."""
    for number in range(1, count + 1):
        ct(folder / f"case {number:03d}" / "IM0001", number)
    (folder / "case 001" / "cut.dcm").write_bytes(CT.read_bytes()[:300])
    (folder / "case 002" / "notes.txt").write_text("not an image")
    (folder / "case 003" / "empty").write_bytes(b"")
    return folder


def header(path: Path, study: str, instance: int) -> Path:
    """A file that has a header and hardly any pixels: written by hand, as thousands are wanted."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(CT_CLASS), UID(f"{study}.1.{instance}")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(str(path), Dataset(), file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = CT_CLASS, f"{study}.1.{instance}", "CT"
    dataset.PatientID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "P", study, f"{study}.1"
    dataset.Rows = dataset.Columns = 1
    dataset.save_as(path, enforce_file_format=True)
    return path


def headers(folder: Path, files: int, *, a_study: int = 10) -> Path:
    """So many files with headers, of studies of ten each, spread over folders of hundreds."""
    folder.mkdir(parents=True, exist_ok=True)
    study, instance = "1.2.3.456789", "1.2.3.456789.1.1234567"
    model = header(folder / "model", study, 1234567).read_bytes()
    (folder / "model").unlink()
    for number in range(files):
        below = folder / f"{number // 500:03d}"
        below.mkdir(exist_ok=True)
        content = model.replace(instance.encode(), f"1.2.3.456789.1.{1000000 + number}".encode())
        content = content.replace(study.encode(), f"1.2.3.{100000 + number // a_study}".encode())
        (below / f"{number:06d}").write_bytes(content)
    return folder
