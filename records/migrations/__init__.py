"""The tables' history: one revision after the other, on SQLite and PostgreSQL alike.

A database is brought to this version's tables in one transaction that nobody else is in: whole or not at all. What
was made before there were migrations is taken over, and what a newer version made is refused.

To change tables: change their classes, then `python -m records.migrations "what changes"` writes the next revision as
a draft. It becomes a migration by being read, corrected and given to `HEAD`; the tests compare both databases with the
classes.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from records.errors import SETTING, SchemaMismatch

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0006"
"""The revision that this version's tables are; a start that finds it loads no alembic."""
FOLDER = Path(__file__).parent
_VERSIONS = "alembic_version"
_FIRST_TABLES = frozenset({"studies", "analyses", "audit_events"})
"""What every database had before there were migrations."""
_LOCK = 0x6D65_6469_6D61_6765
"""PostgreSQL's advisory lock of those who upgrade: "medimage"."""
_ONE_AT_A_TIME = threading.Lock()
"""Alembic keeps what it works on in the module, so that two threads would mix up their databases."""


@dataclass(frozen=True)
class SchemaState:
    """Where a database is: revisions, "" for one without tables, "unversioned" for one from before migrations."""

    revision: str
    head: str = HEAD

    @property
    def current(self) -> bool:
        """Nothing is left to upgrade."""
        return self.revision == self.head


UNVERSIONED = "unversioned"


def current(engine: Engine) -> SchemaState:
    """Where a database is; nothing is changed. Raises SQLAlchemyError when it does not answer."""
    with engine.connect() as connection:
        return SchemaState(_revision(connection))


def upgrade(engine: Engine) -> SchemaState:
    """Bring a database to this version's tables; of several starters one does it and the others wait.

    Returns:
        Where it was before.

    Raises:
        SchemaMismatch: a newer version made it, or it holds tables that are not this program's.
        SQLAlchemyError: it does not answer, or a step failed; it is as it was then.
    """
    before = current(engine)
    if before.current:
        return before
    with _ONE_AT_A_TIME, _alone(engine) as connection:
        before = SchemaState(_revision(connection))
        if not before.current:
            _run(connection, before.revision)
    return before


def configuration(connection: Connection) -> Config:
    """Alembic's settings for one connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _run(connection: Connection, revision: str) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory

    config = configuration(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision not in {"", UNVERSIONED, *known}:
        raise SchemaMismatch(
            f"A newer version of this program made this database: it is at revision {revision}, this one knows {HEAD}.",
            where=SETTING,
            remedy="Start the version that made it, or restore a backup from before it was upgraded.",
        )
    command.upgrade(config, "head")


def _revision(connection: Connection) -> str:
    tables = set(inspect(connection).get_table_names())
    if _VERSIONS in tables:
        found = connection.execute(text(f"SELECT version_num FROM {_VERSIONS}")).scalars().all()  # noqa: S608
        if found:
            return ",".join(found)
    there = tables & _FIRST_TABLES
    if not there:
        return ""
    if there != _FIRST_TABLES:
        raise SchemaMismatch(
            f"The database holds tables that are not this program's: {', '.join(sorted(there))}.",
            where=SETTING,
            remedy="Give this program a database of its own.",
        )
    return UNVERSIONED


@contextlib.contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """One transaction that no other starter and, on SQLite, no other writer is in."""
    with engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            with connection.begin():
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
                yield connection
            return
        # A table that is made anew is dropped in between, which must not count as deleting its rows. SQLite
        # takes this setting outside of transactions only.
        raw = connection.connection.dbapi_connection
        assert raw is not None
        raw.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                yield connection
                if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                    raise SchemaMismatch("Rows of the database refer to rows that are not there.", where=SETTING)
        finally:
            raw.execute("PRAGMA foreign_keys=ON")
