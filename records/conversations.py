"""Conversations: which patient one is bound to, set by its first turn for good, and what was said in it."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.conversation import ConversationOutline, SaidTurn
from domain.errors import PatientLockViolation
from domain.ports import Clock
from records.audit import Attempt, AuditLedger
from records.studies import StudyRecord
from records.tables import ConversationRow, ConversationTurnRow


class ConversationRecords:
    """The patient lock of conversations."""

    def __init__(self, audit: AuditLedger, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock

    async def bind(self, access: AccessContext, conversation_id: str, study: StudyRecord) -> None:
        """Let a conversation speak about a study.

        Raises:
            PatientLockViolation: it is another user's, or about another patient (or, where a source
                names no patient, about another study).
        """

        def work(session: Session) -> None:
            access.require(study.patient_key)
            row = session.get(ConversationRow, conversation_id)
            if row is None:
                session.add(
                    ConversationRow(
                        conversation_id=conversation_id,
                        user=access.user,
                        bound_to=study.lock,
                        patient_key=study.patient_key,
                        created=self._clock.now(),
                    )
                )
            elif row.user != access.user or row.bound_to != study.lock:
                raise _other_patient()

        await self._audit.guard(access, Attempt("conversation.turn", "conversation", conversation_id), work)

    async def append(self, access: AccessContext, conversation_id: str, turn: SaidTurn) -> None:
        """Keep a turn of a bound conversation. Raises PatientLockViolation."""

        def work(session: Session) -> None:
            _require(access, session.get(ConversationRow, conversation_id))
            session.add(
                ConversationTurnRow(
                    conversation_id=conversation_id,
                    study_uid=turn.study_uid,
                    question=turn.question,
                    answer=turn.answer,
                    analysis_id=turn.analysis_id,
                    planner=turn.planner,
                    at=turn.at,
                )
            )

        await self._audit.guard(access, Attempt("conversation.keep", "conversation", conversation_id), work)

    async def turns(self, access: AccessContext, conversation_id: str) -> tuple[SaidTurn, ...]:
        """What was said so far, oldest first. Raises PatientLockViolation."""

        def work(session: Session) -> tuple[SaidTurn, ...]:
            row = session.get(ConversationRow, conversation_id)
            if row is None:
                return ()
            _require(access, row)
            query = (
                select(ConversationTurnRow)
                .where(ConversationTurnRow.conversation_id == conversation_id)
                .order_by(ConversationTurnRow.turn_id)
            )
            return tuple(
                SaidTurn(t.question, t.answer, t.study_uid, t.at, t.analysis_id, t.planner)
                for t in session.scalars(query)
            )

        return await self._audit.guard(access, Attempt("conversation.read", "conversation", conversation_id), work)

    async def of_patient(self, access: AccessContext, limit: int = 50) -> tuple[ConversationOutline, ...]:
        """The user's own conversations about the patient, newest first."""

        def work(session: Session) -> tuple[ConversationOutline, ...]:
            first = (
                select(ConversationTurnRow.question)
                .where(ConversationTurnRow.conversation_id == ConversationRow.conversation_id)
                .order_by(ConversationTurnRow.turn_id)
                .limit(1)
                .scalar_subquery()
            )
            count = (
                select(func.count())
                .where(ConversationTurnRow.conversation_id == ConversationRow.conversation_id)
                .scalar_subquery()
            )
            query = (
                select(ConversationRow, count, first)
                .where(ConversationRow.user == access.user, ConversationRow.patient_key == access.patient_key)
                .order_by(ConversationRow.created.desc(), ConversationRow.conversation_id)
                .limit(limit)
            )
            return tuple(
                ConversationOutline(row.conversation_id, row.created, turns, question or "")
                for row, turns, question in session.execute(query)
            )

        return await self._audit.guard(access, Attempt("conversation.list", "patient", ""), work)


def _require(access: AccessContext, row: ConversationRow | None) -> None:
    if row is None or row.user != access.user or row.patient_key != access.patient_key:
        raise _other_patient()


def _other_patient() -> PatientLockViolation:
    return PatientLockViolation(
        "This conversation is bound to another patient.", remedy="Start a new conversation for this study."
    )
