"""The engine: one place that knows how SQLite must be opened, and that blocking work leaves the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, StaticPool, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import Session

from domain.errors import ConfigurationError
from records.tables import Base

R = TypeVar("R")

BUSY_TIMEOUT_S = 30


class Database:
    """Transactions on SQLite (WAL, synchronous NORMAL, foreign keys) or PostgreSQL.

    Args:
        url: SQLAlchemy's form, e.g. "sqlite:///var/records.db" or "postgresql+psycopg://host/name".

    Raises:
        ConfigurationError: the URL cannot be parsed or its driver is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            self.engine = _engine(url)
        except (ArgumentError, SQLAlchemyError, ImportError) as error:
            raise ConfigurationError(
                f"The database cannot be used ({type(error).__name__}).",
                where="MEDIMAGE_DATABASE_URL",
                remedy="Give SQLAlchemy's form, e.g. sqlite:///var/records.db, and install the driver it names.",
            ) from error

    def create_schema(self) -> None:
        """Make the tables that are not there yet."""
        Base.metadata.create_all(self.engine)

    def transact_now(self, work: Callable[[Session], R]) -> R:
        """Run `work` in one transaction, in this thread."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            return work(session)

    async def transact(self, work: Callable[[Session], R]) -> R:
        """Run `work` in one transaction, off the event loop."""
        return await asyncio.to_thread(self.transact_now, work)

    async def ping(self) -> None:
        """Raises SQLAlchemyError when the database does not answer."""
        await self.transact(lambda session: session.execute(text("SELECT 1")))

    def close(self) -> None:
        """Release the connections."""
        self.engine.dispose()


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True)
    if parsed.database in (None, "", ":memory:"):
        engine = create_engine(parsed, poolclass=StaticPool, connect_args={"check_same_thread": False})
    else:
        Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _open_sqlite)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _open_sqlite(connection: Any, _record: object) -> None:
    # The driver's own BEGIN would come too late for savepoints and for an early write lock.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Connection) -> None:
    # Every transaction here ends with an audit event: taking the write lock first avoids SQLITE_BUSY upgrades.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
