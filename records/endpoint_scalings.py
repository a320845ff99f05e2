"""How endpoints were scaled: on record before it happens, so that two who scale do not do it twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from domain.access import AccessContext
from records.audit import Attempt, AuditLedger
from records.endpoint_tables import EndpointScalingRow


@dataclass(frozen=True)
class Scaling:
    """One change of a deployment's number of instances."""

    endpoint: str
    deployment: str
    before: int
    after: int
    at: datetime
    user: str


class EndpointScalings:
    """The changes that were asked of platforms."""

    def __init__(self, audit: AuditLedger) -> None:
        self._audit = audit

    async def last(self, endpoint: str) -> Scaling | None:
        """The latest of an endpoint."""
        return await self._audit.database.transact(lambda session: _last(session, endpoint[:256]))

    async def begin(self, access: AccessContext, scaling: Scaling, cooldown_s: float) -> bool:
        """Put a change on record that is about to be asked for; False where there was another in the cooldown."""

        def work(session: Session) -> bool:
            if session.get_bind().dialect.name == "postgresql":
                # One who scales at a time; there may be no row yet that could be locked.
                session.execute(text("LOCK TABLE endpoint_scalings IN SHARE ROW EXCLUSIVE MODE"))
            last = _last(session, scaling.endpoint[:256])
            if last is not None and scaling.at < last.at + timedelta(seconds=cooldown_s):
                return False
            session.add(
                EndpointScalingRow(
                    endpoint=scaling.endpoint[:256],
                    deployment=scaling.deployment[:128],
                    before=scaling.before,
                    after=scaling.after,
                    at=scaling.at,
                    user=scaling.user[:128],
                )
            )
            return True

        return await self._audit.guard(access, _attempt("endpoint.scale.begin", scaling), work)

    async def note(self, access: AccessContext, scaling: Scaling, outcome: str, detail: str) -> None:
        """How it ended, for the audit."""
        await self._audit.note(
            access, _attempt("endpoint.scale", scaling), outcome, f"{scaling.before} → {scaling.after}: {detail}"
        )


def _attempt(action: str, scaling: Scaling) -> Attempt:
    change = f"{scaling.deployment}: {scaling.before} → {scaling.after}"
    return Attempt(action, "endpoint", scaling.endpoint, change)


def _last(session: Session, endpoint: str) -> Scaling | None:
    row = session.scalars(
        select(EndpointScalingRow)
        .where(EndpointScalingRow.endpoint == endpoint)
        .order_by(EndpointScalingRow.number.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    return Scaling(row.endpoint, row.deployment, row.before, row.after, row.at, row.user)
