"""How many jobs came in each hour: what a forecast is made of. By primary key, however many there are.

Numbers are in the order of arrival, so that an hour's borders are found by halving, and its jobs counted between them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from records.database import Database
from records.job_tables import JobRow

HOUR = timedelta(hours=1)
_AT_ONCE = 24
"""Hours of one transaction."""


class QueueArrivals:
    """Counts of jobs by hour."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def hours(self, since: datetime, until: datetime) -> tuple[tuple[datetime, int], ...]:
        """Each whole hour from `since` to `until` with its jobs, oldest first; none before the first job came.

        Args:
            since, until: full hours.

        Raises:
            DatabaseUnavailable.
        """
        found: list[tuple[datetime, int]] = []
        while since < until:
            end = min(until, since + _AT_ONCE * HOUR)
            found += await self._database.transact(partial(_counted, since=since, until=end))
            since = end
        return tuple(found)


def _counted(session: Session, since: datetime, until: datetime) -> list[tuple[datetime, int]]:
    first, last = session.execute(select(func.min(JobRow.number), func.max(JobRow.number))).one()
    if first is None:
        return []
    began = session.scalars(select(JobRow.created).where(JobRow.number == first)).one()
    if began > since:
        # The hour in which the first job came was not seen from its beginning.
        since = max(since, began.replace(minute=0, second=0, microsecond=0) + HOUR)
    if since >= until:
        return []
    hours: list[tuple[datetime, int]] = []
    low, came = _first_since(session, since, first, last + 1)
    while since < until:
        if came is not None and came < since + HOUR:
            start = low
            low, came = _first_since(session, since + HOUR, *_leap(session, since + HOUR, low, last + 1))
            jobs = select(func.count()).where(JobRow.number >= start, JobRow.number < low)
            hours.append((since, session.scalar(jobs) or 0))
        else:
            hours.append((since, 0))
        since += HOUR
    return hours


def _first_since(session: Session, moment: datetime, low: int, high: int) -> tuple[int, datetime | None]:
    """The first number from `low` on of a job that came at `moment` or later, and when it came.

    `high` and None where there is none below `high`.
    """
    came = None
    while low < high:
        middle = (low + high) // 2
        found = _at(session, middle)
        if found is None or found[1] >= moment:
            high, came = middle, found and found[1]
        else:
            low = found[0] + 1
    return low, came


def _leap(session: Session, moment: datetime, low: int, end: int) -> tuple[int, int]:
    """Numbers between which the first job since `moment` stands: in leaps, as it is hardly far from `low`."""
    leap = 1
    while low + leap < end:
        found = _at(session, low + leap)
        if found is None or found[1] >= moment:
            return low, low + leap + 1
        low, leap = found[0] + 1, 2 * leap
    return low, end


def _at(session: Session, number: int) -> tuple[int, datetime] | None:
    """Number and time of the first job from `number` on."""
    query = select(JobRow.number, JobRow.created).where(JobRow.number >= number).order_by(JobRow.number).limit(1)
    found = session.execute(query).first()
    return None if found is None else (found.number, found.created)
