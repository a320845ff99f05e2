"""Jobs of the durable queue, as a caller sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.ports import Job, JobState
from domain.study import Priority
from jobs.scheduling.expected import Expected
from records.job_listing import Cursor
from records.job_rows import JobRecord


@dataclass(frozen=True)
class QueuedJob(Job):
    """A job of the durable queue.

    Attributes:
        priority: now; ordered: as it was given; reasons: how it came from the one to the other.
        eta_low_s, eta_high_s: where three of five such jobs end; None where only `eta_s` is known, or nothing.
        waiting_for: why it waits, and retry: when it is tried again.
        attempt: 0 before its first start.
    """

    priority: Priority = Priority.ROUTINE
    ordered: Priority = Priority.ROUTINE
    reasons: tuple[Mapping[str, str], ...] = ()
    site: str = ""
    batch: str = ""
    queued: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None
    attempt: int = 0
    eta_low_s: float | None = None
    eta_high_s: float | None = None
    waiting_for: str = ""
    retry: datetime | None = None
    needs_review: bool = False


@dataclass(frozen=True)
class QueuePage:
    """A page of the worklist, most urgent first; `after` asks for the next, None behind the last."""

    jobs: tuple[QueuedJob, ...]
    after: Cursor | None
    counts: Mapping[tuple[JobState, Priority], int]
    paused: frozenset[Priority]


def view_of(job: JobRecord, expected: Expected | None = None, steps: tuple[dict[str, Any], ...] = ()) -> QueuedJob:
    """What a caller may know of a job on record."""
    return QueuedJob(
        job_id=job.job_id,
        state=job.state,
        study_uid=job.study_uid,
        analysis_id=job.analysis_id,
        created=job.created,
        progress=round(job.progress, 4),
        eta_s=_seconds(expected.middle_s) if expected else None,
        steps=steps,
        error=job.error,
        remedy=job.remedy,
        priority=job.priority,
        ordered=job.ordered,
        reasons=job.reasons,
        site=job.site,
        batch=job.batch,
        queued=job.queued,
        started=job.started,
        finished=job.finished,
        attempt=job.attempt,
        eta_low_s=_seconds(expected.low_s) if expected else None,
        eta_high_s=_seconds(expected.high_s) if expected else None,
        waiting_for=job.waiting_for,
        retry=job.due,
        needs_review=job.needs_review,
    )


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
