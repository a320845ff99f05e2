"""Bodies of orders, analyses and artifacts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from domain.study import Priority
from records.analyses import AnalysisRecord

Prompt = Annotated[str, Field(min_length=1, max_length=200)]


class AnalysisOrder(BaseModel):
    """What is asked."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"indication": "Liver lesion? Measure the liver.", "priority": "ROUTINE"}]},
    )

    indication: str = Field(default="", max_length=4000, description="The clinical question, in words.")
    priority: Priority = Priority.ROUTINE
    prompts: list[Prompt] = Field(default=[], max_length=50, description="Targets that are always asked for.")


class AnalysisDocument(BaseModel):
    """`report.json`: the analysis as the engine wrote it. Further fields may follow."""

    model_config = ConfigDict(extra="allow")

    analysis_id: str
    study_uid: str
    patient_id: str
    modality: str
    body_part: str
    indication: str
    status: str = Field(description="draft, in_review, signed, delivered, rejected, partial")
    model_versions: dict[str, str]
    disclaimer: str
    findings: list[dict[str, Any]] = Field(description="id, text, evidence (step ids), confidence, qa")
    measurements: list[dict[str, Any]] = Field(description="name, target, value, UCUM unit, method, source")
    masks: list[dict[str, Any]] = Field(description="target, category, series_uid, voxel_count, size, qa")
    warnings: list[str]
    refused: list[dict[str, Any]]
    steps: list[dict[str, Any]] = Field(description="id, agent, tool, model, started, seconds, ok, error")


class AnalysisSummary(BaseModel):
    """An analysis in a list."""

    model_config = ConfigDict(from_attributes=True)

    analysis_id: str
    study_uid: str
    status: str
    created: datetime
    indication: str
    priority: str


class AnalysisList(BaseModel):
    """Analyses, newest first."""

    analyses: list[AnalysisSummary]


class Artifact(BaseModel):
    """A file that an analysis wrote."""

    name: str = Field(examples=["report.pdf"])
    media_type: str = Field(examples=["application/pdf"])
    size: int = Field(description="Bytes.")
    url: str


class ArtifactList(BaseModel):
    """Files of an analysis, by name."""

    artifacts: list[Artifact]


def summary(record: AnalysisRecord) -> AnalysisSummary:
    """The list form of an analysis."""
    return AnalysisSummary.model_validate(record)
