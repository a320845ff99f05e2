"""Bodies of jobs."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from domain.ports import Job, JobState


class JobStep(BaseModel):
    """One tool call of a run."""

    model_config = ConfigDict(extra="ignore")

    id: str = Field(examples=["s3"])
    agent: str = Field(default="", examples=["segmentation"])
    tool: str = Field(default="", examples=["segment"])
    model: str = Field(default="", examples=["MedImageParse@6"])
    state: str = Field(description="running, finished, stopped", examples=["finished"])
    ok: bool | None = Field(default=None, description="None while it runs.")
    seconds: float | None = None
    error: str = ""


class JobView(BaseModel):
    """A job now."""

    job_id: str
    state: JobState
    study_uid: str
    analysis_id: str = Field(description="Where the result will be: GET /api/v1/analyses/{analysis_id}.")
    created: datetime
    progress: float = Field(ge=0, le=1, description="Finished steps as a part of those expected.")
    eta_s: float | None = Field(description="Seconds to go; null when there is nothing to estimate from.")
    steps: list[JobStep]
    error: str = ""
    remedy: str = ""


def job_view(job: Job) -> JobView:
    """The wire form of a job."""
    return JobView(
        job_id=job.job_id,
        state=job.state,
        study_uid=job.study_uid,
        analysis_id=job.analysis_id,
        created=job.created,
        progress=job.progress,
        eta_s=job.eta_s,
        steps=[JobStep.model_validate(step) for step in job.steps],
        error=job.error,
        remedy=job.remedy,
    )
