"""What days have used of endpoints, counted by all workers; what has been told of it is an event in the same step.

Serves `inference.transport.shared_quota.QuotaLedger`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from domain.access import AccessContext
from records.audit import Attempt, AuditLedger
from records.endpoint_tables import EndpointQuotaRow

KINDS = ("requests", "bytes", "cost")
SYSTEM = AccessContext("system", None)
"""Who counts: no person."""


@dataclass(frozen=True)
class DayUse:
    """What one day has used of an endpoint, and its limits, by kind. `alerted`: the highest share that was told."""

    endpoint: str
    day: date
    used: Mapping[str, float]
    limits: Mapping[str, float]
    alerted: Mapping[str, float] = field(default_factory=dict)


class EndpointQuotaRecords:
    """Counts by endpoint and day."""

    def __init__(self, audit: AuditLedger) -> None:
        self._audit = audit

    async def add(
        self,
        endpoint: str,
        day: date,
        more: Mapping[str, float],
        limits: Mapping[str, float],
        shares: Sequence[float],
    ) -> tuple[Mapping[str, float], Mapping[str, float]]:
        """Count, all or nothing.

        Args:
            more, limits: by kind: requests, bytes, cost.
            shares: of a limit that are told when they are reached.

        Returns:
            What is counted now, and the highest share that was reached and not told before, by kind. That is told
            once, whoever counts: it is an audit event of the same transaction.

        Raises:
            DatabaseUnavailable.
        """

        def work(session: Session) -> tuple[Mapping[str, float], Mapping[str, float]]:
            row = _locked(session, endpoint[:256], day)
            row.requests += int(more.get("requests", 0))
            row.bytes += int(more.get("bytes", 0))
            row.cost += more.get("cost", 0.0)
            row.limits = dict(limits)
            used = _used(row)
            passed = {}
            for kind, limit in limits.items():
                reached = max((share for share in shares if used[kind] >= share * limit), default=0.0)
                if reached > row.alerted.get(kind, 0.0):
                    passed[kind] = reached
                    self._tell(session, row, kind, reached)
            row.alerted = {**row.alerted, **passed}
            return used, passed

        return await self._audit.database.transact(work)

    async def of_days(self, days: Sequence[date]) -> tuple[DayUse, ...]:
        """What some days have used, by endpoint."""

        def read(session: Session) -> tuple[DayUse, ...]:
            rows = session.scalars(
                select(EndpointQuotaRow)
                .where(EndpointQuotaRow.day.in_(days))
                .order_by(EndpointQuotaRow.endpoint, EndpointQuotaRow.day)
            )
            return tuple(DayUse(row.endpoint, row.day, _used(row), dict(row.limits), dict(row.alerted)) for row in rows)

        return await self._audit.database.transact(read)

    def _tell(self, session: Session, row: EndpointQuotaRow, kind: str, share: float) -> None:
        attempt = Attempt("endpoint.quota", "endpoint", row.endpoint)
        self._audit.append(session, SYSTEM, attempt, "ok", f"{share:.0%} of the {kind} of {row.day}")


def _locked(session: Session, endpoint: str, day: date) -> EndpointQuotaRow:
    insert = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert(EndpointQuotaRow)
    new = {"endpoint": endpoint, "day": day, "requests": 0, "bytes": 0, "cost": 0.0, "limits": {}, "alerted": {}}
    session.execute(insert.values(**new).on_conflict_do_nothing())
    query = select(EndpointQuotaRow).where(EndpointQuotaRow.endpoint == endpoint, EndpointQuotaRow.day == day)
    return session.scalars(query.with_for_update()).one()


def _used(row: EndpointQuotaRow) -> Mapping[str, float]:
    return {"requests": row.requests, "bytes": row.bytes, "cost": row.cost}
