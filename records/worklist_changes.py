"""What of the worklist changed behind a place: for those who follow it, also after their connection broke.

On SQLite writers come one after the other, and each change gets the next number. On PostgreSQL a change has the number
of its transaction; as those end in another order than they begin, only what is older than every transaction under way
is told, so that nobody who remembers a place misses what was still being written there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from records.database import Database
from records.worklist_tables import WorklistRow

MOST = 500
"""Changes that are told one by one; of more than that it is said that there are many."""


@dataclass(frozen=True)
class Changes:
    """What changed behind a place, and the place to ask from next.

    Attributes:
        study_uids: None where there were too many to name: the list is to be read anew.
    """

    place: int
    study_uids: tuple[str, ...] | None


class WorklistChanges:
    """Reads changes; it names studies, and shows nothing of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def place(self) -> int:
        """Where the list is now."""
        return await self._database.transact(_place)

    async def after(self, place: int) -> Changes:
        """What changed behind a place. One that was never reached is of another database: all is new then."""

        def work(session: Session) -> Changes:
            now = _place(session)
            if now < place:
                return Changes(now, None)
            row = WorklistRow
            query = select(row.study_uid).where(row.changed > place, row.changed <= now).order_by(row.changed)
            found = session.scalars(query.limit(MOST + 1)).all()
            return Changes(now, None if len(found) > MOST else tuple(found))

        return await self._database.transact(work)


def next_change(session: Session) -> Any:
    """The number of a change that this transaction makes, as an expression for SET."""
    if session.get_bind().dialect.name == "sqlite":
        return select(func.coalesce(func.max(WorklistRow.changed), 0) + 1).scalar_subquery()
    return text("pg_current_xact_id()::text::bigint")


def _place(session: Session) -> int:
    if session.get_bind().dialect.name == "sqlite":
        return session.scalar(select(func.max(WorklistRow.changed))) or 0
    return session.scalar(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1")) or 0
