"""Who told whom of critical findings: acts on record, told in the report, each audited in its transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.analysis import Status
from domain.errors import TransitionRefused
from domain.ports import Clock
from domain.review_acts import ADDED_TO, Channel, Communication, Role, Telling
from records.audit import Attempt, AuditLedger
from records.errors import require_version
from records.review_tables import CommunicationRow
from records.reviews import locked

OPEN = frozenset({Status.DRAFT, Status.PARTIAL, Status.IN_REVIEW})
"""Until it is signed or rejected."""


@dataclass(frozen=True)
class Told:
    """An act with who did it, and when."""

    act: Communication
    by: str
    at: datetime

    def told(self) -> dict[str, Any]:
        """As the report tells it."""
        act = self.act
        return {
            "finding": act.finding,
            "rule": act.rule,
            "kind": act.kind.value,
            "role": act.role.value,
            "attending": act.attending,
            "told_to": act.told_to,
            "told_at": act.told_at.isoformat() if act.told_at else "",
            "channel": act.channel.value if act.channel else "",
            "comment": act.comment,
            "by": self.by,
            "at": self.at.isoformat(),
        }


class Communications:
    """Records acts on critical findings."""

    def __init__(self, audit: AuditLedger, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock

    async def add(
        self, access: AccessContext, analysis_id: str, act: Communication, *, expected: int | None = None
    ) -> Told:
        """Put an act on record and into the report. Acts are added, never changed: a later one settles as well.

        Args:
            expected: the version that the person read; None takes it as it is.

        Raises:
            AnalysisNotFound, PatientLockViolation, Conflict.
            ReviewRefused: the act says too little, or is about no critical finding of the analysis.
            TransitionRefused: the analysis is signed or rejected.
        """

        def work(session: Session) -> Told:
            row = locked(session, access, analysis_id)
            require_version("analysis", row.version, expected)
            _require_open(Status(row.status))
            told = Told(act, access.user, self._clock.now())
            act.require_fit(row.document, told.at)
            row.document = {**row.document, "communications": [*row.document.get("communications", ()), told.told()]}
            _add(session, analysis_id, told)
            return told

        attempt = Attempt(f"analysis.critical.{act.kind.value}", "analysis", analysis_id, act.rule)
        return await self._audit.guard(access, attempt, work)


def _require_open(status: Status) -> None:
    if status not in OPEN:
        remedy = "Write an addendum." if status in ADDED_TO else "Ask for a new analysis of the study."
        raise TransitionRefused(f"The analysis is {status.value}.", remedy=remedy)


def _add(session: Session, analysis_id: str, told: Told) -> None:
    last = session.scalar(select(func.max(CommunicationRow.number)).where(CommunicationRow.analysis_id == analysis_id))
    act = told.act
    session.add(
        CommunicationRow(
            analysis_id=analysis_id,
            number=(last or 0) + 1,
            finding=act.finding[:64],
            rule=act.rule[:64],
            kind=act.kind.value,
            role=act.role.value,
            attending=act.attending,
            told_to=act.told_to,
            told_at=act.told_at,
            channel=act.channel.value if act.channel else "",
            comment=act.comment,
            by=told.by,
            at=told.at,
        )
    )


def told_of(row: CommunicationRow) -> Told:
    """A row as the act that it keeps."""
    act = Communication(
        finding=row.finding,
        rule=row.rule,
        kind=Telling(row.kind),
        role=Role(row.role),
        attending=row.attending,
        told_to=row.told_to,
        told_at=row.told_at,
        channel=Channel(row.channel) if row.channel else None,
        comment=row.comment,
    )
    return Told(act, row.by, row.at)
