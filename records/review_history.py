"""What happened to one analysis since its draft: who did what, asked whom, told whom, decided what. Read in one go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from domain.access import AccessContext
from domain.analysis import Status
from domain.approval import Approval, Decision, Effect
from domain.errors import SignatureBroken
from domain.ports import Clock
from records.addenda import Addendum
from records.analysis_tables import FeedbackRow, ReviewRow
from records.approvals import approval_of
from records.audit import Attempt, AuditLedger
from records.base import Base
from records.communications import Told, told_of
from records.feedback import GivenFeedback
from records.opinions import Opinion, opinion_of
from records.review_tables import AddendumRow, CommunicationRow, OpinionRow
from records.reviews import Act, act_of, locked
from records.tables import AnalysisRow, ApprovalRow

R = TypeVar("R", bound=Base)


@dataclass(frozen=True)
class Reached:
    """A status with who brought it about, and when. `by` is "" for the run."""

    status: Status
    by: str
    at: datetime
    reason: str = ""


@dataclass(frozen=True)
class History:
    """All of it, each list oldest first."""

    status: Status
    version: int
    transitions: tuple[Reached, ...]
    acts: tuple[Act, ...]
    communications: tuple[Told, ...]
    opinions: tuple[Opinion, ...]
    addenda: tuple[Addendum, ...]
    approvals: tuple[Approval, ...]
    feedback: tuple[GivenFeedback, ...]


class ReviewHistory:
    """Reads histories; each reading is one line of the audit ledger."""

    def __init__(self, audit: AuditLedger, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock

    async def of_analysis(self, access: AccessContext, analysis_id: str) -> History:
        """The history of an analysis.

        Raises:
            AnalysisNotFound, PatientLockViolation.
            SignatureBroken: the addenda that the report tells are not those that were signed.
        """

        def work(session: Session) -> History:
            row = locked(session, access, analysis_id, hold=False)
            acts = tuple(map(act_of, _rows(session, ReviewRow, analysis_id, ReviewRow.number)))
            now = self._clock.now()
            approvals = tuple(approval_of(r, now) for r in _rows(session, ApprovalRow, analysis_id, ApprovalRow.asked))
            feedback = _rows(session, FeedbackRow, analysis_id, FeedbackRow.at)
            return History(
                Status(row.status),
                row.version,
                tuple(_reached(row, acts, approvals)),
                acts,
                tuple(map(told_of, _rows(session, CommunicationRow, analysis_id, CommunicationRow.number))),
                tuple(map(opinion_of, _rows(session, OpinionRow, analysis_id, OpinionRow.asked))),
                _addenda(session, row),
                approvals,
                tuple(
                    GivenFeedback(r.feedback_id, r.analysis_id, r.kind, r.target, r.given_by, r.at, r.replaces)
                    for r in feedback
                ),
            )

        return await self._audit.guard(access, Attempt("analysis.history", "analysis", analysis_id), work)


def _rows(session: Session, kind: type[R], analysis_id: str, order: InstrumentedAttribute[Any]) -> list[R]:
    condition = kind.analysis_id == analysis_id  # type: ignore[attr-defined]  # each of these tables has it
    return list(session.scalars(select(kind).where(condition).order_by(order)))


def _addenda(session: Session, row: AnalysisRow) -> tuple[Addendum, ...]:
    found = tuple(
        Addendum(r.number, r.text, r.author, r.signed_by, r.signed_at, r.seal)
        for r in _rows(session, AddendumRow, row.id, AddendumRow.number)
    )
    if [a.told() for a in found] != list(row.document.get("addenda", ())):
        raise SignatureBroken("The addenda are not what was signed.", where="addenda")
    return found


def _reached(row: AnalysisRow, acts: tuple[Act, ...], approvals: tuple[Approval, ...]) -> list[Reached]:
    first = acts[0].present if acts else Status(row.status)
    if first not in {Status.DRAFT, Status.PARTIAL}:
        first = Status.DRAFT
    reached = [Reached(first, "", row.created)]
    reached += [Reached(a.becomes, a.reviewer, a.at, a.reason) for a in acts if a.becomes is not a.present]
    if row.document.get("delivered_at"):
        approved = [a for a in approvals if a.effect is Effect.DELIVER and a.decision is Decision.APPROVED]
        at = datetime.fromisoformat(row.document["delivered_at"])
        reached.append(
            Reached(Status.DELIVERED, row.document["delivered_by"], at, approved[-1].reason if approved else "")
        )
    return reached
