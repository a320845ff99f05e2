"""Bodies of orders, analyses and artifacts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.review import Action, Review
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


class SentenceEdit(BaseModel):
    """A finding's sentence, corrected by the reviewer."""

    model_config = ConfigDict(extra="forbid")

    finding_id: str = Field(min_length=1, max_length=32, examples=["f1"])
    text: str = Field(min_length=1, max_length=2000)


class ReviewBody(BaseModel):
    """What a reviewer does with a draft."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"action": "start", "edits": [{"finding_id": "f1", "text": "Liver: not enlarged."}]}]
        },
    )

    action: Action = Field(
        description="start: into review; edit: correct what is in review; return: back to the draft; reject: the end; "
        "sign: by the person who calls."
    )
    reason: str = Field(default="", max_length=500, description="Needed to return and to reject.")
    edits: list[SentenceEdit] = Field(default=[], max_length=200, description="With start and edit only.")
    summary: str | None = Field(default=None, max_length=20_000, description="The corrected impression.")

    @model_validator(mode="after")
    def _complete(self) -> ReviewBody:
        if self.action in {Action.RETURN, Action.REJECT} and not self.reason.strip():
            raise ValueError(f"{self.action.value} needs a reason")
        if len({e.finding_id for e in self.edits}) < len(self.edits):
            raise ValueError("a finding is corrected once")
        return self

    def review(self) -> Review:
        """As the record takes it."""
        edits = {e.finding_id: e.text for e in self.edits}
        return Review(self.action, self.reason.strip(), edits, self.summary)


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


class MaskPixels(BaseModel):
    """A mask in the pixels of its series.

    `runs` are the voxels inside, counted from 0 with columns fastest, then rows, then slices in the order of the
    series: start, length, start, length, … The same form corrects it: `corrected_mask` of feedback.
    """

    mask_id: str
    target: str
    series_uid: str
    shape: tuple[int, int, int] = Field(description="Slices, rows, columns.")
    runs: list[int]
    uncertain: list[int] = Field(
        description="Runs of the voxels, inside and around, of which the model was not sure: probability 0.25 to 0.75."
        " Empty where it gave a hard mask."
    )


def summary(record: AnalysisRecord) -> AnalysisSummary:
    """The list form of an analysis."""
    return AnalysisSummary.model_validate(record)
