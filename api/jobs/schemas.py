"""Bodies of jobs."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from domain.errors import UnusableInput
from domain.ports import JobState
from domain.study import Priority
from jobs.queued import QueuedJob, QueuePage
from records.job_listing import Cursor


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


class PriorityReason(BaseModel):
    """Why a job has its priority."""

    model_config = ConfigDict(extra="ignore")

    kind: str = Field(description="order, indication, finding, person", examples=["indication"])
    code: str = Field(default="", description="As the order gave it, or the rule.")
    text: str = ""
    priority: Priority
    source: str = Field(default="", description="The guideline behind the rule.")


class JobRow(BaseModel):
    """A job now."""

    job_id: str
    state: JobState
    study_uid: str
    analysis_id: str = Field(description="Where the result will be: GET /api/v1/analyses/{analysis_id}.")
    priority: Priority = Field(description="Now: as ordered, or raised.")
    ordered: Priority
    reasons: list[PriorityReason] = Field(description="How the priority came to be, in that order.")
    created: datetime
    started: datetime | None = Field(description="Of the present attempt.")
    finished: datetime | None
    attempt: int = Field(ge=0, description="0 before its first start; more than 1 where a worker ended under it.")
    progress: float = Field(ge=0, le=1, description="Finished steps as a part of those expected.")
    waiting_for: str = Field(default="", description="Why a waiting job waits.")
    retry: datetime | None = Field(description="When a waiting job is tried again.")
    site: str = ""
    batch: str = ""
    needs_review: bool = False
    error: str = ""
    remedy: str = ""


class JobView(JobRow):
    """A job now, with its steps and what can be said of the time left."""

    eta_s: float | None = Field(description="Seconds to go; null when there is nothing to estimate from.")
    eta_low_s: float | None = Field(description="Three of five such jobs end between this …")
    eta_high_s: float | None = Field(description="… and this.")
    steps: list[JobStep]


class JobCount(BaseModel):
    """How many jobs of a state and priority there are."""

    state: JobState
    priority: Priority
    jobs: int


class JobList(BaseModel):
    """A page of the worklist: most urgent first, of equals the longest waiting first."""

    jobs: list[JobRow]
    next: str | None = Field(description="Give it as `after` for the next page; null behind the last.")
    counts: list[JobCount] = Field(description="Of the whole worklist, some seconds old at most.")
    paused: list[Priority] = Field(description="Nothing of these is started.")


class PriorityBody(BaseModel):
    """How urgent a job shall be."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"priority": "STAT"}]})

    priority: Priority = Field(description="A job that is as urgent already stays as it is.")


class PauseBody(BaseModel):
    """What is paused, or goes on."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"priorities": ["RESEARCH"]}]})

    priorities: list[Priority] = Field(default=list(Priority), min_length=1, description="All where none is named.")


class PausedView(BaseModel):
    """Priorities that nothing is started of."""

    paused: list[Priority]


def job_view(job: QueuedJob) -> JobView:
    """The wire form of a job."""
    return JobView(
        **_row(job),
        eta_s=job.eta_s,
        eta_low_s=job.eta_low_s,
        eta_high_s=job.eta_high_s,
        steps=[JobStep.model_validate(step) for step in job.steps],
    )


def job_list(page: QueuePage) -> JobList:
    """The wire form of a page."""
    counts = [JobCount(state=s, priority=p, jobs=n) for (s, p), n in page.counts.items()]
    return JobList(
        jobs=[JobRow(**_row(job)) for job in page.jobs],
        next=None if page.after is None else cursor_text(page.after),
        counts=sorted(counts, key=lambda c: (list(JobState).index(c.state), list(Priority).index(c.priority))),
        paused=in_order(page.paused),
    )


def in_order(priorities: frozenset[Priority]) -> list[Priority]:
    """Most urgent first."""
    return [priority for priority in Priority if priority in priorities]


def cursor_text(cursor: Cursor) -> str:
    """Where a page ended, as a word that only this server reads."""
    rank, queued, number = cursor
    return base64.urlsafe_b64encode(json.dumps([rank, queued.isoformat(), number]).encode()).decode().rstrip("=")


def cursor_of(text: str) -> Cursor:
    """Back from `cursor_text`. Raises UnusableInput."""
    try:
        rank, queued, number = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        when = datetime.fromisoformat(queued)
        if when.tzinfo is None:
            raise ValueError("no time zone")
        return int(rank), when, int(number)
    except (ValueError, TypeError, binascii.Error):
        remedy = "Give `next` of the page before, or nothing for the first page."
        raise UnusableInput("This is not where a page ended.", where="after", remedy=remedy) from None


def _row(job: QueuedJob) -> dict[str, Any]:
    return {
        "job_id": job.job_id,
        "state": job.state,
        "study_uid": job.study_uid,
        "analysis_id": job.analysis_id,
        "priority": job.priority,
        "ordered": job.ordered,
        "reasons": [PriorityReason.model_validate(reason) for reason in job.reasons],
        "created": job.created,
        "started": job.started,
        "finished": job.finished,
        "attempt": job.attempt,
        "progress": job.progress,
        "waiting_for": job.waiting_for,
        "retry": job.retry,
        "site": job.site,
        "batch": job.batch,
        "needs_review": job.needs_review,
        "error": job.error,
        "remedy": job.remedy,
    }
