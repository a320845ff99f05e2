"""Expected times of the jobs of one page: the queue is counted through once, not once a job."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import cast

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from domain.ports import Clock, JobState
from jobs.scheduling.expected import Expected, from_the_queue, to_go
from records.audit import AuditLedger
from records.job_listing import JobListing
from records.job_rows import JobRecord, rank_of
from records.job_signals import JobSignals
from records.job_tables import JobRow
from records.job_workers import JobWorkers

KNOWN_S = 5.0
"""How long workers and durations are used before they are read again."""


class ExpectedTimes:
    """Estimates from the history of a modality and a model, and from who works now."""

    def __init__(self, audit: AuditLedger, clock: Clock) -> None:
        self._database = audit.database
        self._listing = JobListing(audit)
        self._workers = JobWorkers(audit, clock, JobSignals(audit.database))
        self._clock = clock
        self._known: dict[object, tuple[float, object]] = {}

    async def of(self, jobs: Sequence[JobRecord]) -> dict[str, Expected]:
        """Times to go by job id, of those of which something can be said."""
        queued = sorted((job for job in jobs if job.state is JobState.QUEUED), key=_place)
        ahead = await self._ahead(queued) if queued else {}
        slots = await self._slots() if queued else 0
        found = {}
        for job in jobs:
            if job.state not in (JobState.RUNNING, JobState.QUEUED):
                continue
            durations = await self._durations(job.modality, job.model)
            if job.state is JobState.QUEUED:
                expected = from_the_queue(durations, ahead[job.job_id], slots)
            else:
                elapsed_s = (self._clock.now() - job.started).total_seconds() if job.started else 0.0
                expected = to_go(durations, elapsed_s, job.progress)
            if expected is not None:
                found[job.job_id] = expected
        return found

    async def _ahead(self, queued: Sequence[JobRecord]) -> dict[str, int]:
        """Jobs before each of these, which stand in the order of the queue: each stretch is counted once."""

        def work(session: Session) -> dict[str, int]:
            row, before, so_far = JobRow, None, 0
            key, found = tuple_(row.rank, row.queued, row.number), {}
            for job in queued:
                stretch = select(func.count()).where(row.state == JobState.QUEUED.value, key < _place(job))
                if before is not None:
                    stretch = stretch.where(key >= before)
                so_far += session.scalar(stretch) or 0
                found[job.job_id] = so_far
                before = _place(job)
            return found

        return await self._database.transact(work)

    async def _durations(self, modality: str, model: str) -> tuple[float, ...]:
        known = self._lately((modality, model))
        if known is None:
            known = await self._listing.durations(modality, model)
            self._keep((modality, model), known)
        return cast("tuple[float, ...]", known)

    async def _slots(self) -> int:
        known = self._lately("slots")
        if known is None:
            seen = await self._workers.seen()
            known = sum(w.facts.slots for w in seen if not w.draining and w.quiet_s <= self._workers.missed_s)
            self._keep("slots", known)
        return cast(int, known)

    def _lately(self, what: object) -> object | None:
        entry = self._known.get(what)
        return entry[1] if entry is not None and time.monotonic() - entry[0] <= KNOWN_S else None

    def _keep(self, what: object, value: object) -> None:
        now = time.monotonic()
        self._known = {name: entry for name, entry in self._known.items() if now - entry[0] <= KNOWN_S}
        self._known[what] = (now, value)


def _place(job: JobRecord) -> tuple[int, object, int]:
    return rank_of(job.priority), job.queued, job.number
