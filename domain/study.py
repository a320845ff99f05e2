"""Study, Series, Instance, Volume and Order, as in DICOM's model of the real world (PS3.3 A.1.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.codes import Unit
from domain.geometry import Geometry


class Priority(StrEnum):
    """Urgency of an order, most urgent first."""

    STAT = "STAT"
    URGENT = "URGENT"
    ROUTINE = "ROUTINE"
    RESEARCH = "RESEARCH"


@dataclass(frozen=True)
class Patient:
    """Who was imaged. Only what the source says; empty strings where it is silent.

    Attributes:
        patient_id: identity for the patient lock; never a name. `issuer` distinguishes equal ids.
    """

    patient_id: str = ""
    issuer: str = ""
    name: str = ""
    birth_date: date | None = None
    sex: str = ""

    @property
    def key(self) -> str:
        """What the patient lock compares: issuer and id."""
        return f"{self.issuer}|{self.patient_id}"


@dataclass(frozen=True)
class Instance:
    """One file and the frames in it that belong to a series.

    Attributes:
        path: where the file is.
        frame_numbers: 1-based frames of this instance in the series' slice order.
    """

    path: Path
    sop_instance_uid: str
    sop_class_uid: str = ""
    instance_number: int | None = None
    frame_numbers: tuple[int, ...] = (1,)


@dataclass(frozen=True)
class SliceSource:
    """Where one slice of a volume came from."""

    sop_instance_uid: str
    frame_number: int
    path: Path


@dataclass(frozen=True)
class Series:
    """Images of one acquisition that share a grid.

    Attributes:
        slice_sources: one for each slice, in slice order. Empty for files that are not DICOM.
        colour: three channels a pixel.
        scanner: manufacturer's model name (0008,1090). institution: where it stands (0008,0080).
        burned_in_annotation: True/False from (0028,0301), None when absent.
        warnings: what a reader must know (uneven slices, tilt, spacing at the detector, …).
    """

    series_uid: str
    study_uid: str
    modality: str
    geometry: Geometry
    instances: tuple[Instance, ...]
    slice_sources: tuple[SliceSource, ...] = ()
    body_part: str = ""
    description: str = ""
    laterality: str = ""
    view_position: str = ""
    image_type: tuple[str, ...] = ()
    photometric: str = "MONOCHROME2"
    colour: bool = False
    sop_class_uid: str = ""
    frame_of_reference_uid: str = ""
    series_number: int | None = None
    manufacturer: str = ""
    scanner: str = ""
    institution: str = ""
    contrast: str = ""
    protocol: str = ""
    value_unit: Unit = Unit.ONE
    burned_in_annotation: bool | None = None
    source_format: str = "DICOM"
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Study:
    """All usable series of one examination of one patient."""

    study_uid: str
    patient: Patient
    series: tuple[Series, ...]
    accession_number: str = ""
    description: str = ""
    started: datetime | None = None
    referring_physician: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Volume:
    """The pixels of a series in real-world values.

    Attributes:
        series: what they belong to; `series.geometry.shape` is the first three axes of `array`.
        array: (slices, rows, columns) after the modality LUT, bright = dense for MONOCHROME1 as well
            (the inversion is applied); or (slices, rows, columns, 3) uint8 RGB.
        display_window: (centre, width) that the source proposes, None without one.
    """

    series: Series
    array: NDArray[np.generic]
    display_window: tuple[float, float] | None = None

    @property
    def geometry(self) -> Geometry:
        """The grid of the pixels."""
        return self.series.geometry


@dataclass(frozen=True)
class Refusal:
    """A file that was not used, and why. `file` is a name relative to what the user gave."""

    file: str
    reason: str
    remedy: str = ""


@dataclass(frozen=True, eq=False)
class IngestedStudy:
    """A study with its pixels, ready for analysis. Volumes are keyed by series UID."""

    study: Study
    volumes: dict[str, Volume]


@dataclass(frozen=True, eq=False)
class Ingest:
    """What came of a set of paths: studies sorted by UID, refusals in the order of the files."""

    studies: tuple[IngestedStudy, ...]
    refused: tuple[Refusal, ...] = ()


@dataclass(frozen=True)
class Order:
    """What was asked, and why (ServiceRequest, ORM/OMI, worklist, or a person).

    Attributes:
        prompts: targets that the requester names exactly; always sent.
    """

    indication: str = ""
    priority: Priority = Priority.ROUTINE
    prompts: tuple[str, ...] = ()
    order_id: str = ""
    accession_number: str = ""
    requested: datetime | None = None
    context: dict[str, str] = field(default_factory=dict)
