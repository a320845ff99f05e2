"""What happens on a tumour board, numbered, so that a follower who lost the connection goes on where they were."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from domain.board import BoardMessage

LIFE = 1_000_000_000
"""Numbers between one server's first event of a board and the next server's."""


class BoardEventKind(StrEnum):
    """What happened."""

    MESSAGE = "message"
    STATE = "state"
    PRESENCE = "presence"
    VIEW = "view"
    STEP_STARTED = "step_started"
    STEP_FINISHED = "step_finished"
    PLANNER_CHANGED = "planner_changed"
    APPROVAL = "approval"
    FAILED = "failed"


LATEST = frozenset({BoardEventKind.STATE, BoardEventKind.PRESENCE, BoardEventKind.VIEW})
"""Each says how things are now: a later one takes the place of the earlier."""
_PASSING = frozenset(BoardEventKind) - LATEST - {BoardEventKind.MESSAGE}


@dataclass(frozen=True)
class BoardEvent:
    """One event. `data` is JSON-able."""

    kind: BoardEventKind
    data: dict[str, Any] = field(default_factory=dict)


Numbered = tuple[int, BoardEvent]


class EventLog:
    """Events in order; used on the event loop's thread only.

    Messages stay; of what else passes the oldest is let go, so that numbers may have gaps.

    Args:
        life: how often a server took the board up before; its events are numbered after theirs.
        most: steps and failures that are kept.
    """

    def __init__(self, life: int = 0, most: int = 2000) -> None:
        self.last = life * LIFE
        self._most = most
        self._events: list[Numbered] = []
        self._passing = 0
        self._ended = False
        self._changed = asyncio.Event()

    def put(self, kind: BoardEventKind, data: dict[str, Any]) -> None:
        """Add an event and wake the followers; a log that has ended takes none."""
        if self._ended:
            return
        if kind in LATEST:
            self._let_go(kind)
        elif kind is not BoardEventKind.MESSAGE:
            if self._passing >= self._most:
                self._let_go(*_PASSING)
            self._passing = min(self._passing + 1, self._most)
        self.last += 1
        self._events.append((self.last, BoardEvent(kind, data)))
        self._wake()

    def end(self) -> None:
        """Nothing follows: followers are let go when they have seen everything."""
        self._ended = True
        self._wake()

    async def follow(self, after: int) -> AsyncGenerator[Numbered, None]:
        """Events with greater numbers than `after`, until the end; all of them for a number never given."""
        number = after if after <= self.last else 0
        while True:
            changed = self._changed
            while (at := bisect_right(self._events, number, key=lambda event: event[0])) < len(self._events):
                number = self._events[at][0]
                yield self._events[at]
            if self._ended:
                return
            await changed.wait()

    def _let_go(self, *kinds: BoardEventKind) -> None:
        """Drop the oldest event of these kinds."""
        index = next((k for k, (_, event) in enumerate(self._events) if event.kind in kinds), None)
        if index is not None:
            del self._events[index]

    def _wake(self) -> None:
        waiting, self._changed = self._changed, asyncio.Event()
        waiting.set()


def written(message: BoardMessage) -> dict[str, Any]:
    """A message as JSON."""
    return {
        "message_id": message.message_id,
        "author": message.author,
        "kind": message.kind.value,
        "at": message.at.isoformat().replace("+00:00", "Z"),
        "reply_to": message.reply_to,
        "claims": [
            {
                "text": claim.text,
                "sources": [{"kind": s.kind, "reference": s.reference, "quote": s.quote} for s in claim.sources],
            }
            for claim in message.claims
        ],
    }
