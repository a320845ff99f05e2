"""What a driver's error means: whether the database is to blame, what helps, and whether another try does."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

from records.errors import SETTING, DatabaseUnavailable


@dataclass(frozen=True)
class Trouble:
    """A database that cannot do what it was asked, whatever that was.

    Attributes:
        passing: the same work may succeed a moment later, as nothing of it was kept.
    """

    reason: str
    remedy: str = ""
    passing: bool = False

    def error(self, *, unknown: bool = False) -> DatabaseUnavailable:
        """What the caller is told; `unknown` where a commit broke off, of which nobody knows whether it was kept."""
        reason = f"{self.reason} Whether the last change was kept is not known." if unknown else self.reason
        return DatabaseUnavailable(reason, where=SETTING, remedy=self.remedy)


GONE = Trouble("The database does not answer.", passing=True)
FULL = Trouble("The disk of the database is full.", "Make room on that disk, then try again.")
READ_ONLY = Trouble("The database cannot be written.", "Check the permissions of its file and folder, or its server.")
BUSY = Trouble("The database is busy with another writer.", "Try again; end what holds the database.", passing=True)
DAMAGED = Trouble("The database file is damaged, or is none.", "Restore it from a backup.")
FAILING = Trouble("The disk of the database fails.", "Check that disk; restore from a backup if the file is damaged.")

SQLITE: tuple[tuple[str, Trouble], ...] = (
    ("SQLITE_FULL", FULL),
    ("SQLITE_READONLY", READ_ONLY),
    ("SQLITE_CANTOPEN", READ_ONLY),
    ("SQLITE_BUSY", BUSY),
    ("SQLITE_LOCKED", BUSY),
    ("SQLITE_CORRUPT", DAMAGED),
    ("SQLITE_NOTADB", DAMAGED),
    ("SQLITE_IOERR", FAILING),
)
"""By how SQLite's name of the error begins: https://sqlite.org/rescode.html."""

POSTGRESQL: tuple[tuple[str, Trouble], ...] = (
    ("08", GONE),
    ("57P", GONE),
    ("53300", GONE),
    ("40", BUSY),
    ("55P03", BUSY),
    ("53100", FULL),
    ("53", Trouble("The database server is out of resources.", "Give it more memory, or start fewer workers.")),
    ("58", FAILING),
    ("XX", DAMAGED),
    ("25006", READ_ONLY),
)
"""By how the SQLSTATE begins (PostgreSQL, appendix A): connection, operator intervention, serialisation, resources."""


def trouble_of(error: DBAPIError) -> Trouble | None:
    """What is wrong with the database; None where it is the statement that is wrong."""
    name = getattr(error.orig, "sqlite_errorname", None)
    if name is not None:
        return _first(SQLITE, name)
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return _first(POSTGRESQL, state)
    # No state at all: there was no server to give one.
    return GONE if error.connection_invalidated or type(error.orig).__name__ == "OperationalError" else None


def _first(table: tuple[tuple[str, Trouble], ...], name: str) -> Trouble | None:
    return next((trouble for prefix, trouble in table if name.startswith(prefix)), None)
