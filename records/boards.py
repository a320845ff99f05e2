"""Tumour boards on record: bound to the patient of their studies, each change audited in its transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.board import AuthorKind, Board, BoardMessage, BoardState
from domain.errors import BoardClosed, BoardNotFound, NotFound, PatientLockViolation, StudyNotFound, UnusableInput
from domain.ports import Clock
from domain.study import Patient
from records.audit import Attempt, AuditLedger
from records.board_rows import board_of, boards_of, count, message_of, storable, with_id, written
from records.tables import BoardMemberRow, BoardMessageRow, BoardRow, BoardStudyRow, StudyRow
from tools.deidentification_text import scrub_identifiers

MOST_MESSAGES = 5_000
"""Messages of one board."""
MOST_MEMBERS = 200


class MessageNotFound(NotFound):
    """No such message on this board."""


class MessageRefused(UnusableInput):
    """A message that no board takes: an agent's claim needs a source, and nobody speaks for another person."""

    remedy_default = "Give each claim of an agent its sources; let each person speak for themself."


class BoardFull(UnusableInput):
    """More messages or members than one board holds."""

    remedy_default = "Close this board and open a new one for the same studies."


class BoardRecords:
    """`domain.board.Boards` on SQLite or PostgreSQL."""

    def __init__(self, audit: AuditLedger, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock

    async def access(self, user: str, board_id: str, purpose: str = "TREAT") -> AccessContext:
        """Bind a user's work to the patient of a board. Raises BoardNotFound."""
        row = await self._audit.database.transact(lambda session: _row(session, board_id))
        return AccessContext(user, row.patient_key, purpose)

    async def open(
        self, access: AccessContext, board_id: str, title: str, study_uids: Sequence[str], question: str
    ) -> Board:
        """A new session with one member. The patient's identifier is taken out of the title.

        Raises:
            StudyNotFound.
            PatientLockViolation: a study is of another patient, or, where its source names no patient, may be.
        """

        def work(session: Session) -> Board:
            uids = tuple(dict.fromkeys(study_uids))
            studies = [_study(session, access, uid) for uid in uids]
            if not studies:
                raise StudyNotFound("A board needs a study.", remedy="Name at least one study.")
            # Without a PatientID two studies share a key though they may be two persons'.
            if len(studies) > 1 and not all(study.patient_id for study in studies):
                raise PatientLockViolation(
                    "The images name no patient, so that nothing says whether the studies are one patient's.",
                    remedy="Open a board for one of them, or send images with a PatientID.",
                )
            session.add(
                BoardRow(
                    board_id=board_id,
                    title=storable(scrub_identifiers(title, Patient(studies[0].patient_id)).value),
                    state=BoardState.OPEN.value,
                    question=storable(question),
                    patient_key=studies[0].patient_key,
                    created=self._clock.now(),
                    life=0,
                )
            )
            session.flush()
            session.add_all(BoardStudyRow(board_id=board_id, study_uid=u, position=k) for k, u in enumerate(uids))
            session.add(BoardMemberRow(board_id=board_id, user=access.user, position=0))
            session.flush()
            return board_of(session, _row(session, board_id))

        return await self._audit.guard(access, Attempt("board.open", "board", board_id), work)

    async def get(self, access: AccessContext, board_id: str) -> Board:
        """One board. Raises BoardNotFound, PatientLockViolation."""

        def work(session: Session) -> Board:
            return board_of(session, _theirs(session, access, board_id))

        return await self._audit.guard(access, Attempt("board.read", "board", board_id), work)

    async def of_user(self, access: AccessContext, limit: int = 100) -> tuple[Board, ...]:
        """Boards that the user takes part in, newest first; of any patient, as the list of a meeting is."""

        def work(session: Session) -> tuple[Board, ...]:
            query = (
                select(BoardRow)
                .join(BoardMemberRow, BoardMemberRow.board_id == BoardRow.board_id)
                .where(BoardMemberRow.user == access.user)
                .order_by(BoardRow.created.desc(), BoardRow.board_id)
                .limit(limit)
            )
            return tuple(board_of(session, row) for row in session.scalars(query).all())

        return await self._audit.guard(access, Attempt("board.list", "board", ""), work)

    async def of_study(self, access: AccessContext, study_uid: str) -> tuple[Board, ...]:
        """Boards that may look at a study, newest first. Raises PatientLockViolation."""

        def work(session: Session) -> tuple[Board, ...]:
            query = boards_of(study_uid)
            rows = session.scalars(query).all()
            for row in rows:
                access.require(row.patient_key)
            return tuple(board_of(session, row) for row in rows)

        return await self._audit.guard(access, Attempt("board.list", "study", study_uid), work)

    async def take_up(self, access: AccessContext, board_id: str) -> tuple[Board, int]:
        """The board for a server that runs it from now on, and how often that happened before.

        A run that another process did not end is over: the board is open again.

        Raises:
            BoardNotFound, PatientLockViolation.
        """

        def work(session: Session) -> tuple[Board, int]:
            row = _changing(session, access, board_id)
            if row.state == BoardState.RUNNING.value:
                row.state = BoardState.OPEN.value
            before, row.life = row.life, row.life + 1
            return board_of(session, row), before

        return await self._audit.guard(access, Attempt("board.take_up", "board", board_id), work)

    async def join(self, access: AccessContext, board_id: str) -> Board:
        """Take part; once is enough. Raises BoardNotFound, BoardClosed, BoardFull, PatientLockViolation."""

        def work(session: Session) -> Board:
            row = _unclosed(session, access, board_id)
            _take_part(session, board_id, access.user)
            return board_of(session, row)

        return await self._audit.guard(access, Attempt("board.join", "board", board_id), work)

    async def say(self, access: AccessContext, board_id: str, message: BoardMessage) -> None:
        """Keep a message; a person who speaks takes part.

        Raises:
            BoardNotFound, BoardClosed, BoardFull, PatientLockViolation.
            MessageNotFound: what it answers is not on this board.
            MessageRefused: an agent's claim without a source, or words put into another person's mouth.
        """

        def work(session: Session) -> None:
            _unclosed(session, access, board_id)
            _acceptable(access, message)
            if message.reply_to and not session.scalar(with_id(board_id, message.reply_to)):
                raise MessageNotFound("The message that is answered is not on this board.", where="reply_to")
            number = count(session, BoardMessageRow, board_id) + 1
            if number > MOST_MESSAGES:
                raise BoardFull(f"A board holds at most {MOST_MESSAGES} messages.")
            if message.kind is AuthorKind.PERSON:
                _take_part(session, board_id, access.user)
            session.add(
                BoardMessageRow(
                    board_id=board_id,
                    number=number,
                    message_id=message.message_id,
                    author=message.author,
                    kind=message.kind.value,
                    at=message.at,
                    claims=[written(claim) for claim in message.claims],
                    reply_to=message.reply_to,
                )
            )

        attempt = Attempt("board.say", "board", board_id, message.kind.value)
        await self._audit.guard(access, attempt, work)

    async def messages(self, access: AccessContext, board_id: str, after: int = 0) -> Sequence[BoardMessage]:
        """From the one after `after` messages on, oldest first. Raises BoardNotFound, PatientLockViolation."""

        def work(session: Session) -> tuple[BoardMessage, ...]:
            _theirs(session, access, board_id)
            query = (
                select(BoardMessageRow)
                .where(BoardMessageRow.board_id == board_id, BoardMessageRow.number > after)
                .order_by(BoardMessageRow.number)
            )
            return tuple(message_of(row) for row in session.scalars(query))

        return await self._audit.guard(access, Attempt("board.messages", "board", board_id), work)

    async def put_state(self, access: AccessContext, board_id: str, state: BoardState) -> Board:
        """Open, running or closed. Raises BoardNotFound, PatientLockViolation; BoardClosed: nothing follows on it."""

        def work(session: Session) -> Board:
            row = _unclosed(session, access, board_id)
            row.state = state.value
            return board_of(session, row)

        return await self._audit.guard(access, Attempt(f"board.{state.value}", "board", board_id), work)


def _row(session: Session, board_id: str, *, changing: bool = False) -> BoardRow:
    # The row's lock puts the changes of one board one after the other: numbers have no gaps, closed is closed.
    row = session.get(BoardRow, board_id, with_for_update=changing)
    if row is None:
        raise BoardNotFound("There is no such board.")
    return row


def _theirs(session: Session, access: AccessContext, board_id: str) -> BoardRow:
    row = _row(session, board_id)
    access.require(row.patient_key)
    return row


def _changing(session: Session, access: AccessContext, board_id: str) -> BoardRow:
    row = _row(session, board_id, changing=True)
    access.require(row.patient_key)
    return row


def _unclosed(session: Session, access: AccessContext, board_id: str) -> BoardRow:
    row = _changing(session, access, board_id)
    if row.state == BoardState.CLOSED.value:
        raise BoardClosed("This board is closed.")
    return row


def _study(session: Session, access: AccessContext, study_uid: str) -> StudyRow:
    row = session.get(StudyRow, study_uid)
    if row is None:
        raise StudyNotFound("There is no such study.")
    access.require(row.patient_key)
    return row


def _acceptable(access: AccessContext, message: BoardMessage) -> None:
    if message.kind is AuthorKind.PERSON and message.author != access.user:
        raise MessageRefused("A person speaks for themself.")
    if message.kind is AuthorKind.AGENT and not all(claim.sources for claim in message.claims):
        raise MessageRefused("An agent's claim has no source.")


def _take_part(session: Session, board_id: str, user: str) -> None:
    if session.get(BoardMemberRow, (board_id, user)) is not None:
        return
    members = count(session, BoardMemberRow, board_id)
    if members >= MOST_MEMBERS:
        raise BoardFull(f"A board has at most {MOST_MEMBERS} members.")
    session.add(BoardMemberRow(board_id=board_id, user=user, position=members))
    session.flush()
