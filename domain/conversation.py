"""What was said in a conversation: kept, so that a follow-up is understood and a reader can look back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.access import AccessContext


@dataclass(frozen=True)
class SaidTurn:
    """One turn: what the user said and what was answered.

    Attributes:
        study_uid: the study it was about. analysis_id: of the analysis that it ran, "" when it ran none.
        planner: who answered.
    """

    question: str
    answer: str
    study_uid: str
    at: datetime
    analysis_id: str = ""
    planner: str = ""


@dataclass(frozen=True)
class ConversationOutline:
    """A conversation in a list.

    Attributes:
        turns: how many were kept. first_question: "" before the first was.
    """

    conversation_id: str
    created: datetime
    turns: int
    first_question: str


class ConversationLog(Protocol):
    """Turns on record, bound to one user and one patient."""

    async def append(self, access: AccessContext, conversation_id: str, turn: SaidTurn) -> None:
        """Keep a turn. Raises PatientLockViolation: it is another user's, or about another patient."""

    async def turns(self, access: AccessContext, conversation_id: str) -> Sequence[SaidTurn]:
        """What was said so far, oldest first; empty for a conversation that has not begun."""
