"""A small team for boards: it answers who addresses an agent, tells its steps, and waits until it is let go."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from domain.board import AuthorKind, BoardMessage, Claim, Source
from domain.errors import ModelUnavailable
from domain.ports import EventKind, RunEvent
from jobs.board_run import BoardSession, Inbox, addressed, around

Tell = Callable[[BoardMessage], Awaitable[None]]
SECRET = "Secret^Name"


class AnsweringTeam:
    """The chair opens with the question; "wait" in it holds the run, "deaf" makes it ignore `stop`."""

    def __init__(self) -> None:
        self.sessions: list[BoardSession] = []
        self.began = asyncio.Event()
        self.cancelled = 0
        self._ids = itertools.count(1)

    async def run(self, session: BoardSession, tell: Tell, inbox: Inbox, stop: asyncio.Event) -> None:
        self.sessions.append(session)
        question = session.board.question
        try:
            self.step()
            await tell(self.message("chair", f"We look at: {question}", Source("person", "question")))
            self.began.set()
            if "unavailable" in question:
                raise ModelUnavailable("No model for that.", remedy="Configure one.")
            if "explode" in question:
                raise RuntimeError(SECRET)
            await self.answer(tell, inbox)
            while "wait" in question and ("deaf" in question or not stop.is_set()):
                await asyncio.sleep(0.005)
                if await self.answer(tell, inbox) and "once" in question:
                    return
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def answer(self, tell: Tell, inbox: Inbox) -> int:
        """Answer everybody who named an agent."""
        asked = [m for m in inbox.take() if addressed(m.text)]
        for message in asked:
            text = f"Answer to {message.text}"
            source = Source("person", message.message_id)
            await tell(self.message(addressed(message.text), text, source, message.message_id))
        return len(asked)

    def step(self) -> None:
        """One step of an agent's work, with words that nobody has checked."""
        run = around()
        assert run is not None
        step = {"id": "s1", "agent": "segmentation", "tool": "segment"}
        run.listener(RunEvent(EventKind.STEP_STARTED, step))
        run.listener(RunEvent(EventKind.TEXT, {"text": "unchecked words"}))
        run.listener(RunEvent(EventKind.STEP_FINISHED, step | {"ok": True}))

    def message(self, agent: str, text: str, source: Source, reply_to: str = "") -> BoardMessage:
        at = datetime(2026, 1, 2, tzinfo=UTC)
        claim = Claim(text, (source,))
        return BoardMessage(f"agent-{next(self._ids)}", agent, AuthorKind.AGENT, at, (claim,), reply_to)
