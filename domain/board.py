"""A tumour board session: people and agents about one patient, every claim linked to its source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.access import AccessContext


class AuthorKind(StrEnum):
    """Who speaks."""

    PERSON = "person"
    AGENT = "agent"


class BoardState(StrEnum):
    """The life of a session."""

    OPEN = "open"
    RUNNING = "running"
    CLOSED = "closed"


@dataclass(frozen=True)
class Source:
    """What a claim rests on.

    Attributes:
        kind: "document" (of the patient's record), "step" (of an analysis), "study", "guidance", "person", or "board"
            for what an agent says about itself.
        reference: document id, "analysis-id/step-id", study UID, guidance id, the person's message id, or a name.
        quote: the words it rests on, "" where it is a number of a step.
    """

    kind: str
    reference: str
    quote: str = ""


@dataclass(frozen=True)
class Claim:
    """One statement with its sources; an agent's claim has at least one."""

    text: str
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True)
class BoardMessage:
    """What one member said.

    Attributes:
        author: a user, or an agent: "chair", "imaging", "history", "pathology", "guidelines", "report".
        reply_to: id of the message that it answers, "" otherwise.
    """

    message_id: str
    author: str
    kind: AuthorKind
    at: datetime
    claims: tuple[Claim, ...]
    reply_to: str = ""

    @property
    def text(self) -> str:
        """The claims, a line each."""
        return "\n".join(c.text for c in self.claims)


@dataclass(frozen=True)
class Board:
    """A session.

    Attributes:
        study_uids: studies of the patient that may be looked at.
        title: without identity.
        members: users who take part.
    """

    board_id: str
    title: str
    state: BoardState
    study_uids: tuple[str, ...]
    members: tuple[str, ...]
    created: datetime
    question: str = ""


class Boards(Protocol):
    """Sessions on record, behind the patient lock, each change audited in its own transaction."""

    async def open(
        self, access: AccessContext, board_id: str, title: str, study_uids: Sequence[str], question: str
    ) -> Board:
        """A new session. Raises PatientLockViolation: a study is of another patient."""

    async def get(self, access: AccessContext, board_id: str) -> Board:
        """Raises BoardNotFound, PatientLockViolation."""

    async def join(self, access: AccessContext, board_id: str) -> Board:
        """Take part; told to the others."""

    async def say(self, access: AccessContext, board_id: str, message: BoardMessage) -> None:
        """Keep a message. Raises BoardClosed."""

    async def messages(self, access: AccessContext, board_id: str, after: int = 0) -> Sequence[BoardMessage]:
        """From the one after `after` messages on, oldest first."""

    async def put_state(self, access: AccessContext, board_id: str, state: BoardState) -> Board:
        """Open, running or closed. Raises BoardClosed: nothing follows on closed."""
