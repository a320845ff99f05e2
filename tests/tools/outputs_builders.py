"""Analyses to write: built from real files or from phantoms that are written here with pydicom."""

from __future__ import annotations

import shutil
import subprocess
import sys
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from domain.analysis import Analysis, PromptRecord, Status, Step
from domain.codes import Unit
from domain.finding import Finding, Measurement
from domain.geometry import Geometry
from domain.mask import Mask, Outcome, Quality
from domain.study import Instance, Order, Patient, Refusal, Series, SliceSource, Study, Volume

WHEN = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
MODEL = "MedImageParse@3"


def dciodvfy_errors(path: Path) -> list[str]:
    """Errors that dciodvfy finds."""
    program = Path(sys.executable).parent / "dciodvfy"
    found = str(program) if program.exists() else shutil.which("dciodvfy")
    assert found, "dciodvfy is missing: install the development dependency dicom3tools"
    done = subprocess.run([found, "-new", str(path)], capture_output=True, text=True, check=False, errors="replace")
    return [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]


def write_phantom(folder: Path, slices: int = 3, rows: int = 48, columns: int = 64, **changes: Any) -> list[Path]:
    """A small CT (or other) series; `changes` set or, with None, delete attributes of every instance."""
    paths = []
    for index in range(slices):
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        ds.SOPInstanceUID = f"1.2.3.4.{index + 1}"
        ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.3", "1.2.3.4"
        ds.FrameOfReferenceUID = "1.2.3.5"
        ds.Modality, ds.PatientID, ds.PatientName = "CT", "P-1", "Phantom^Test"
        ds.PatientBirthDate = ds.PatientSex = ds.StudyID = ds.AccessionNumber = ""
        ds.StudyDate, ds.StudyTime = "20260101", "101112"
        ds.SeriesNumber, ds.InstanceNumber = 4, index + 1
        ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = rows, columns, 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
        ds.PixelSpacing = [0.5, 0.75]
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        ds.ImagePositionPatient = [-10, -20, 30 + 2.5 * index]
        ramp = np.arange(rows * columns, dtype=np.int16).reshape(rows, columns) % 400 - 100
        ds.PixelData = ramp.tobytes()
        for keyword, value in changes.items():
            if value is None:
                ds.pop(keyword, None)
            else:
                setattr(ds, keyword, value)
        path = folder / f"{index:03d}.dcm"
        ds.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def _quietly(path: Path) -> tuple[Dataset, np.ndarray]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = dcmread(path, force=True)
        pixels = ds.pixel_array
    return ds, pixels


def _frame_plane(ds: Dataset, frame: int) -> tuple[Any, Any, Any]:
    """Position, orientation, spacing of a frame of a classic or enhanced object."""
    groups = [ds]
    if "PerFrameFunctionalGroupsSequence" in ds:
        groups = [ds.PerFrameFunctionalGroupsSequence[frame], ds.SharedFunctionalGroupsSequence[0]]

    def first(sequence: str, keyword: str) -> Any:
        for group in groups:
            holder = group[sequence].value[0] if sequence in group else group
            if keyword in holder:
                return [float(v) for v in holder.get(keyword)]
        return None

    spacing = first("PixelMeasuresSequence", "PixelSpacing") or (
        [float(v) for v in ds.ImagerPixelSpacing] if "ImagerPixelSpacing" in ds else None
    )
    return (
        first("PlanePositionSequence", "ImagePositionPatient"),
        first("PlaneOrientationSequence", "ImageOrientationPatient"),
        spacing,
    )


def volume_of(paths: Sequence[Path], **changes: Any) -> Volume:
    """Read a series by hand: frames sorted along the normal, pixels rescaled."""
    frames = []
    for path in paths:
        ds, pixels = _quietly(path)
        count = int(ds.get("NumberOfFrames") or 1)
        stack = pixels if count > 1 else pixels[np.newaxis]
        slope, intercept = float(ds.get("RescaleSlope") or 1), float(ds.get("RescaleIntercept") or 0)
        for index in range(count):
            position, orientation, spacing = _frame_plane(ds, index)
            array = stack[index] if stack[index].ndim == 3 else stack[index] * slope + intercept
            frames.append((position, orientation, spacing, array, SliceSource(str(ds.SOPInstanceUID), index + 1, path)))
    if frames[0][0] is not None and frames[0][1] is not None:
        orientation = np.array(frames[0][1]).reshape(2, 3)
        frames.sort(key=lambda f: float(np.dot(f[0], np.cross(*orientation))))
    geometry = _geometry(frames)
    sources = tuple(f[4] for f in frames)
    fields: dict[str, Any] = {
        "series_uid": str(ds.SeriesInstanceUID),
        "study_uid": str(ds.StudyInstanceUID),
        "modality": str(ds.get("Modality", "")),
        "geometry": geometry,
        "instances": tuple(
            Instance(p, u, str(ds.SOPClassUID)) for u, p in {s.sop_instance_uid: s.path for s in sources}.items()
        ),
        "slice_sources": sources,
        "body_part": str(ds.get("BodyPartExamined", "")),
        "colour": frames[0][3].ndim == 3,
        "photometric": str(ds.get("PhotometricInterpretation", "")),
        "sop_class_uid": str(ds.SOPClassUID),
        "frame_of_reference_uid": str(ds.get("FrameOfReferenceUID", "")),
        "series_number": int(ds.SeriesNumber) if ds.get("SeriesNumber") is not None else None,
        "value_unit": Unit.HU if ds.get("Modality") == "CT" else Unit.ONE,
    }
    fields.update(changes)
    return Volume(Series(**fields), np.stack([f[3] for f in frames]))


