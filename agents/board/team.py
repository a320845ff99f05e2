"""A run of a tumour board: the chair calls the members, reads what people say meanwhile, and stops when told to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from agents.board.case import Case, read_case
from agents.board.chair import BUDGET, Chair
from agents.board.claims import of_self
from agents.board.floor import Floor, Stopped, Tell, Unread, Voice, unless
from agents.board.member import ImagingAnswer, StudyFacts
from agents.board.registry import Surroundings, seated
from agents.board.remarks import CHAIR, Remarks
from agents.chat_models import ChatConfiguration
from agents.guardrails import Budget
from agents.routing.router import Router
from domain.access import AccessContext
from domain.board import AuthorKind, Board, BoardMessage, Claim
from domain.errors import MedImageError
from domain.evidence import EvidenceLookup
from domain.history import PatientHistory
from domain.ports import Clock

_log = logging.getLogger(__name__)


class Session(Protocol):
    """What a run starts from."""

    @property
    def board(self) -> Board:
        """The session on record."""

    @property
    def access(self) -> AccessContext:
        """Of the person who started the run."""

    @property
    def messages(self) -> Sequence[BoardMessage]:
        """Everything that was said, oldest first."""


@dataclass(frozen=True)
class _Read:
    case: Case
    warning: str = ""


class BoardTeam:
    """Runs boards; nothing of a run stays in it.

    Args:
        imaging: the planner's answers about a study.
        history, evidence: None where nothing is configured; those members are not there then.
        chat: with a remote model, it chairs; the built-in chair completes what it leaves out, and takes over.
        studies: what the board's studies are. Without it no slide is asked about, studies are not compared by
            date, and a remote model is told names and counts only, since nobody knows whose identity to take out.
        budget: of the remote chair.
        router: reads remarks that name nobody.
    """

    def __init__(
        self,
        *,
        imaging: ImagingAnswer,
        history: PatientHistory | None,
        evidence: EvidenceLookup | None,
        chat: ChatConfiguration,
        clock: Clock,
        new_id: Callable[[], str],
        studies: StudyFacts | None = None,
        budget: Budget = BUDGET,
        router: Router | None = None,
    ) -> None:
        self._history = history
        self._members = seated(Surroundings(imaging, history is not None, evidence, router))
        self._chat = chat
        self._clock = clock
        self._new_id = new_id
        self._studies = studies
        self._budget = budget
        self._router = router

    async def run(self, session: Session, tell: Tell, inbox: Unread, stop: asyncio.Event) -> None:
        """Work on the board's question until everybody has spoken, or until `stop`; what was said stays."""
        try:
            await self._run(session, tell, inbox, stop)
        except Stopped:
            return

    async def _run(self, session: Session, tell: Tell, inbox: Unread, stop: asyncio.Event) -> None:
        read = await unless(stop, self._read(session))
        case = read.case
        case.people += [m for m in session.messages if m.kind is AuthorKind.PERSON]
        remarks = Remarks(self._members, session.board.members, self._router)
        floor = Floor(case, self._members, remarks, Voice(tell, self._clock, self._new_id), inbox, stop)
        if read.warning:
            await floor.say(CHAIR, [of_self(CHAIR, read.warning)])
        if await floor.open():
            return
        closing = await self._chaired(floor, remarks) if self._chat.remote else []
        while floor.waiting:
            await floor.hear()
            await floor.next()
        await floor.hear()
        await floor.say(CHAIR, closing)

    async def _read(self, session: Session) -> _Read:
        try:
            return _Read(await read_case(session.board, session.access, self._history, self._studies))
        except MedImageError as error:
            warning = f"The patient's record cannot be read: {error.reason} The board goes on without it."
            return _Read(await read_case(session.board, session.access, None, self._studies), warning)

    async def _chaired(self, floor: Floor, remarks: Remarks) -> list[Claim]:
        """What a remote chair says at the end. It may fail, or leave members out: they speak all the same."""
        chair = Chair(floor, remarks, self._chat, self._budget)
        try:
            said, dropped = await floor.until_stopped(chair.preside())
        except Stopped:
            raise
        except Exception as error:
            if chair.broken is not None:
                raise chair.broken from error
            _log.warning("the chat model could not chair the board (%s)", type(error).__name__)
            name = self._chat.name
            text = f"The chat model {name} could not chair ({type(error).__name__}); the built-in order goes on."
            await floor.say(CHAIR, [of_self(CHAIR, text)])
            return []
        if said and dropped:
            text = f"{dropped} sentences of the chat model {self._chat.name} had no support and were left out."
            said.append(of_self(CHAIR, text))
        return said
