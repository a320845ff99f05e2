"""Bodies of studies."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from api.problems import RefusedFile
from records.studies import StudyRecord

Direction = tuple[float, float, float]


class SeriesView(BaseModel):
    """What a page must know of a series."""

    model_config = ConfigDict(extra="ignore")

    series_uid: str
    modality: str = Field(examples=["CT"])
    description: str
    body_part: str
    laterality: str
    view_position: str
    slices: int
    rows: int
    columns: int
    pixel_spacing_mm: tuple[float, float] | None = Field(description="Between rows, between columns; null: unknown.")
    spacing_source: str = Field(examples=["PixelSpacing"])
    slice_spacing_mm: float | None = Field(description="From positions; null for one slice, unknown or uneven gaps.")
    uniform: bool
    columns_towards: str | None = Field(description="Anatomical direction in which columns increase.", examples=["L"])
    rows_towards: str | None = Field(description="Anatomical direction in which rows increase.", examples=["P"])
    orientation: tuple[Direction, Direction] | None = Field(
        default=None, description="Unit vectors in LPS in which the column index and the row index grow; null: unknown."
    )
    positions_mm: list[Direction] | None = Field(
        default=None, description="LPS place of the centre of each slice's first pixel; null: unknown."
    )
    frame_of_reference_uid: str = Field(
        default="", description="Series with the same one share places in the patient; empty: unknown."
    )
    colour: bool
    value_unit: str = Field(description="UCUM.", examples=["[hnsf'U]"])
    photometric: str
    source_format: str = Field(examples=["DICOM"])
    burned_in_annotation: bool | None
    display_window: tuple[float, float] | None = Field(description="Values shown as black and white by default.")
    warnings: list[str]


class StudySummary(BaseModel):
    """A study in a list."""

    study_uid: str
    patient_id: str
    modality: str
    description: str
    body_part: str
    started: datetime | None
    accession: str
    created: datetime | None = Field(description="When it arrived here.")
    series_count: int
    image_count: int


class StudyView(StudySummary):
    """A study with its series."""

    series: list[SeriesView]
    warnings: list[str]


class StudyList(BaseModel):
    """Studies, newest first."""

    studies: list[StudySummary]


class UploadResult(BaseModel):
    """What came of an upload."""

    studies: list[StudySummary]
    refused: list[RefusedFile]


def study_summary(record: StudyRecord) -> StudySummary:
    """The list form of a study."""
    return StudySummary.model_validate(_facts(record))


def study_view(record: StudyRecord) -> StudyView:
    """The whole wire form of a study."""
    return StudyView.model_validate(_facts(record) | {"series": record.series, "warnings": record.warnings})


def _facts(record: StudyRecord) -> dict[str, object]:
    names = ("study_uid", "patient_id", "modality", "description", "body_part", "started", "accession", "created")
    counts = {"series_count": len(record.series), "image_count": sum(s["slices"] for s in record.series)}
    return {name: getattr(record, name) for name in names} | counts
