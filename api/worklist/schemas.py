"""Bodies of the worklist."""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.jobs.schemas import PriorityReason
from domain.errors import UnusableInput
from domain.ports import JobState
from domain.study import Priority
from domain.turnaround import Turnaround
from jobs.scheduling.expected import Expected
from records.worklist_entries import Marks, WorklistEntry, WorklistPage
from records.worklist_order import RANKS, Cursor, Sort
from records.worklist_tables import ToDo

TODO = {ToDo.A_PERSON_OR_JOB: "read", ToDo.AN_ORDER: "order", ToDo.NOTHING: "nothing"}


class WorklistJob(BaseModel):
    """The newest job of a study."""

    job_id: str
    state: JobState
    priority: Priority = Field(description="Now: as ordered, or raised.")
    ordered: Priority
    reasons: list[PriorityReason] = Field(description="How the priority came to be, in that order.")
    created: datetime
    started: datetime | None
    progress: float = Field(ge=0, le=1, description="Finished steps as a part of those expected.")
    eta_s: float | None = Field(description="Seconds to go; null when there is nothing to estimate from.")
    eta_low_s: float | None = Field(description="Three of five such jobs end between this …")
    eta_high_s: float | None = Field(description="… and this.")
    waiting_for: str = Field(description="Why a waiting job waits.")
    retry: datetime | None = Field(description="When a waiting job is tried again.")
    error: str
    remedy: str


class WorklistAnalysis(BaseModel):
    """The newest analysis of a study."""

    analysis_id: str
    status: str = Field(description="draft, in_review, signed, delivered, rejected, partial")
    created: datetime
    needs_review: bool = Field(description="Something passed with doubt, or a question could not be answered.")
    critical: int = Field(ge=0, description="Findings that a person must be told of at once.")


class WorklistItem(BaseModel):
    """A study, and what is to be done with it."""

    study_uid: str
    patient_id: str
    accession: str
    modality: str
    body_part: str
    description: str
    started: datetime | None = Field(description="Of the examination, as the source gives it, without zone.")
    arrived: datetime
    series_count: int
    image_count: int
    todo: str = Field(description="read: by a job or a person; order: nobody asked anything yet; nothing: it was read")
    priority: Priority = Field(description="The most urgent of what is asked.")
    indication: str = Field(description="The newest that was told.")
    since: datetime = Field(description="When there came to be something to do.")
    age_s: float = Field(ge=0, description="Seconds since then.")
    due: datetime | None = Field(description="Until when it shall be read; null without a clock.")
    due_in_s: float | None = Field(description="Negative when that is over.")
    overdue: bool
    job: WorklistJob | None
    analysis: WorklistAnalysis | None
    unread: bool = Field(description="By the caller: not opened since its newest analysis, or since its arrival.")
    flagged: bool = Field(description="By the caller.")
    mine: bool = Field(description="The caller took it.")
    reader: str = Field(description="Who took it; empty for nobody.")


class WorklistView(BaseModel):
    """A page of the worklist."""

    rows: list[WorklistItem]
    next: str | None = Field(description="Give it as `after` for the next page; null behind the last.")
    now: datetime = Field(description="The server's time, which ages count to.")
    turnaround_min: dict[Priority, int] = Field(description="Minutes in which studies shall be read; local policy.")


class WorklistCounts(BaseModel):
    """How many rows of the worklist there are of each kind; some seconds old at most."""

    total: int
    states: dict[str, int]
    statuses: dict[str, int]
    priorities: dict[str, int]
    modalities: dict[str, int]
    unread: int
    flagged: int
    mine: int
    critical: int
    overdue: int


