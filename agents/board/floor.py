"""The floor of a board: who has it speaks from sources, people are heard between the turns, stop stops it at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from agents.board.case import Case
from agents.board.claims import contradiction_claims, of_self, supported
from agents.board.member import Member
from agents.board.remarks import CHAIR, Reading, Remarks, addressed
from domain.board import AuthorKind, BoardMessage, Claim, Source
from domain.errors import MedImageError
from domain.ports import Clock

T = TypeVar("T")
Tell = Callable[[BoardMessage], Awaitable[None]]
LAST = "report"
"""Who speaks when everybody else has."""
NOTHING = "My sources have nothing to this."
_log = logging.getLogger(__name__)


class Unread(Protocol):
    """Messages of people that arrive while the run goes on."""

    def take(self) -> Sequence[BoardMessage]:
        """What was not read yet; it is read now."""


class Stopped(Exception):
    """The board was told to stop."""


@dataclass(frozen=True)
class Voice:
    """How a message reaches the board."""

    tell: Tell
    clock: Clock
    new_id: Callable[[], str]


class Floor:
    """A run's order of speaking.

    Attributes:
        waiting: members who have not spoken about the case, in order; people's remarks change it.
        conflicts: contradictions of the record that the board was told.
    """

    def __init__(
        self,
        case: Case,
        members: Mapping[str, Member],
        remarks: Remarks,
        voice: Voice,
        inbox: Unread,
        stop: asyncio.Event,
    ) -> None:
        self.case = case
        self.waiting = list(members)
        self._members = members
        self._remarks = remarks
        self._voice = voice
        self._inbox = inbox
        self._stop = stop
        self.conflicts: list[Claim] = []

    @property
    def names(self) -> tuple[str, ...]:
        """The members."""
        return tuple(self._members)

    async def open(self) -> bool:
        """Hear what came before the first turn: whether somebody was named, who then answers, and nobody else."""
        return any(addressed(message) not in {"", CHAIR} for message in await self.hear())

    async def hear(self) -> list[BoardMessage]:
        """Let those answer whom people asked meanwhile, until nothing is unread."""
        heard: list[BoardMessage] = []
        while messages := self._inbox.take():
            known = {m.message_id for m in self.case.people}
            self.case.people += [m for m in messages if m.message_id not in known]
            for message in messages:
                heard.append(message)
                await self._take(message, await self.until_stopped(self._remarks.read(message)))
        return heard

    async def next(self) -> None:
        """The turn of the first who waits."""
        await self.give(self.waiting[0])

    async def give(self, name: str, question: str = "", reply_to: str = "") -> list[Claim]:
        """Let a member speak: about the case, or to a question. What it said, () when its sources have nothing."""
        if not question and name in self.waiting:
            self.waiting.remove(name)
        if name == LAST:
            await self._tell_conflicts()
        claims = supported(await self._claims(name, question), self.case)
        self.case.said.setdefault(name, []).extend(claims)
        await self.say(name, claims or [of_self(name, NOTHING)], reply_to)
        if name == "pathology" and not question:
            await self._tell_conflicts()
        return claims

    async def say(self, author: str, claims: Sequence[Claim], reply_to: str = "") -> None:
        """Tell the board those claims that rest on something; nothing is said when none does."""
        if kept := supported(claims, self.case):
            message_id, at = self._voice.new_id(), self._voice.clock.now()
            await self._voice.tell(BoardMessage(message_id, author, AuthorKind.AGENT, at, tuple(kept), reply_to))

    async def until_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """The work's result, unless the board is stopped first: then the work is cancelled.

        Raises:
            Stopped.
        """
        return await unless(self._stop, work)

    async def _claims(self, name: str, question: str) -> Sequence[Claim]:
        """What a member says. One that fails says so, and the board goes on."""
        try:
            return await self.until_stopped(self._members[name].speak(self.case, question))
        except Stopped:
            raise
        except MedImageError as error:
            return [of_self(name, f"Nothing can be said: {error.reason}")]
        except Exception as error:
            _log.warning("a member of a board failed (%s)", type(error).__name__)
            return [of_self(name, f"Nothing can be said: internal error ({type(error).__name__}).")]

    async def _take(self, message: BoardMessage, reading: Reading) -> None:
        author = (Source("person", message.message_id),)
        if reading.reply:
            await self.say(CHAIR, [Claim(reading.reply, author)], message.message_id)
        elif reading.member:
            if not reading.addressed:
                await self._plan_again(reading.member, message)
            await self.give(reading.member, reading.text, message.message_id)
        elif reading.text:
            self.case.noted.add(message.message_id)

    async def _plan_again(self, name: str, message: BoardMessage) -> None:
        """A remark that concerns a member brings its turn forward; the report stays last."""
        if name in self.waiting and name != LAST:
            self.waiting.remove(name)
            self.waiting.insert(0, name)
        text = f"{name.capitalize()} takes up the remark of {message.author}."
        await self.say(CHAIR, [Claim(text, (Source("person", message.message_id),))], message.message_id)

    async def _tell_conflicts(self) -> None:
        if not self.conflicts:
            self.conflicts = contradiction_claims(self.case)
            await self.say(CHAIR, self.conflicts)


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
    """The work's result, unless `stop` is set first, or before: then the work is cancelled.

    Raises:
        Stopped.
    """
    if stop.is_set():
        work.close()
        raise Stopped
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
