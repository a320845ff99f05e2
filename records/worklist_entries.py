"""Rows of the worklist as values, and the rows of tables that they come from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.study import Priority
from domain.turnaround import Turnaround
from records.job_rows import JobRecord, record_of
from records.job_tables import JobRow
from records.worklist_order import RANKS, Cursor
from records.worklist_tables import ToDo, WorklistRow


@dataclass(frozen=True)
class NewestAnalysis:
    """What the list says of an analysis; critical: findings that must be told at once."""

    analysis_id: str
    status: str
    created: datetime
    needs_review: bool
    critical: int


@dataclass(frozen=True)
class WorklistEntry:
    """A row of the worklist, for one user.

    Attributes:
        arrived: when its images came here. started: of the examination, local time as the source gives it.
        since: when there came to be something to do. due: until when it shall be read; None without a clock, and
            where nothing is to do.
        reader: who took it, "" for nobody.
    """

    study_uid: str
    patient_id: str
    accession: str
    modality: str
    body_part: str
    description: str
    started: datetime | None
    arrived: datetime
    series_count: int
    images: int
    todo: ToDo
    priority: Priority
    indication: str
    since: datetime
    due: datetime | None
    changed: int
    job: JobRecord | None
    analysis: NewestAnalysis | None
    unread: bool
    flagged: bool
    reader: str


@dataclass(frozen=True)
class WorklistPage:
    """Rows in order; `after` asks for the next, None behind the last. now: when it was read."""

    entries: tuple[WorklistEntry, ...]
    after: Cursor | None
    now: datetime


@dataclass(frozen=True)
class Marks:
    """What a reader changes; None leaves it as it is.

    Attributes:
        mine: True takes the study, also from another; False gives back what is theirs.
    """

    flagged: bool | None = None
    mine: bool | None = None
    read: bool | None = None


def entry_of(
    turnaround: Turnaround,
    row: WorklistRow,
    patient_id: str,
    accession: str,
    body_part: str,
    description: str,
    started: datetime | None,
    arrived: datetime,
    job: JobRow | None,
    analysed: datetime | None,
    flag: bool | None,
    seen: bool | None,
) -> WorklistEntry:
    """A row with what stands beside it in other tables; `flag` and `seen` are of the user who asks."""
    todo, priority = ToDo(row.todo), dict(RANKS)[row.rank]
    analysis = None
    if row.analysis_id and analysed is not None:
        analysis = NewestAnalysis(row.analysis_id, row.status, analysed, row.needs_review, row.critical)
    return WorklistEntry(
        study_uid=row.study_uid,
        patient_id=patient_id,
        accession=accession,
        modality=row.modality,
        body_part=body_part,
        description=description,
        started=started,
        arrived=arrived,
        series_count=row.series_count,
        images=row.images,
        todo=todo,
        priority=priority,
        indication=row.asked,
        since=row.since,
        due=turnaround.due(priority, row.since) if todo is ToDo.A_PERSON_OR_JOB else None,
        changed=row.changed,
        job=None if job is None else record_of(job),
        analysis=analysis,
        unread=not seen,
        flagged=bool(flag),
        reader=row.reader,
    )
