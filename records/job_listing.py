"""Pages of jobs, how many there are, and how long their like took: by index, however many wait."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Integer, Row, Select, bindparam, func, select, tuple_, union_all
from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.ports import JobState
from domain.study import Priority
from records.audit import Attempt, AuditLedger
from records.job_rows import RECORD_COLUMNS, JobRecord, line_of, rank_of, record_of
from records.job_tables import JobPauseRow, JobRow
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
        paused: priorities that nothing is started of, at the same moment.
    """

    jobs: tuple[JobRecord, ...]
    after: Cursor | None
    paused: frozenset[Priority] = frozenset()


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
            rows: list[Row[Any]] = []
            for query, values in _queries(access.patient_key, which, after):
                wanted = limit + 1 - len(rows)
                rows += sorted(session.execute(query, values | {"wanted": wanted}), key=_place)[:wanted]
                if len(rows) > limit:
                    break
            last = _place(rows[limit - 1]) if len(rows) > limit else None
            paused = frozenset(Priority(p) for p in session.scalars(select(JobPauseRow.priority)))
            return JobPage(tuple(record_of(row) for row in rows[:limit]), last, paused)

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


def _queries(
    patient_key: str | None, which: JobFilter, after: Cursor | None
) -> Iterator[tuple[Select[Any], dict[str, Any]]]:
    """Queries of the first rows, each with its values; the rows of one come before those of the next."""
    values: dict[str, Any] = {"patient": patient_key, "batch": which.batch}
    if after is not None:
        values |= dict(zip(("after_rank", "after_queued", "after_number"), after, strict=True))
    states = which.states or ACTIVE
    shape = (patient_key is not None, bool(which.batch), after is not None, which.site is not None)
    if which.site is None and not which.priorities:
        yield _query(states, *shape, False), values
        return
    for priority in which.priorities or tuple(Priority):
        if after is None or rank_of(priority) >= after[0]:
            line = line_of(priority, which.site or "")
            yield _query(states, *shape, True), values | {"rank": rank_of(priority), "line": line}


@lru_cache(maxsize=64)
def _query(
    states: tuple[JobState, ...], of_patient: bool, of_batch: bool, behind: bool, of_site: bool, of_rank: bool
) -> Select[Any]:
    """The first rows of each state, by one statement that walks along an index in the order of the page.

    It is made once for each shape: to make it takes longer than to run it.
    """
    job = JobRow
    base = select(job.number).order_by(job.rank, job.queued, job.number).limit(bindparam("wanted", type_=Integer))
    if behind:
        columns = (("after_rank", job.rank), ("after_queued", job.queued), ("after_number", job.number))
        base = base.where(tuple_(*(c for _, c in columns)) > tuple_(*(bindparam(n, type_=c.type) for n, c in columns)))
    state: Any = job.state
    if of_patient:
        base = base.where(job.patient_key == bindparam("patient"))
        state = func.coalesce(job.state, "")  # by the patient's index: SQLite would walk along all jobs of a state
    if of_batch:
        base = base.where(job.batch == bindparam("batch"))
    if of_rank:
        base = base.where(job.rank == bindparam("rank"))
    if of_site:
        base = base.where(job.line == bindparam("line"))
    first = union_all(*(select(base.where(state == wanted.value).subquery()) for wanted in states))
    return select(*RECORD_COLUMNS).where(job.number.in_(first))


def _place(row: Row[Any]) -> Cursor:
    return row.rank, row.queued, row.number
