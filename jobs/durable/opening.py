"""How DBOS is opened: where it keeps its rows, how it uses SQLite, and that it keeps quiet."""

from __future__ import annotations

import logging
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from domain.errors import ConfigurationError

if TYPE_CHECKING:
    from dbos import DBOSConfig

APPLICATION = "medimage"
SCHEMA = "dbos"
"""Of its tables on PostgreSQL, beside the records' own."""
SQLITE_FILE = "jobs.db"
"""Beside the records' SQLite file."""
THREADS = 64
"""Of the pool in which `asyncio.to_thread` works once DBOS is open; its own default has no bound."""
CONNECTIONS = 8
IDLE_POLL_S = 1.0
"""Between looks for messages and schedules, which nobody here sends or makes; closing waits for one."""
EXPECTED = frozenset({"_wrap", "adopt_recorded_outcome", "_destroy"})
"""Functions of DBOS that warn of cancelled tasks and superseded attempts: both happen in good order here."""


def system_url(records_url: str) -> str:
    """Where DBOS keeps its rows: beside the records.

    Raises:
        ConfigurationError: the records are in memory, or their URL cannot be read.
    """
    try:
        url = make_url(records_url)
    except ArgumentError as error:
        raise ConfigurationError("The database's URL cannot be read.", where="MEDIMAGE_DATABASE_URL") from error
    if url.get_backend_name() != "sqlite":
        return url.render_as_string(hide_password=False)
    if url.database in (None, "", ":memory:"):
        raise ConfigurationError(
            "Jobs that outlive the process need a database on disk.",
            where="MEDIMAGE_DATABASE_URL",
            remedy="Leave it empty, or give a file (sqlite:///var/records.db) or PostgreSQL.",
        )
    return url.set(database=str(Path(str(url.database)).with_name(SQLITE_FILE))).render_as_string()


def configuration(url: str, *, version: str, executor_id: str) -> DBOSConfig:
    """DBOS's settings: no telemetry, no console, rows as JSON, nothing that listens on a port."""
    from dbos import DBOSPortableJSONSerializer

    return {
        "name": APPLICATION,
        "system_database_url": url,
        "dbos_system_schema": SCHEMA,
        "application_version": version,
        "executor_id": executor_id,
        "serializer": DBOSPortableJSONSerializer(),
        "sys_db_pool_size": CONNECTIONS,
        "db_engine_kwargs": _engine_options(url),
        "use_listen_notify": False,
        "notification_listener_polling_interval_sec": IDLE_POLL_S,
        "scheduler_polling_interval_sec": IDLE_POLL_S,
        "max_executor_threads": THREADS,
        "enable_otlp": False,
        "log_level": "WARNING",
    }


def _engine_options(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        return {"connect_args": {"factory": _Connection}}
    return {"pool_pre_ping": False}  # DBOS tries again by itself where a connection is gone; a ping costs each look


def silence() -> None:
    """DBOS writes to the console unless its logger has a handler."""
    logger = logging.getLogger("dbos")
    if not any(isinstance(handler, _Kinds) for handler in logger.handlers):
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
        logger.addHandler(_Kinds())
        logger.propagate = False


class _Connection(sqlite3.Connection):
    """As DBOS needs SQLite: WAL, whose commits are not waited for, and an SQL function that it lacks before 3.42."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.execute("PRAGMA busy_timeout=30000")
        self.execute("PRAGMA journal_mode=WAL")
        self.execute("PRAGMA synchronous=NORMAL")
        if sqlite3.sqlite_version_info < (3, 42):
            self.create_function("unixepoch", -1, _unixepoch)


def _unixepoch(*arguments: object) -> float | int:
    return time.time() if "subsec" in arguments else int(time.time())


class _Kinds(logging.Handler):
    """Passes on where DBOS warned and of what kind of error: its texts carry the parameters of statements."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.funcName in EXPECTED:
            return
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else "no exception"
        logging.getLogger(__name__).log(record.levelno, "DBOS: %s in %s (%s)", record.levelname, record.funcName, kind)
