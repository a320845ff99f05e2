"""One tumour board in memory: who is there, its run, and the events that everybody is told."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from domain.board import Board, BoardMessage, BoardState
from domain.ports import EventKind, RunEvent
from jobs.board_events import BoardEventKind, EventLog, written
from jobs.board_run import Run

_STEPS = {
    EventKind.STEP_STARTED: BoardEventKind.STEP_STARTED,
    EventKind.STEP_FINISHED: BoardEventKind.STEP_FINISHED,
    EventKind.PLANNER_CHANGED: BoardEventKind.PLANNER_CHANGED,
    EventKind.APPROVAL: BoardEventKind.APPROVAL,
}
"""What is told of an agent's work. Its words come as a message, when they have their sources."""


@dataclass
class Room:
    """A board in memory.

    Attributes:
        change: held while the record changes, so that events come in the record's order.
        here: open streams of each user.
    """

    board: Board
    patient_key: str
    log: EventLog
    change: asyncio.Lock = field(default_factory=asyncio.Lock)
    here: Counter[str] = field(default_factory=Counter)
    run: Run | None = None

    def tell_state(self) -> None:
        """Open, running or closed; closed is the last event."""
        self.log.put(BoardEventKind.STATE, {"state": self.board.state.value})
        if self.board.state is BoardState.CLOSED:
            self.log.end()

    def tell_presence(self) -> None:
        """Who takes part, and who follows now."""
        present = sorted(user for user, streams in self.here.items() if streams > 0)
        self.log.put(BoardEventKind.PRESENCE, {"members": list(self.board.members), "here": present})

    def tell_message(self, message: BoardMessage) -> None:
        """What somebody said."""
        self.log.put(BoardEventKind.MESSAGE, written(message))

    def renew(self, board: Board) -> None:
        """The board as it is on record now; who is new is told."""
        joined = board.members != self.board.members
        self.board = board
        if joined:
            self.tell_presence()

    def hear(self, event: RunEvent) -> None:
        """A step of an agent's work."""
        if kind := _STEPS.get(event.kind):
            self.log.put(kind, event.data)
