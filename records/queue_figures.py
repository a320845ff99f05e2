"""How full the queue is and how fast it moves, in numbers: for metrics and scaling. By index, however many wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.ports import JobState
from domain.study import Priority
from records.database import Database
from records.job_tables import JobRow

RECENT = 5000
"""Newest jobs among which arrivals are counted."""


@dataclass(frozen=True)
class QueueFigures:
    """The queue at one moment.

    Attributes:
        waiting: queued jobs by priority. oldest: since when the oldest of them waits.
        running: jobs under way.
        ended, arrived: jobs of the last `window_s`. mean_s: of the undisturbed runs among the ended, None without.
    """

    at: datetime
    waiting: Mapping[Priority, int]
    oldest: Mapping[Priority, datetime]
    running: int
    ended: int
    arrived: int
    mean_s: float | None
    window_s: float

    @property
    def depth(self) -> int:
        """Queued jobs."""
        return sum(self.waiting.values())

    @property
    def per_s(self) -> float:
        """Jobs that end, a second."""
        return self.ended / self.window_s

    @property
    def arrivals_per_s(self) -> float:
        """Jobs that come, a second."""
        return self.arrived / self.window_s

    def oldest_wait_s(self, priority: Priority) -> float:
        """Seconds that the oldest queued job of a priority has waited; 0 without one."""
        since = self.oldest.get(priority)
        return max(0.0, (self.at - since).total_seconds()) if since else 0.0


async def queue_figures(database: Database, now: datetime, window_s: float = 600.0) -> QueueFigures:
    """Read them.

    Args:
        window_s: how far back ended and arrived jobs are counted.

    Raises:
        DatabaseUnavailable.
    """
    since = now - timedelta(seconds=window_s)

    def read(session: Session) -> QueueFigures:
        job, ranks = JobRow, list(Priority)
        queued = (
            select(job.rank, func.count(), func.min(job.queued))
            .where(job.state == JobState.QUEUED.value)
            .group_by(job.rank)
        )
        rows = [(ranks[rank], jobs, oldest) for rank, jobs, oldest in session.execute(queued)]
        running = select(func.count()).where(job.state == JobState.RUNNING.value)
        ended = select(func.count(), func.avg(job.seconds)).where(job.finished >= since)
        newest = select(job.created).order_by(job.number.desc()).limit(RECENT).subquery()
        jobs_ended, mean_s = session.execute(ended).one()
        return QueueFigures(
            at=now,
            waiting={priority: jobs for priority, jobs, _ in rows},
            oldest={priority: oldest for priority, _, oldest in rows},
            running=session.scalar(running) or 0,
            ended=jobs_ended,
            arrived=session.scalar(select(func.count()).select_from(newest).where(newest.c.created >= since)) or 0,
            mean_s=None if mean_s is None else float(mean_s),
            window_s=window_s,
        )

    return await database.transact(read)
