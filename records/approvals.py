"""Requests for effects on record: asked by a tool, decided by a person, each change audited in its transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, select, update
from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.analysis import TRANSITIONS, Status
from domain.approval import Approval, Decision, Effect
from domain.errors import AnalysisNotFound, ApprovalDecided, ApprovalNotFound, TransitionRefused
from domain.ports import Clock
from domain.review_acts import undelivered
from records.audit import Attempt, AuditLedger
from records.tables import AnalysisRow, ApprovalRow

VALID = timedelta(hours=24)
"""How long a request waits for a person."""
FOLDER = "folder"
"""The destination that every installation has: a folder below its data."""
Then = Callable[[Session, Approval], None]
"""What an approval carries out in the decision's own transaction; what it raises undoes the decision."""


class ApprovalRecords:
    """`domain.approval.Approvals` on SQLite or PostgreSQL.

    Args:
        destinations: where signed results may be delivered; the first is the usual one.
    """

    def __init__(
        self,
        audit: AuditLedger,
        clock: Clock,
        *,
        destinations: Sequence[str] = (FOLDER,),
        valid: timedelta = VALID,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._audit = audit
        self._clock = clock
        self._destinations = tuple(destinations)
        self._valid = valid
        self._new_id = new_id

    @property
    def destinations(self) -> tuple[str, ...]:
        """Where signed results may be delivered; the first is the usual one."""
        return self._destinations

    async def ask(
        self, access: AccessContext, effect: Effect, *, analysis_id: str, study_uid: str, details: Mapping[str, str]
    ) -> Approval:
        """A pending request; the same one again when it is already pending.

        Raises:
            AnalysisNotFound, PatientLockViolation.
            TransitionRefused: the analysis is past that effect, or the destination is not configured.
        """

        def work(session: Session) -> Approval:
            # The lock on the analysis lets one of two equal requests at the same time see the other.
            analysis = session.get(AnalysisRow, analysis_id, with_for_update=True)
            if analysis is None or analysis.study_uid != study_uid:
                raise AnalysisNotFound("There is no such analysis of this study.")
            access.require(analysis.patient_key)
            if not (effect is Effect.DELIVER and undelivered(analysis.document)):
                _require_ahead(Status(analysis.status), effect)
            facts, now = self._facts(effect, details), self._clock.now()
            for row in session.scalars(_rows(ApprovalRow.analysis_id == analysis_id)):
                same = (row.effect, row.details) == (effect.value, facts)
                if same and row.decision == Decision.PENDING.value and row.expires > now:
                    return approval_of(row, now)
            row = ApprovalRow(
                approval_id=self._new_id(),
                effect=effect.value,
                analysis_id=analysis_id,
                study_uid=study_uid,
                patient_key=analysis.patient_key,
                asked_by=access.user,
                asked=now,
                expires=now + self._valid,
                decision=Decision.PENDING.value,
                decided_by="",
                reason="",
                details=facts,
            )
            session.add(row)
            return approval_of(row, now)

        attempt = Attempt(f"approval.ask.{effect.value}", "analysis", analysis_id)
        return await self._audit.guard(access, attempt, work)

    async def access(self, user: str, approval_id: str) -> AccessContext:
        """Bind a person's work to the patient of a request. Raises ApprovalNotFound."""
        row = await self._audit.database.transact(lambda session: _row(session, approval_id))
        return AccessContext(user, row.patient_key)

    async def get(self, access: AccessContext, approval_id: str) -> Approval:
        """One request. Raises ApprovalNotFound, PatientLockViolation."""

        def work(session: Session) -> Approval:
            row = _row(session, approval_id)
            access.require(row.patient_key)
            return approval_of(row, self._clock.now())

        return await self._audit.guard(access, Attempt("approval.read", "approval", approval_id), work)

    async def of_study(self, access: AccessContext, study_uid: str) -> tuple[Approval, ...]:
        """Newest first. Raises PatientLockViolation."""

        def work(session: Session) -> tuple[Approval, ...]:
            rows, now = session.scalars(_rows(ApprovalRow.study_uid == study_uid)).all(), self._clock.now()
            for row in rows:
                access.require(row.patient_key)
            return tuple(approval_of(row, now) for row in rows)

        return await self._audit.guard(access, Attempt("approval.list", "study", study_uid), work)

    async def decide(
        self, access: AccessContext, approval_id: str, decision: Decision, reason: str, then: Then | None = None
    ) -> Approval:
        """A person's decision, once: of two at the same time the first counts.

        Args:
            then: carried out in the same transaction.

        Raises:
            ApprovalNotFound, PatientLockViolation.
            ApprovalDecided: it was decided before, or its time is over.
        """
        if decision not in {Decision.APPROVED, Decision.DENIED}:
            raise ApprovalDecided(f"{decision.value!r} is no decision.", where="decision", remedy="Approve or deny.")

        def work(session: Session) -> Approval:
            row = _row(session, approval_id)
            access.require(row.patient_key)
            now = self._clock.now()
            # The condition is the lock: a second decider finds no pending row, however close behind.
            taken = session.execute(
                update(ApprovalRow)
                .where(
                    ApprovalRow.approval_id == approval_id,
                    ApprovalRow.decision == Decision.PENDING.value,
                    ApprovalRow.expires > now,
                )
                .values(decision=decision.value, decided_by=access.user, decided=now, reason=reason)
                .returning(ApprovalRow.approval_id)
                .execution_options(synchronize_session=False)
            ).scalar_one_or_none()
            session.refresh(row)
            if taken is None:
                over = row.decision == Decision.PENDING.value
                raise ApprovalDecided(f"This request was {'not decided in time' if over else 'decided before'}.")
            approval = approval_of(row, now)
            if then is not None:
                then(session, approval)
            return approval

        attempt = Attempt(f"approval.{decision.value}", "approval", approval_id)
        return await self._audit.guard(access, attempt, work)

    def _facts(self, effect: Effect, details: Mapping[str, str]) -> dict[str, str]:
        """What is kept of a request's details: for a delivery its destination, the usual one when none is named."""
        if effect is not Effect.DELIVER:
            return {}
        destination = details.get("destination") or self._destinations[0]
        if destination not in self._destinations:
            raise TransitionRefused(
                "That destination is not configured here.",
                where="destination",
                remedy=f"Ask for a person's approval to deliver to: {', '.join(self._destinations)}.",
            )
        return {"destination": destination}


class ApprovalRequests:
    """`domain.approval.Requests`: the one thing that a run may do with approvals."""

    def __init__(self, records: ApprovalRecords) -> None:
        # Only the bound method is kept: nothing that can decide hangs on what a run is given.
        self._ask = records.ask

    async def ask(
        self, access: AccessContext, effect: Effect, *, analysis_id: str, study_uid: str, details: Mapping[str, str]
    ) -> Approval:
        """See `ApprovalRecords.ask`."""
        return await self._ask(access, effect, analysis_id=analysis_id, study_uid=study_uid, details=details)


def _require_ahead(status: Status, effect: Effect) -> None:
    """Refuse a request for what can no longer come. What can come after review, or after signing, may be asked now."""
    aim = Status.SIGNED if effect is Effect.SIGN else Status.DELIVERED
    reached, new = {status}, {status}
    while new:
        new = {after for before in new for after in TRANSITIONS[before]} - reached
        reached |= new
    if status is aim or aim not in reached:
        words = status.value.replace("_", " ")
        raise TransitionRefused(f"The analysis is {words}.", remedy="Ask for a new analysis of the study.")


def _rows(condition: ColumnElement[bool]) -> Select[ApprovalRow]:
    return select(ApprovalRow).where(condition).order_by(ApprovalRow.asked.desc(), ApprovalRow.approval_id)


def _row(session: Session, approval_id: str) -> ApprovalRow:
    row = session.get(ApprovalRow, approval_id)
    if row is None:
        raise ApprovalNotFound("There is no such request.")
    return row


def approval_of(row: ApprovalRow, now: datetime) -> Approval:
    """A row as it is at a time: one that nobody decided in time is expired."""
    decision = Decision(row.decision)
    if decision is Decision.PENDING and row.expires <= now:
        decision = Decision.EXPIRED
    return Approval(
        approval_id=row.approval_id,
        effect=Effect(row.effect),
        analysis_id=row.analysis_id,
        study_uid=row.study_uid,
        asked_by=row.asked_by,
        asked=row.asked,
        expires=row.expires,
        decision=decision,
        decided_by=row.decided_by,
        decided=row.decided,
        reason=row.reason,
        details=dict(row.details),
    )
