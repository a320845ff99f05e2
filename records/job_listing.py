"""Pages of jobs, how many there are, and how long their like took: by index, however many wait."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.ports import JobState
from domain.study import Priority
from records.audit import Attempt, AuditLedger
from records.job_rows import JobRecord, line_of, rank_of, record_of
from records.job_tables import JobRow
from records.job_walk import walk_along_indexes

ACTIVE = (JobState.RUNNING, JobState.WAITING, JobState.QUEUED)
HISTORY = 200
"""Runs that an expected time is estimated from."""

Cursor = tuple[int, datetime, int]
"""Where a page ended: rank, queued, number."""


@dataclass(frozen=True)
class JobFilter:
    """Which jobs; empty for any.

    Attributes:
        states: those that have not ended where none is given.
    """

    states: tuple[JobState, ...] = ()
    priorities: tuple[Priority, ...] = ()
    site: str | None = None
    batch: str = ""


@dataclass(frozen=True)
class JobPage:
    """Jobs, most urgent first, the longest waiting of equals first.

    Attributes:
        after: where the next page begins, None behind the last.
    """

    jobs: tuple[JobRecord, ...]
    after: Cursor | None


class JobListing:
    """Lists jobs, behind the patient lock: work that is bound to a patient sees that patient's."""

    def __init__(self, audit: AuditLedger) -> None:
        self._audit = audit

    async def page(
        self, access: AccessContext, which: JobFilter | None = None, *, after: Cursor | None = None, limit: int = 50
    ) -> JobPage:
        """Jobs behind `after`."""
        which = which or JobFilter()

        def work(session: Session) -> JobPage:
            walk_along_indexes(session)
            rows: list[JobRow] = []
            for queries in _queries(access.patient_key, which, after):
                found = [session.scalars(query.limit(limit + 1 - len(rows))) for query in queries]
                rows += itertools.islice(heapq.merge(*found, key=_place), limit + 1 - len(rows))
                if len(rows) > limit:
                    break
            last = _place(rows[limit - 1]) if len(rows) > limit else None
            return JobPage(tuple(record_of(row) for row in rows[:limit]), last)

        return await self._audit.guard(access, Attempt("job.list", "job"), work)

    async def counts(self, batch: str = "") -> Mapping[tuple[JobState, Priority], int]:
        """How many jobs have not ended, by state and priority; of a batch also those that have."""

        def work(session: Session) -> Mapping[tuple[JobState, Priority], int]:
            job = JobRow
            wanted = job.batch == batch if batch else job.state.in_([state.value for state in ACTIVE])
            query = select(job.state, job.rank, func.count()).where(wanted).group_by(job.state, job.rank)
            ranks = list(Priority)
            return {(JobState(state), ranks[rank]): jobs for state, rank, jobs in session.execute(query)}

        return await self._audit.database.transact(work)

    async def ahead_of(self, job: JobRecord) -> int:
        """Queued jobs that are more urgent, or as urgent and older."""

        def work(session: Session) -> int:
            row = JobRow
            place = tuple_(row.rank, row.queued, row.number) < (rank_of(job.priority), job.queued, job.number)
            query = select(func.count()).where(row.state == JobState.QUEUED.value, place)
            return session.scalar(query) or 0

        return await self._audit.database.transact(work)

    async def durations(self, modality: str, model: str) -> tuple[float, ...]:
        """Seconds that the last undisturbed runs of a modality with a model took, ascending."""

        def work(session: Session) -> tuple[float, ...]:
            job = JobRow
            done = (job.state == JobState.DONE.value, job.seconds.is_not(None))
            alike = (*done, job.modality == modality, job.model == model)
            query = select(job.seconds).where(*alike).order_by(job.finished.desc()).limit(HISTORY)
            return tuple(sorted(seconds for seconds in session.scalars(query) if seconds is not None))

        return await self._audit.database.transact(work)


def _queries(patient_key: str | None, which: JobFilter, after: Cursor | None) -> Iterator[list[Select[Any]]]:
    """Queries that each walk along an index in the order of the page; the rows of a group come before the next's."""
    job = JobRow
    base = select(job).order_by(job.rank, job.queued, job.number)
    if after is not None:
        base = base.where(tuple_(job.rank, job.queued, job.number) > after)
    state: Any = job.state
    if patient_key is not None:
        base = base.where(job.patient_key == patient_key)
        state = func.coalesce(
            job.state, ""
        )  # by the patient's index: without it SQLite walks along all jobs of a state
    if which.batch:
        base = base.where(job.batch == which.batch)
    of_states = [base.where(state == wanted.value) for wanted in which.states or ACTIVE]
    if which.site is None and not which.priorities:
        yield of_states
        return
    for priority in which.priorities or tuple(Priority):
        wanted = job.rank == rank_of(priority)
        if which.site is not None:
            wanted &= job.line == line_of(priority, which.site)
        if after is None or rank_of(priority) >= after[0]:
            yield [query.where(wanted) for query in of_states]


def _place(row: JobRow) -> Cursor:
    return row.rank, row.queued, row.number
