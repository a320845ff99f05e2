"""What `app.py db` does and says."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from records.database import Database
from records.migrations import UNVERSIONED, SchemaState, current
from records.trouble import GONE, trouble_of


def db(action: str, url: str) -> tuple[str, bool]:
    """Run `upgrade` or `current` on a database.

    Returns:
        A sentence for the terminal, and whether the tables are this version's now.

    Raises:
        ConfigurationError, SchemaMismatch, DatabaseUnavailable.
    """
    database = Database(url)
    try:
        if action == "upgrade":
            before = database.upgrade()
            if before.current:
                return f"The tables are this version's already (revision {before.head}).", True
            return f"The tables were brought from {_words(before)} to revision {before.head}.", True
        state = current(database.engine)
        if state.current:
            return f"The tables are this version's (revision {state.head}).", True
        return f"The tables are at {_words(state)}, this version's are revision {state.head}.", False
    except DBAPIError as error:
        raise (trouble_of(error) or GONE).error() from error
    finally:
        database.close()


def _words(state: SchemaState) -> str:
    if state.revision == UNVERSIONED:
        return "what was made before there were revisions"
    return f"revision {state.revision}" if state.revision else "nothing"
