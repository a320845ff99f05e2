"""What the processes of an installation share of its endpoints: limits on PostgreSQL, the day's quotas on any database.

It has a connection of its own: a call must neither wait for a transaction of a job, nor be held up for long where the
database went away. Then each worker keeps to its share of the limits, and counts by itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from domain.ports import Clock
from inference.fleet import FleetSettings
from inference.transport.shared_limits import StoredLimits
from inference.transport.shared_quota import SharedQuotas
from records.audit import AuditLedger, pseudonym_key
from records.database import Database
from records.endpoint_limits import EndpointLimitRecords
from records.endpoint_quotas import EndpointQuotaRecords
from records.errors import DatabaseUnavailable

PATIENCE_S = 2.0
"""How long a question waits for a database that went away."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SharedEndpoints:
    """What `inference.fleet.open_fleet` is given; None keeps it in this process."""

    limits: StoredLimits | None = None
    quotas: SharedQuotas | None = None


@asynccontextmanager
async def shared_endpoints(
    fleet: FleetSettings, folder: Path, database_url: str, clock: Clock
) -> AsyncIterator[SharedEndpoints]:
    """Open what is shared of the configured endpoints; give it back, and write every count, at the end.

    Nothing is opened where nothing is to be shared: an installation without endpoints, or on SQLite without a quota.

    Args:
        folder: of the data, for the audit's key.

    Raises:
        ConfigurationError: the database cannot be used.
    """
    together = shares_limits(database_url)
    counted = any(setting.daily.limits for setting in fleet.endpoints)
    if not fleet.endpoints or not (together or counted):
        yield SharedEndpoints()
        return
    database = Database(database_url, patience_s=PATIENCE_S)
    try:
        await asyncio.to_thread(_prepare, database, folder)
        limits = StoredLimits(EndpointLimitRecords(database)) if together else None
        audit = AuditLedger(database, clock, pseudonym_key(folder / "audit.key"))
        quotas = SharedQuotas(EndpointQuotaRecords(audit)) if counted else None
        try:
            yield SharedEndpoints(limits, quotas)
        finally:
            if limits is not None:
                await limits.aclose()
            if quotas is not None:
                await quotas.flush()
    finally:
        database.close()


def shares_limits(database_url: str) -> bool:
    """Whether processes on other machines may work on this database: SQLite's do not leave theirs."""
    return not database_url.startswith("sqlite")


def _prepare(database: Database, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    try:
        database.upgrade()
    except DatabaseUnavailable as error:
        # Whoever needs the records says so; a run without any goes on by itself.
        _logger.warning("Limits and quotas are not shared for now (%s).", type(error).__name__)