def _geometry(frames: list[Any]) -> Geometry:
    position, orientation, spacing, array, _ = frames[0]
    known = position is not None and orientation is not None
    return Geometry(
        shape=(len(frames), *array.shape[:2]),
        pixel_spacing_mm=None if spacing is None else (spacing[0], spacing[1]),
        orientation=np.array(orientation).reshape(2, 3) if known else None,
        positions_mm=np.array([f[0] for f in frames]) if known else None,
    )


def box(geometry: Geometry, lower: float = 0.25, upper: float = 0.6, shift: float = 0.0) -> np.ndarray:
    """A box in fractions of each axis; on one slice at least."""
    array = np.zeros(geometry.shape, dtype=bool)
    low = [int(n * (lower + shift)) for n in geometry.shape]
    high = [max(int(n * (upper + shift)), a + 1) for n, a in zip(geometry.shape, low, strict=True)]
    array[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return array


def mask_on(
    volume: Volume, target: str, array: np.ndarray, number: int = 1, outcome: Outcome = Outcome.PASS, **fields: Any
) -> Mask:
    """A judged mask."""
    fields = {"category": "", "model": MODEL, "step_id": f"s{number}", **fields}
    quality = Quality(outcome, () if outcome is Outcome.PASS else ("implausible size",), 0.87, "soft mask")
    return Mask(f"m{number}", target, series_uid=volume.series.series_uid, geometry=volume.geometry, array=array,
                quality=quality, **fields)  # fmt: skip


def measured(mask: Mask, volume: Volume) -> list[Measurement]:
    """The numbers that the measuring tools give for a mask, computed here plainly."""
    geometry, inside = mask.geometry, volume.array[mask.array]
    rows: list[tuple[str, float, Unit, str]] = []
    if geometry.slices == 1 and geometry.pixel_spacing_mm is not None:
        rows.append(("area", mask.voxel_count * geometry.pixel_area_mm2, Unit.MM2, "pixel count × pixel area"))
    if geometry.slices > 1 and geometry.in_patient and geometry.slice_gaps_mm.min() > 0:
        counts = mask.array.sum(axis=(1, 2))
        millilitres = float(counts @ geometry.slice_extents_mm()) * geometry.pixel_area_mm2 / 1000
        rows.append(("volume", millilitres, Unit.ML, "voxel count × voxel volume"))
    if inside.ndim == 1 and inside.size:
        unit = volume.series.value_unit
        for name, value in (("mean", inside.mean()), ("std", inside.std(ddof=1) if inside.size > 1 else 0.0),
                            ("min", inside.min()), ("max", inside.max())):  # fmt: skip
            rows.append((name, float(value), unit, "all voxels inside the mask"))
    rows.append(("long_axis", 12.345678901234567, Unit.MM, "largest diameter in a slice"))
    return [
        Measurement(name, mask.target, value, unit, how, mask.series_uid, f"{mask.mask_id} (s9)", mask.mask_id, "s9")
        for name, value, unit, how in rows
    ]


def analysis_of(
    volumes: Sequence[Volume], masks: Sequence[Mask], *, patient: Patient | None = None, **fields: Any
) -> Analysis:
    """A finished draft about these volumes and masks."""
    by_uid = {v.series.series_uid: v for v in volumes}
    study = Study(
        volumes[0].series.study_uid,
        patient or Patient("P-1", name="Phantom^Test"),
        tuple(v.series for v in volumes),
        accession_number="A-7",
        started=datetime(2026, 1, 1, 10, 11, 12),
    )
    values: dict[str, Any] = {
        "analysis_id": "a-0001",
        "study": study,
        "order": Order("Liver lesion? <b>& known cyst</b>", prompts=("liver",)),
        "status": Status.DRAFT,
        "created": WHEN,
        "masks": tuple(masks),
        "measurements": tuple(m for mask in masks for m in measured(mask, by_uid[mask.series_uid])),
        "findings": (Finding("f1", "The liver measures 70.4 mL.", ("s1", "s9"), 0.87, Outcome.PASS),),
        "steps": (
            Step("s1", "segmentation", "segment", WHEN, 1.25, True, MODEL, inputs={"target": "liver"}),
            Step("s2", "qa", "judge", WHEN, 0.1, False, error="a check failed"),
            Step("s9", "measurement", "measure", WHEN, 0.2, True, outputs={"measurements": 5}),
        ),
        "prompts": (PromptRecord(by_uid.popitem()[0], "liver", "liver in abdomen CT", "liver", True, 0.95, "asked"),),
        "warnings": ("Series 4: slices are uneven.",),
        "refused": (Refusal("notes.txt", "Not a format that is read here."),),
        "model_versions": {"MedImageParse": "3"},
        "planner": "built-in planner",
        "summary": "Liver 70.4 mL.",
        "unanswered": ("gallbladder: no model for it here",),
    }
    values.update(fields)
    return Analysis(**values)
