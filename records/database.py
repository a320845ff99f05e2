"""The engine: one place that knows how a database must be opened, and that blocking work leaves the loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from domain.errors import ConfigurationError
from records.errors import SETTING, Unstorable
from records.migrations import SchemaState, upgrade
from records.trouble import GONE, trouble_of

R = TypeVar("R")

BUSY_TIMEOUT_S = 30
CONNECT_TIMEOUT_S = 5
PATIENCE_S = 20.0
"""How long work waits for a server that answered before, such as one that is being started again."""
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0


class Database:
    """Transactions on SQLite (WAL, synchronous NORMAL, foreign keys) or PostgreSQL.

    Args:
        url: SQLAlchemy's form, e.g. "sqlite:///var/records.db" or "postgresql://user:secret@host/name".
        patience_s: how long work waits for a server that went away, before it fails.

    Raises:
        ConfigurationError: the URL cannot be parsed or its driver is not installed.
    """

    def __init__(self, url: str, *, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._answered = False
        try:
            self.engine = _engine(url)
        except (ArgumentError, SQLAlchemyError, ImportError) as error:
            raise ConfigurationError(
                f"The database cannot be used ({type(error).__name__}).",
                where=SETTING,
                remedy="Give SQLAlchemy's form, e.g. sqlite:///var/records.db, and install the driver it names.",
            ) from error

    def upgrade(self) -> SchemaState:
        """Make the tables, or bring them to this version; returns where they were.

        Raises:
            SchemaMismatch: a newer version made them, or they are another program's.
            DatabaseUnavailable: it does not answer, or cannot write.
        """
        try:
            return upgrade(self.engine)
        except DBAPIError as error:
            if (trouble := trouble_of(error)) is None:
                raise
            raise trouble.error() from error

    def transact_now(self, work: Callable[[Session], R]) -> R:
        """Run `work` in one transaction, in this thread.

        Where the database went away, or gave way to another writer, before the commit, nothing was kept: `work` is
        then run again, so that what it does besides must bear that.

        Raises:
            DatabaseUnavailable: it does not answer, or cannot write; `work` is undone.
            Unstorable: a value is too long, or has a character that is none.
        """
        give_up, pause = time.monotonic() + self._patience_s, _FIRST_PAUSE_S
        while True:
            committing = False
            try:
                with Session(self.engine, expire_on_commit=False) as session, session.begin():
                    result = work(session)
                    session.flush()
                    committing = True
            except DataError as error:
                raise Unstorable("A value cannot be stored.") from error
            except DBAPIError as error:
                trouble = trouble_of(error)
                if trouble is None:
                    raise
                unknown = committing and trouble is GONE
                again = trouble.passing and self._answered and not unknown
                if not again or time.monotonic() + pause > give_up:
                    raise trouble.error(unknown=unknown) from error
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            else:
                self._answered = True
                return result

    async def transact(self, work: Callable[[Session], R]) -> R:
        """Run `work` in one transaction, off the event loop. Raises as `transact_now`."""
        return await asyncio.to_thread(self.transact_now, work)

    async def ping(self) -> None:
        """Raises SQLAlchemyError when the database does not answer now."""

        def ask() -> None:
            with self.engine.connect() as connection:
                connection.execute(text("SELECT 1"))

        try:
            await asyncio.to_thread(ask)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            await asyncio.to_thread(ask)  # the connection was one from before the server was started again

    def close(self) -> None:
        """Release the connections."""
        self.engine.dispose()


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    # The text of an error goes to logs; the values of its statement are patients'.
    if parsed.get_backend_name() != "sqlite":
        # No ping before each transaction: one that meets a connection that is gone is run again on a new one.
        return create_engine(_with_driver(parsed), hide_parameters=True)
    if parsed.database in (None, "", ":memory:"):
        arguments = {"check_same_thread": False}
        engine = create_engine(parsed, poolclass=StaticPool, connect_args=arguments, hide_parameters=True)
    else:
        Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_S}, hide_parameters=True)
    event.listen(engine, "connect", _open_sqlite)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _with_driver(url: URL) -> URL:
    """PostgreSQL by the driver that is installed here, with a bound on connecting where the URL sets none."""
    if url.drivername in {"postgresql", "postgres"}:
        url = url.set(drivername="postgresql+psycopg")
    if url.get_driver_name() == "psycopg" and "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": str(CONNECT_TIMEOUT_S)})
    return url


def _open_sqlite(connection: Any, _record: object) -> None:
    # The driver's own BEGIN would come too late for savepoints and for an early write lock.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Connection) -> None:
    # Every transaction here ends with an audit event: taking the write lock first avoids SQLITE_BUSY upgrades.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
