"""Alembic's environment: one connection that is given, one transaction around everything.

`records.migrations` calls it; there is no alembic.ini, as the address of the database is one of the settings.
"""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from records.base import UtcDateTime, Words
from records.schema import metadata

TYPES = {UtcDateTime: "sa.DateTime(timezone=True)", Words: "sa.Text()"}


def rendered(kind: str, item: Any, _autogenerate: AutogenContext) -> str | Literal[False]:
    """Migrations are written in SQLAlchemy's types, which stay as they are when ours change."""
    return next((written for ours, written in TYPES.items() if kind == "type" and isinstance(item, ours)), False)


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    render_item=rendered,
    transactional_ddl=True,
    transaction_per_migration=False,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
