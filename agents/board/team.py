"""A run of a tumour board: the chair calls the members, reads what people say meanwhile, and stops when told to."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from agents.board.case import Case, read_case
from agents.board.chair import planned_order
from agents.board.members import ImagingAnswer, Member, contradiction_claims, members
from agents.chat_models import ChatConfiguration
from domain.access import AccessContext
from domain.board import AuthorKind, Board, BoardMessage, Claim, Source
from domain.errors import MedImageError
from domain.evidence import EvidenceLookup
from domain.history import PatientHistory
from domain.ports import Clock

T = TypeVar("T")
Tell = Callable[[BoardMessage], Awaitable[None]]
CHAIR = "chair"
_ADDRESS = re.compile(r"^\s*@(\w+)[\s,:]*", re.IGNORECASE)


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


class Unread(Protocol):
    """Messages of people that arrive while the run goes on."""

    def take(self) -> Sequence[BoardMessage]:
        """What was not read yet; it is read now."""


class Stopped(Exception):
    """The board was told to stop."""


class BoardTeam:
    """Runs boards; nothing of a run stays in it.

    Args:
        imaging: the planner's answers about a study.
        history, evidence: None where nothing is configured; those members are not there then.
        chat: with a remote model, it chooses who speaks; it is told names and counts, never what was said.
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
    ) -> None:
        self._history = history
        self._members = members(imaging, evidence, record=history is not None)
        self._chat = chat
        self._clock = clock
        self._new_id = new_id

    async def run(self, session: Session, tell: Tell, inbox: Unread, stop: asyncio.Event) -> None:
        """Work on the board's question until everybody has spoken, or until `stop`; what was said stays."""
        try:
            await self._run(session, tell, inbox, stop)
        except Stopped:
            return

    async def _run(self, session: Session, tell: Tell, inbox: Unread, stop: asyncio.Event) -> None:
        case = await self._read(session, tell, stop)
        called = [m for m in inbox.take() if _addressed(m)]
        if called:  # somebody asked one member: that one answers, and nobody else
            await self._answer(called, case, tell, stop)
            return
        waiting = await _unless(stop, planned_order(self._chat, tuple(self._members), case))
        for name in waiting:
            await self._answer(inbox.take(), case, tell, stop)
            await self._speak(self._members[name], case, "", "", tell, stop)
            if name == "pathology":
                await self._say(CHAIR, contradiction_claims(case), tell)
        await self._answer(inbox.take(), case, tell, stop)

    async def _read(self, session: Session, tell: Tell, stop: asyncio.Event) -> Case:
        try:
            return await _unless(stop, read_case(session.board, session.access, self._history))
        except MedImageError as error:
            text = f"The patient's record cannot be read: {error.reason} The board goes on without it."
            await self._say(CHAIR, [Claim(text, (Source("board", session.board.board_id),))], tell)
            return await read_case(session.board, session.access, None)

    async def _answer(self, messages: Sequence[BoardMessage], case: Case, tell: Tell, stop: asyncio.Event) -> None:
        """Let the member that a person addresses answer; a question to nobody goes to the record."""
        for message in messages:
            name = _addressed(message)
            text = _ADDRESS.sub("", message.text).strip()
            member = self._members.get(name or ("history" if text.endswith("?") else ""))
            if member is not None and text:
                await self._speak(member, case, text, message.message_id, tell, stop)
            elif name:
                known = ", ".join(f"@{n}" for n in self._members)
                note = Claim(f"There is no {name} on this board; there is {known}.", (_of(message),))
                await self._say(CHAIR, [note], tell, message.message_id)

    async def _speak(
        self, member: Member, case: Case, question: str, reply_to: str, tell: Tell, stop: asyncio.Event
    ) -> None:
        try:
            claims = list(await _unless(stop, member.speak(case, question)))
        except MedImageError as error:
            claims = [Claim(f"Nothing can be said: {error.reason}", (Source("board", member.name),))]
        supported = [c for c in claims if c.sources]
        if not supported:
            supported = [Claim("My sources have nothing to this.", (Source("board", member.name),))]
        else:
            case.said.setdefault(member.name, []).extend(supported)
        await self._say(member.name, supported, tell, reply_to)

    async def _say(self, author: str, claims: Sequence[Claim], tell: Tell, reply_to: str = "") -> None:
        if claims:
            at = self._clock.now()
            await tell(BoardMessage(self._new_id(), author, AuthorKind.AGENT, at, tuple(claims), reply_to))


def _addressed(message: BoardMessage) -> str:
    found = _ADDRESS.match(message.text)
    return found[1].lower() if found else ""


def _of(message: BoardMessage) -> Source:
    return Source("person", message.message_id)


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
    """The work's result, unless the board is stopped first: then the work is cancelled.

    Raises:
        Stopped.
    """
    doing, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise Stopped
        return doing.result()
    finally:
        stopping.cancel()
        if not doing.done():
            doing.cancel()
            await asyncio.gather(doing, return_exceptions=True)
