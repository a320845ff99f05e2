"""Jobs as values, and the rows that they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import InstrumentedAttribute

from domain.access import AccessContext
from domain.ports import JobState
from domain.study import Order, Priority
from records.board_rows import storable
from records.job_tables import JobRow

ENDED = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})
_RANK = {priority: rank for rank, priority in enumerate(Priority)}


@dataclass(frozen=True)
class NewJob:
    """An analysis to be queued.

    Attributes:
        access: who asks, for the patient of the study.
        priority: as raised by `reasons`; ordered: as it was given.
        key: of the caller; the same key is queued once. "" for none.
        site: whose share it takes. model: that will do most of the work, for expected times; both "" when unknown.
    """

    job_id: str
    analysis_id: str
    study_uid: str
    access: AccessContext
    order: Order
    ordered: Priority = Priority.ROUTINE
    priority: Priority = Priority.ROUTINE
    reasons: tuple[dict[str, str], ...] = ()
    key: str = ""
    batch: str = ""
    site: str = ""
    modality: str = ""
    model: str = ""


@dataclass(frozen=True)
class JobRecord:
    """A job as it is on record. See `records.job_tables.JobRow`.

    Attributes:
        order: as its run takes it: with the priority that it had when it was first started, so that each attempt runs
            the same; `priority` is the present one.
    """

    number: int
    job_id: str
    analysis_id: str
    study_uid: str
    patient_key: str
    order: Order
    user: str
    purpose: str
    state: JobState
    ordered: Priority
    priority: Priority
    created: datetime
    queued: datetime
    key: str = ""
    batch: str = ""
    site: str = ""
    modality: str = ""
    model: str = ""
    reasons: tuple[Mapping[str, str], ...] = ()
    due: datetime | None = None
    waiting_for: str = ""
    waits: int = 0
    worker: str = ""
    version: str = ""
    attempt: int = 0
    since: int = 1
    began: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None
    progress: float = 0.0
    events: int = 0
    needs_review: bool = False
    error: str = ""
    remedy: str = ""

    @property
    def access(self) -> AccessContext:
        """Of the one who asked, for the run."""
        return AccessContext(self.user, self.patient_key, self.purpose)

    @property
    def ended(self) -> bool:
        """Nothing will happen to it any more."""
        return self.state in ENDED


@dataclass(frozen=True)
class Head:
    """The oldest job of a line that may be claimed."""

    number: int
    job_id: str
    priority: Priority
    site: str
    queued: datetime


@dataclass(frozen=True)
class QueueLoad:
    """What all workers do, for the scheduler.

    Attributes:
        running: jobs that run, by priority and site. served: jobs that ended of late, by site.
        paused: priorities that nothing is started of.
    """

    running: Mapping[tuple[Priority, str], int] = field(default_factory=dict)
    served: Mapping[str, float] = field(default_factory=dict)
    paused: frozenset[Priority] = frozenset()


def line_of(priority: Priority, site: str) -> str:
    """The line that a job stands in."""
    return f"{_RANK[priority]}|{site}"


def rank_of(priority: Priority) -> int:
    """0 for the most urgent."""
    return _RANK[priority]


def columns_of(job: NewJob, now: datetime) -> dict[str, Any]:
    """A new job as columns."""
    order = job.order
    asked = {
        "indication": storable(order.indication),
        "prompts": [storable(prompt) for prompt in order.prompts],
        "order_id": storable(order.order_id),
        "accession_number": storable(order.accession_number),
        "requested": order.requested.isoformat() if order.requested else None,
        "context": {storable(name): storable(text) for name, text in order.context.items()},
        "priority": job.priority.value,
    }
    site = storable(job.site)[:64]
    return {
        "job_id": job.job_id,
        "key": job.key or None,
        "batch": job.batch,
        "study_uid": job.study_uid,
        "analysis_id": job.analysis_id,
        "patient_key": job.access.patient_key or "",
        "user": job.access.user[:128],
        "purpose": job.access.purpose[:32],
        "site": site,
        "modality": job.modality[:64],
        "model": job.model[:64],
        "asked": asked,
        "ordered": job.ordered.value,
        "priority": job.priority.value,
        "rank": _RANK[job.priority],
        "line": line_of(job.priority, site),
        "reasons": list(job.reasons),
        "state": JobState.QUEUED.value,
        "created": now,
        "queued": now,
        "due": None,
        "waiting_for": "",
        "waits": 0,
        "worker": "",
        "version": "",
        "attempt": 0,
        "since": 1,
        "deaths": 0,
        "began": None,
        "started": None,
        "finished": None,
        "seconds": None,
        "progress": 0.0,
        "events": 0,
        "kept": False,
        "needs_review": False,
        "error": "",
        "remedy": "",
    }


_SAME = (
    *("number", "job_id", "analysis_id", "study_uid", "patient_key", "user", "purpose", "created", "queued", "batch"),
    *("site", "modality", "model", "due", "waiting_for", "waits", "worker", "version", "attempt", "since", "began"),
    *("started", "finished", "progress", "events", "needs_review", "error", "remedy"),
)
"""Fields of a record that its row has by the same name."""


RECORD_COLUMNS: tuple[InstrumentedAttribute[Any], ...] = tuple(
    getattr(JobRow, name) for name in (*_SAME, "key", "asked", "ordered", "priority", "rank", "reasons", "state")
)
"""What `record_of` needs, and the rank: for those who read many and change none."""


def record_of(row: JobRow | Row[Any]) -> JobRecord:
    """The record that a row stands for, or that its `RECORD_COLUMNS` do."""
    return JobRecord(
        **{name: getattr(row, name) for name in _SAME},
        order=_order(row),
        state=JobState(row.state),
        ordered=Priority(row.ordered),
        priority=Priority(row.priority),
        key=row.key or "",
        reasons=tuple(row.reasons),
    )


def _order(row: JobRow | Row[Any]) -> Order:
    asked = row.asked
    return Order(
        indication=asked["indication"],
        priority=Priority(asked["priority"]),
        prompts=tuple(asked["prompts"]),
        order_id=asked["order_id"],
        accession_number=asked["accession_number"],
        requested=datetime.fromisoformat(asked["requested"]) if asked["requested"] else None,
        context=dict(asked["context"]),
    )
