"""Which patient a conversation is bound to: set by its first turn, for good."""

from __future__ import annotations

from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.errors import PatientLockViolation
from domain.ports import Clock
from records.audit import Attempt, AuditLedger
from records.studies import StudyRecord
from records.tables import ConversationRow


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
                        created=self._clock.now(),
                    )
                )
            elif row.user != access.user or row.bound_to != study.lock:
                raise PatientLockViolation(
                    "This conversation is bound to another patient.",
                    remedy="Start a new conversation for this study.",
                )

        await self._audit.guard(access, Attempt("conversation.turn", "conversation", conversation_id), work)
