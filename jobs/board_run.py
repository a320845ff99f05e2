"""One run of a board's agents: what they are given, and what people say to them meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

from domain.access import AccessContext
from domain.board import Board, BoardMessage
from domain.ports import Listener
from jobs.failure import internal_error

GRACE_S = 1.0
"""Seconds that the agents have to end by themselves when they are stopped."""
UNWIND_S = 10.0
"""Seconds that a cancelled run may take to let go of what it holds."""

AGENTS = ("chair", "history", "pathology", "imaging", "guidelines", "report")
_ADDRESS = re.compile(rf"\s*@({'|'.join(AGENTS)})\b", re.IGNORECASE)


@dataclass(frozen=True)
class BoardSession:
    """What a run starts from.

    Attributes:
        access: of the person who started it.
        messages: everything that was said, oldest first.
    """

    board: Board
    access: AccessContext
    messages: tuple[BoardMessage, ...]


class Inbox:
    """Messages of people, for the agents to read between their turns."""

    def __init__(self, messages: Sequence[BoardMessage] = ()) -> None:
        self._messages = deque(messages)
        self._arrived = asyncio.Event()

    def put(self, message: BoardMessage) -> None:
        """A person said something."""
        self._messages.append(message)
        self._arrived.set()

    def take(self) -> tuple[BoardMessage, ...]:
        """What was not read yet, oldest first; it is read now."""
        taken = tuple(self._messages)
        self._messages.clear()
        self._arrived.clear()
        return taken


class Team(Protocol):
    """The agents of a board (`agents.board.team.BoardTeam`)."""

    def run(
        self,
        session: BoardSession,
        tell: Callable[[BoardMessage], Awaitable[None]],
        inbox: Inbox,
        stop: asyncio.Event,
    ) -> Coroutine[Any, Any, None]:
        """Work on the board's question until there is enough, or until `stop`."""


class Run:
    """A run under way."""

    def __init__(self, access: AccessContext, inbox: Inbox) -> None:
        self.access = access
        self.inbox = inbox
        self.stop = asyncio.Event()
        self._work: asyncio.Task[None] | None = None
        self._whole: asyncio.Task[None] | None = None

    def begin(self, work: Coroutine[Any, Any, None], afterwards: Callable[[], Awaitable[None]]) -> None:
        """Start the agents' work; what comes afterwards happens however it ends, and is never cancelled."""
        self._work = asyncio.create_task(work)
        self._whole = asyncio.create_task(self._run(self._work, afterwards))

    @property
    def failure(self) -> BaseException | None:
        """Why the work broke off, None when it ended or was cancelled."""
        if self._work is None or not self._work.done() or self._work.cancelled():
            return None
        return self._work.exception()

    async def end(self) -> None:
        """Ask the agents to stop, cancel them when they do not, and wait until that is on record."""
        self.stop.set()
        if self._work is None or self._whole is None:
            return
        await asyncio.wait({self._work}, timeout=GRACE_S)
        self._work.cancel()
        await asyncio.wait({self._whole}, timeout=UNWIND_S)

    async def _run(self, work: asyncio.Task[None], afterwards: Callable[[], Awaitable[None]]) -> None:
        await asyncio.wait({work})
        try:
            await afterwards()
        except Exception as error:
            internal_error(error)


def addressed(text: str) -> str:
    """The agent that a message begins by naming ("@imaging how large?"), "" when it names none."""
    found = _ADDRESS.match(text)
    return found[1].lower() if found else ""


@dataclass(frozen=True)
class Around:
    """The board that a run belongs to, for what works deep inside it; `listener` is told of steps."""

    board_id: str
    listener: Listener


_AROUND: ContextVar[Around | None] = ContextVar("around", default=None)


@contextlib.contextmanager
def inside(board_id: str, listener: Listener) -> Iterator[None]:
    """Tasks that begin here belong to the board's run."""
    token = _AROUND.set(Around(board_id, listener))
    try:
        yield
    finally:
        _AROUND.reset(token)


def around() -> Around | None:
    """The run that this is called in, None outside of one."""
    return _AROUND.get()