class MarksBody(BaseModel):
    """What the caller marks; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"flagged": True}]})

    flagged: bool | None = None
    mine: bool | None = Field(default=None, description="true takes the study, also from another; false gives it back.")
    read: bool | None = None

    def as_marks(self) -> Marks:
        """The change that it asks for."""
        return Marks(self.flagged, self.mine, self.read)


def worklist_view(
    page: WorklistPage, sort: Sort, expected: Mapping[str, Expected], user: str, turnaround: Turnaround
) -> WorklistView:
    """The wire form of a page; expected: times by job id."""
    return WorklistView(
        rows=[item(entry, expected, user, page.now) for entry in page.entries],
        next=None if page.after is None else cursor_text(sort, page.after),
        now=page.now,
        turnaround_min=dict(turnaround.minutes),
    )


def item(entry: WorklistEntry, expected: Mapping[str, Expected], user: str, now: datetime) -> WorklistItem:
    """The wire form of a row."""
    due_in_s = None if entry.due is None else round((entry.due - now).total_seconds(), 1)
    names = ("study_uid", "patient_id", "accession", "modality", "body_part", "description", "started", "arrived")
    same = {name: getattr(entry, name) for name in (*names, "series_count", "priority", "indication", "since", "due")}
    return WorklistItem(
        **same,
        image_count=entry.images,
        todo=TODO[entry.todo],
        age_s=max(0.0, round((now - entry.since).total_seconds(), 1)),
        due_in_s=due_in_s,
        overdue=due_in_s is not None and due_in_s < 0,
        job=_job(entry, expected),
        analysis=None if entry.analysis is None else WorklistAnalysis.model_validate(vars(entry.analysis)),
        unread=entry.unread,
        flagged=entry.flagged,
        mine=bool(entry.reader) and entry.reader == user[:128],
        reader=entry.reader,
    )


def _job(entry: WorklistEntry, expected: Mapping[str, Expected]) -> WorklistJob | None:
    job = entry.job
    if job is None:
        return None
    time = expected.get(job.job_id)
    names = ("job_id", "state", "priority", "ordered", "created", "started", "waiting_for", "error", "remedy")
    return WorklistJob(
        **{name: getattr(job, name) for name in names},
        reasons=[PriorityReason.model_validate(dict(reason)) for reason in job.reasons],
        progress=min(1.0, max(0.0, round(job.progress, 4))),
        eta_s=_seconds(time.middle_s) if time else None,
        eta_low_s=_seconds(time.low_s) if time else None,
        eta_high_s=_seconds(time.high_s) if time else None,
        retry=job.due,
    )


def counts_view(groups: Iterable[tuple[Mapping[str, Any], int]]) -> WorklistCounts:
    """Groups of rows that are alike, added up by each thing that they are filtered by."""
    names = {rank: priority.value for rank, priority in RANKS}
    kinds: dict[str, Counter[str]] = {name: Counter() for name in ("state", "status", "priority", "modality")}
    marks: Counter[str] = Counter()
    total = 0
    for group, rows in groups:
        total += rows
        for name in ("state", "status", "modality"):
            if group[name]:
                kinds[name][group[name]] += rows
        kinds["priority"][names[group["rank"]]] += rows
        marks.update({name: rows for name in ("unread", "flagged", "mine", "critical", "overdue") if group[name]})
    return WorklistCounts(
        total=total,
        states=dict(kinds["state"]),
        statuses=dict(kinds["status"]),
        priorities=dict(kinds["priority"]),
        modalities=dict(kinds["modality"].most_common()),
        unread=marks["unread"],
        flagged=marks["flagged"],
        mine=marks["mine"],
        critical=marks["critical"],
        overdue=marks["overdue"],
    )


def cursor_text(sort: Sort, cursor: Cursor) -> str:
    """Where a page ended, as a word that only this server reads."""
    parts = [sort.value, cursor.stage, cursor.at.isoformat(), cursor.study_uid]
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def cursor_of(sort: Sort, text: str) -> Cursor:
    """Back from `cursor_text`. Raises UnusableInput: it is none, or of another order."""
    try:
        of, stage, at, study_uid = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        when = datetime.fromisoformat(at)
        if of != sort.value or when.tzinfo is None or isinstance(stage, bool) or not isinstance(stage, int):
            raise ValueError("not of this order")
        return Cursor(stage, when, str(study_uid))
    except (ValueError, TypeError, binascii.Error):
        remedy = "Give `next` of the page before with the same `sort`, or nothing for the first page."
        raise UnusableInput("This is not where a page ended.", where="after", remedy=remedy) from None


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
