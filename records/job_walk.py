"""Walking along an index on PostgreSQL, whatever its statistics say.

A queue is empty one minute and full the next: statistics of the one plan badly for the other, and a plan that sorts a
hundred thousand jobs to find the first is a hundred times slower than one that reads the index in its order.
"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

_OFF = ("enable_seqscan", "enable_bitmapscan", "enable_sort", "enable_incremental_sort")


def walk_along_indexes(session: Session) -> None:
    """For what follows in this transaction. Nothing to do on SQLite, which has no statistics here."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(*(func.set_config(name, "off", True) for name in _OFF)))
