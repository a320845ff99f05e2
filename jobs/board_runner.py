"""Starts a board's agents, keeps what they say, and opens the board again when they are done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from domain.access import AccessContext
from domain.board import AuthorKind, BoardMessage, BoardState
from domain.errors import BoardClosed, MedImageError
from jobs.board_events import BoardEventKind
from jobs.board_room import Room
from jobs.board_run import BoardSession, Inbox, Run, Team, addressed, inside
from jobs.failure import internal_error
from records.boards import BoardRecords, MessageRefused


class BoardRunner:
    """One asyncio task for each run."""

    def __init__(self, boards: BoardRecords, team: Team) -> None:
        self._boards = boards
        self._team = team

    async def begin(
        self, room: Room, access: AccessContext, unread: tuple[BoardMessage, ...], question: str = ""
    ) -> None:
        """Start a run; `room.change` is held.

        Args:
            unread: what the agents shall answer first. question: another one than the board's.

        Raises:
            BoardClosed.
        """
        board_id = room.board.board_id
        said = tuple(await self._boards.messages(access, board_id))
        room.board = await self._boards.put_state(access, board_id, BoardState.RUNNING)
        asked = replace(room.board, question=question or room.board.question)
        room.run = run = Run(access, Inbox(unread))
        with inside(board_id, room.hear):
            work = self._team.run(BoardSession(asked, access, said), self._teller(room, run), run.inbox, run.stop)
            run.begin(work, lambda: self._ended(room, run))
        room.tell_state()

    def _teller(self, room: Room, run: Run) -> Callable[[BoardMessage], Awaitable[None]]:
        async def keep(message: BoardMessage) -> None:
            if message.kind is not AuthorKind.AGENT:
                raise MessageRefused("Agents speak for themselves, not for a person.")
            async with room.change:
                await self._boards.say(run.access, room.board.board_id, message)
                room.tell_message(message)

        async def tell(message: BoardMessage) -> None:
            # A run that is cancelled while it speaks has spoken: on record and to everybody, or to neither.
            keeping = asyncio.create_task(keep(message))
            keeping.add_done_callback(lambda task: task.cancelled() or task.exception())
            await asyncio.wait({keeping})
            keeping.result()

        return tell

    async def _ended(self, room: Room, run: Run) -> None:
        """Open again; an agent that was named too late for this run gets another one."""
        self._tell_failure(room, run)
        async with room.change:
            room.run = None
            if room.board.state is BoardState.CLOSED:
                return
            room.board = await self._boards.put_state(run.access, room.board.board_id, BoardState.OPEN)
            unread = tuple(m for m in run.inbox.take() if addressed(m.text))
            if unread and not run.stop.is_set():
                await self.begin(room, replace(run.access, user=unread[0].author), unread)
            else:
                room.tell_state()

    def _tell_failure(self, room: Room, run: Run) -> None:
        error = run.failure
        if error is None or isinstance(error, BoardClosed) or run.stop.is_set():
            return
        run.stop.set()
        reason, remedy = (error.reason, error.remedy) if isinstance(error, MedImageError) else internal_error(error)
        room.log.put(BoardEventKind.FAILED, {"reason": reason, "remedy": remedy})
