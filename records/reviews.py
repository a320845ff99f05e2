"""Acts of reviewers on record: told in the report, and kept as rows that can be asked who reviewed what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.analysis import Status
from domain.errors import AnalysisNotFound
from domain.review import Action
from records.analysis_tables import ReviewRow
from records.audit import Attempt, AuditLedger
from records.tables import AnalysisRow


@dataclass(frozen=True)
class Act:
    """What a person did; `edited` names the findings that they corrected, and "summary"."""

    action: Action
    reviewer: str
    at: datetime
    reason: str
    present: Status
    becomes: Status
    edited: tuple[str, ...] = ()

    def told(self) -> dict[str, Any]:
        """As the report tells it."""
        return {
            "action": self.action.value,
            "by": self.reviewer,
            "at": self.at.isoformat(),
            "reason": self.reason,
            "from": self.present.value,
            "to": self.becomes.value,
            "edited": list(self.edited),
        }


def locked(session: Session, access: AccessContext, analysis_id: str, *, hold: bool = True) -> AnalysisRow:
    """An analysis, held for the transaction under way, or only seen. Raises AnalysisNotFound, PatientLockViolation."""
    row = session.get(AnalysisRow, analysis_id, with_for_update=hold or None)
    if row is None:
        raise AnalysisNotFound("There is no such analysis.")
    access.require(row.patient_key)
    return row


def keep_act(session: Session, analysis_id: str, act: Act) -> None:
    """Add an act in the transaction under way, which holds the analysis's lock."""
    last = session.scalar(select(func.max(ReviewRow.number)).where(ReviewRow.analysis_id == analysis_id))
    session.add(
        ReviewRow(
            analysis_id=analysis_id,
            number=(last or 0) + 1,
            action=act.action.value,
            reviewer=act.reviewer,
            at=act.at,
            reason=act.reason,
            present=act.present.value,
            becomes=act.becomes.value,
            edited=list(act.edited),
        )
    )


class ReviewRecords:
    """Reads what reviewers did; every call is audited in its own transaction."""

    def __init__(self, audit: AuditLedger) -> None:
        self._audit = audit

    async def of_study(self, access: AccessContext, study_uid: str) -> tuple[tuple[str, Act], ...]:
        """(analysis id, act) of all analyses of a study, oldest first. Raises PatientLockViolation."""

        def work(session: Session) -> tuple[tuple[str, Act], ...]:
            query = (
                select(ReviewRow, AnalysisRow.patient_key)
                .join(AnalysisRow, AnalysisRow.id == ReviewRow.analysis_id)
                .where(AnalysisRow.study_uid == study_uid)
                .order_by(ReviewRow.at, ReviewRow.analysis_id, ReviewRow.number)
            )
            found = session.execute(query).all()
            for _, patient_key in found:
                access.require(patient_key)
            return tuple((row.analysis_id, act_of(row)) for row, _ in found)

        return await self._audit.guard(access, Attempt("review.list", "study", study_uid), work)


def act_of(row: ReviewRow) -> Act:
    """A row as the act that it keeps."""
    return Act(
        action=Action(row.action),
        reviewer=row.reviewer,
        at=row.at,
        reason=row.reason,
        present=Status(row.present),
        becomes=Status(row.becomes),
        edited=tuple(row.edited),
    )
