"""What workers share of endpoints' limits, one document an endpoint: changed by one worker at a time.

Serves `inference.transport.shared_limits.LimitStore`. Its time is the database's own where it has a clock, so that
workers on machines whose clocks differ agree on what is used up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy import Float, cast, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from records.database import Database
from records.endpoint_tables import EndpointLimitRow

R = TypeVar("R")

Change = Callable[[Mapping[str, Any], float], tuple[dict[str, Any], R]]


class EndpointLimitRecords:
    """Documents by endpoint."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def change(self, endpoint: str, work: Change[R]) -> R:
        """Replace an endpoint's document, {} where there is none, while no other worker reads it.

        Args:
            work: from the document and seconds since 1970 to the next document and a result; may be run again.

        Raises:
            DatabaseUnavailable.
        """
        return await self._database.transact(lambda session: _changed(session, endpoint[:256], work))

    async def all(self) -> tuple[Mapping[str, Mapping[str, Any]], float]:
        """Every document, and the database's time. Raises DatabaseUnavailable."""

        def read(session: Session) -> tuple[Mapping[str, Mapping[str, Any]], float]:
            rows = session.scalars(select(EndpointLimitRow))
            return {row.endpoint: row.state for row in rows}, _now(session)

        return await self._database.transact(read)


def _changed(session: Session, endpoint: str, work: Change[R]) -> R:
    row = _locked(session, endpoint)
    if row is None:
        insert = (postgresql if _has_clock(session) else sqlite).insert(EndpointLimitRow)
        session.execute(insert.values(endpoint=endpoint, state={}).on_conflict_do_nothing())
        row = _locked(session, endpoint)
        assert row is not None
    # The time is read behind the lock: nobody is granted anything at a time before somebody else's grant.
    row.state, result = work(row.state, _now(session))
    return result


def _locked(session: Session, endpoint: str) -> EndpointLimitRow | None:
    query = select(EndpointLimitRow).where(EndpointLimitRow.endpoint == endpoint).with_for_update()
    return session.scalars(query).one_or_none()


def _now(session: Session) -> float:
    if not _has_clock(session):
        return time.time()
    return float(session.scalars(select(cast(func.extract("epoch", func.clock_timestamp()), Float))).one())


def _has_clock(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
