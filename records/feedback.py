"""That feedback was given, by whom and on which analysis; what it says and teaches is the memory's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.errors import AnalysisNotFound
from records.analysis_tables import FeedbackRow
from records.audit import Attempt, AuditLedger
from records.tables import AnalysisRow


@dataclass(frozen=True)
class GivenFeedback:
    """One piece of feedback.

    Attributes:
        feedback_id: the memory's; the same feedback once more has the same. replaces: the one that it corrects, "".
        kind: as the memory calls it. target: what it is about, "" for a sentence.
    """

    feedback_id: str
    analysis_id: str
    kind: str
    target: str
    given_by: str
    at: datetime
    replaces: str = ""


def keep_feedback(session: Session, given: GivenFeedback) -> None:
    """Record feedback in the transaction under way; given once more, it stays as it was."""
    if session.get(FeedbackRow, given.feedback_id) is None:
        session.add(FeedbackRow(**vars(given)))
        session.flush()


class FeedbackRecords:
    """Which feedback an analysis got; every call is audited in its own transaction."""

    def __init__(self, audit: AuditLedger) -> None:
        self._audit = audit

    async def of_analysis(self, access: AccessContext, analysis_id: str) -> Sequence[GivenFeedback]:
        """Oldest first. Raises AnalysisNotFound, PatientLockViolation."""

        def work(session: Session) -> tuple[GivenFeedback, ...]:
            analysis = session.get(AnalysisRow, analysis_id)
            if analysis is None:
                raise AnalysisNotFound("There is no such analysis.")
            access.require(analysis.patient_key)
            query = select(FeedbackRow).where(FeedbackRow.analysis_id == analysis_id)
            rows = session.scalars(query.order_by(FeedbackRow.at, FeedbackRow.feedback_id))
            return tuple(
                GivenFeedback(r.feedback_id, r.analysis_id, r.kind, r.target, r.given_by, r.at, r.replaces)
                for r in rows
            )

        return await self._audit.guard(access, Attempt("feedback.list", "analysis", analysis_id), work)
