"""The heads of line: which job of each priority and site comes next, and how a worker takes it without waiting."""

from __future__ import annotations

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from domain.ports import JobState
from domain.study import Priority
from records.job_rows import Head, line_of, rank_of
from records.job_tables import JobRow

_COUNTING = 0x6A6F6273
"""PostgreSQL's advisory locks of those who count: "jobs"."""
HEADS = text(
    """
    WITH RECURSIVE heads(number) AS (
        SELECT (
            SELECT number FROM jobs WHERE state = 'queued' AND version IN ('', :version)
            ORDER BY line, queued, number LIMIT 1
        )
        UNION ALL
        SELECT (
            SELECT n.number FROM jobs AS n WHERE n.state = 'queued' AND n.version IN ('', :version)
            AND n.line > (SELECT line FROM jobs WHERE number = heads.number)
            ORDER BY n.line, n.queued, n.number LIMIT 1
        )
        FROM heads WHERE heads.number IS NOT NULL
    )
    SELECT number FROM heads WHERE number IS NOT NULL
    """
)
"""The oldest job of each line: from one line to the next by the index, however many stand in each."""


def heads_of_line(session: Session, version: str) -> list[Head]:
    """The oldest job of each priority and site that a worker of a version may claim."""
    numbers = list(session.scalars(HEADS, {"version": version}))
    if not numbers:
        return []
    job = JobRow
    query = select(job.number, job.job_id, job.priority, job.site, job.queued).where(job.number.in_(numbers))
    return [Head(n, job_id, Priority(p), site, queued) for n, job_id, p, site, queued in session.execute(query)]


def count_alone(session: Session, priority: Priority) -> bool:
    """Let nobody else count the jobs of a priority until this transaction ends; False where somebody does."""
    if session.get_bind().dialect.name == "sqlite":
        return True
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(_COUNTING, rank_of(priority)))))


def foremost(head: Head, version: str) -> Select[JobRow]:
    """The first job of a head's line that nobody is about to take or to change."""
    job = JobRow
    ours = (job.state == JobState.QUEUED.value, job.version.in_(("", version)))
    query = select(job).where(job.line == line_of(head.priority, head.site), *ours)
    return query.order_by(job.queued, job.number).limit(1).with_for_update(skip_locked=True)
