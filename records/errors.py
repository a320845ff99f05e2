"""What can go wrong with a database, as errors that a reader can act on.

MedImageError
├── Conflict                 somebody changed the same thing in the meantime
├── DatabaseUnavailable      it does not answer, or cannot write
├── UnusableInput
│   └── Unstorable               a value that no database takes
└── ConfigurationError
    └── SchemaMismatch           its tables are not ones that this version can use
"""

from __future__ import annotations

from domain.errors import ConfigurationError, MedImageError, UnusableInput

SETTING = "MEDIMAGE_DATABASE_URL"


class Conflict(MedImageError):
    """Somebody else changed it since it was read; nothing was changed now."""

    remedy_default = "Read it again, and make the change to what it is now."


class DatabaseUnavailable(MedImageError):
    """The database does not answer, or cannot write; what was under way is undone."""

    remedy_default = "Check the database with `app.py doctor`, then try again."


class Unstorable(UnusableInput):
    """A value that the database does not take: too long, or with a character that is none."""

    remedy_default = "Send it shorter and without control characters; correct it at its source."


class SchemaMismatch(ConfigurationError):
    """The database's tables are not ones that this version can use."""

    remedy_default = "Use the version of this program that made the database, or another database."


def require_version(what: str, present: int, expected: int | None) -> None:
    """Refuse a change to something that was read as another version than it is now.

    Args:
        what: of what kind it is, for the reader.
        expected: None where the writer did not say what they had read.

    Raises:
        Conflict.
    """
    if expected is not None and expected != present:
        raise Conflict(f"The {what} was changed in the meantime: it is version {present}, not {expected}.")
