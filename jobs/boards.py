"""Tumour boards while they go on: who is there, what is said, the agents' run, and everything told to all."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from domain.access import AccessContext
from domain.board import AuthorKind, Board, BoardMessage, BoardState, Claim, Source
from domain.errors import BoardClosed, PatientLockViolation, TransitionRefused
from domain.ports import Clock
from jobs.board_case import BoardCase, CaseReader
from jobs.board_events import BoardEventKind, EventLog, Numbered
from jobs.board_room import Room
from jobs.board_run import Team, addressed
from jobs.board_runner import BoardRunner
from records.audit import Attempt, AuditLedger
from records.boards import BoardRecords

KEEP = 64
"""Boards whose events stay in memory; an older one that nobody follows is read again from its record."""


class BoardRooms:
    """The boards of this process.

    Args:
        team: the agents.
        case: what the patient's record tells, for those who look at a board.
    """

    def __init__(
        self,
        *,
        boards: BoardRecords,
        team: Team,
        case: CaseReader,
        audit: AuditLedger,
        clock: Clock,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._boards = boards
        self._runner = BoardRunner(boards, team)
        self._case = case
        self._audit = audit
        self._clock = clock
        self._new_id = new_id
        self._rooms: dict[str, Room] = {}
        self._taking_up = asyncio.Lock()

    async def access(self, user: str, board_id: str) -> AccessContext:
        """Bind a user's work to the patient of a board. Raises BoardNotFound."""
        return await self._boards.access(user, board_id)

    async def open(self, access: AccessContext, title: str, study_uids: tuple[str, ...], question: str) -> Board:
        """A new board. Raises StudyNotFound, PatientLockViolation."""
        return await self._boards.open(access, self._new_id(), title, study_uids, question)

    async def of_study(self, access: AccessContext, study_uid: str) -> tuple[Board, ...]:
        """Boards that may look at a study, newest first. Raises PatientLockViolation."""
        boards = await self._boards.of_study(access, study_uid)
        return tuple(board if self._runs(board.board_id) else _not_running(board) for board in boards)

    async def of_user(self, access: AccessContext) -> tuple[Board, ...]:
        """Boards that the user takes part in, newest first."""
        boards = await self._boards.of_user(access)
        return tuple(board if self._runs(board.board_id) else _not_running(board) for board in boards)

    async def get(self, access: AccessContext, board_id: str) -> tuple[Board, tuple[BoardMessage, ...], int]:
        """The board, what was said, and the number of the last event that it contains.

        Raises:
            BoardNotFound, PatientLockViolation.
        """
        room = await self._room(access, board_id)
        async with room.change:  # what is on record has been told, and nothing else
            board = await self._boards.get(access, board_id)
            messages = tuple(await self._boards.messages(access, board_id))
            return board if room.run is not None else _not_running(board), messages, room.log.last

    async def state(self, access: AccessContext, board_id: str) -> BoardState:
        """Open, running or closed. Raises BoardNotFound, PatientLockViolation."""
        return (await self._room(access, board_id)).board.state

    async def case(self, access: AccessContext, board_id: str) -> BoardCase:
        """Timeline and contradictions of the patient's record. Raises BoardNotFound, PatientLockViolation."""
        await self._room(access, board_id)
        return await self._case.read(access)

    async def join(self, access: AccessContext, board_id: str) -> Board:
        """Take part. Raises BoardNotFound, BoardClosed, PatientLockViolation."""
        room = await self._room(access, board_id)
        async with room.change:
            room.renew(await self._boards.join(access, board_id))
        return room.board

    async def say(self, access: AccessContext, board_id: str, text: str, reply_to: str = "") -> BoardMessage:
        """Say something. The agents of a run under way hear it; naming an agent starts a run when there is none.

        Raises:
            BoardNotFound, BoardClosed, PatientLockViolation, and `records.boards.MessageNotFound`.
        """
        room = await self._room(access, board_id)
        async with room.change:
            message = await self._said(room, access, text, reply_to)
            if room.run is not None:
                room.run.inbox.put(message)
            elif addressed(text):
                await self._runner.begin(room, access, (message,))
        return message

    async def start(self, access: AccessContext, board_id: str, question: str = "") -> Board:
        """Let the agents work on the board's question, or on another one, which is said first.

        Raises:
            BoardNotFound, BoardClosed, PatientLockViolation.
            TransitionRefused: a run is going on.
        """
        room = await self._room(access, board_id)
        async with room.change:
            if room.run is not None:
                raise TransitionRefused("A run is going on.", remedy="Say what to look at, or stop the run first.")
            said = (await self._said(room, access, question, ""),) if question else ()
            await self._runner.begin(room, access, said if addressed(question) else (), question)
        return room.board

    async def stop(self, access: AccessContext, board_id: str) -> Board:
        """End the run at once; what was said stays. Raises BoardNotFound, PatientLockViolation."""
        room = await self._room(access, board_id)
        if room.run is not None:
            await self._audit.note(access, Attempt("board.stop", "board", board_id))
            await self._stopped(room)
        return room.board

    async def close(self, access: AccessContext, board_id: str) -> Board:
        """End the board for good, and a run with it. Raises BoardNotFound, BoardClosed, PatientLockViolation."""
        room = await self._room(access, board_id)
        async with room.change:
            room.board = await self._boards.put_state(access, board_id, BoardState.CLOSED)
        await self._stopped(room)
        room.tell_state()
        return room.board

    async def look(
        self, access: AccessContext, board_id: str, study_uid: str, series: str, slice_index: int, seat: str = ""
    ) -> None:
        """Show the others what one looks at; kept by nobody.

        Args:
            seat: tells the user's screens apart.

        Raises:
            BoardNotFound, BoardClosed.
            PatientLockViolation: another patient, or not a study of this board.
        """
        room = await self._room(access, board_id)
        if room.board.state is BoardState.CLOSED:
            raise BoardClosed("This board is closed.")
        if study_uid not in room.board.study_uids:
            await self._refused(access, board_id, "board.view")
            raise PatientLockViolation("That study is not on this board.", remedy="Open a board that has it.")
        position = {"study_uid": study_uid, "series": series, "slice": slice_index, "user": access.user, "seat": seat}
        room.log.put(BoardEventKind.VIEW, position)

    async def events(self, access: AccessContext, board_id: str, after: int = 0) -> AsyncGenerator[Numbered, None]:
        """Numbered events from the first after `after` on, until the board closes.

        Raises:
            BoardNotFound, PatientLockViolation.
        """
        room = await self._room(access, board_id)
        await self._audit.note(access, Attempt("board.follow", "board", board_id))
        room.here[access.user] += 1
        room.tell_presence()
        try:
            async with aclosing(room.log.follow(after)) as followed:
                async for numbered in followed:
                    yield numbered
        finally:
            room.here[access.user] -= 1
            room.tell_presence()

    async def aclose(self) -> None:
        """End every run and let the followers go."""
        rooms = list(self._rooms.values())
        await asyncio.gather(*(self._stopped(room) for room in rooms))
        for room in rooms:
            room.log.end()

    async def _room(self, access: AccessContext, board_id: str) -> Room:
        async with self._taking_up:
            room = self._rooms.get(board_id)
            if room is None:
                room = await self._taken_up(access, board_id)
                self._forget()
            else:
                del self._rooms[board_id]
            self._rooms[board_id] = room
        try:
            access.require(room.patient_key)
        except PatientLockViolation:
            await self._refused(access, board_id, "board.enter")
            raise
        return room

    async def _taken_up(self, access: AccessContext, board_id: str) -> Room:
        """The board from its record, with what was said as its first events."""
        board, before = await self._boards.take_up(access, board_id)
        room = Room(board, access.patient_key or "", EventLog(before))
        for message in await self._boards.messages(access, board_id):
            room.tell_message(message)
        room.tell_state()
        return room

    def _forget(self) -> None:
        """Let go of the boards that were used longest ago and that nobody needs."""
        for board_id, room in list(self._rooms.items()):
            if len(self._rooms) < KEEP:
                return
            if room.run is None and not +room.here and not room.change.locked():
                room.log.end()
                del self._rooms[board_id]

    async def _refused(self, access: AccessContext, board_id: str, action: str) -> None:
        attempt = Attempt(action, "board", board_id)
        await self._audit.note(access, attempt, "refused", PatientLockViolation.__name__)

    async def _said(self, room: Room, access: AccessContext, text: str, reply_to: str) -> BoardMessage:
        message_id = self._new_id()
        claim = Claim(text, (Source("person", message_id),))
        message = BoardMessage(message_id, access.user, AuthorKind.PERSON, self._clock.now(), (claim,), reply_to)
        await self._boards.say(access, room.board.board_id, message)
        room.tell_message(message)
        if access.user not in room.board.members:
            room.renew(replace(room.board, members=(*room.board.members, access.user)))
        return message

    async def _stopped(self, room: Room) -> None:
        if room.run is not None:
            await room.run.end()

    def _runs(self, board_id: str) -> bool:
        return (room := self._rooms.get(board_id)) is not None and room.run is not None


def _not_running(board: Board) -> Board:
    return replace(board, state=BoardState.OPEN) if board.state is BoardState.RUNNING else board
