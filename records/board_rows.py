"""Rows of tumour boards and what they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from domain.board import AuthorKind, Board, BoardMessage, BoardState, Claim, Source
from records.tables import BoardMemberRow, BoardMessageRow, BoardRow, BoardStudyRow

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""Characters that no database takes: NUL, and halves of a pair."""


def count(session: Session, table: type[BoardMemberRow | BoardMessageRow], board_id: str) -> int:
    """Members or messages of a board."""
    return session.scalar(select(func.count()).select_from(table).where(table.board_id == board_id)) or 0


def boards_of(study_uid: str) -> Select[BoardRow]:
    """Boards that may look at a study, newest first."""
    of_study = BoardStudyRow.board_id == BoardRow.board_id
    query = select(BoardRow).join(BoardStudyRow, of_study).where(BoardStudyRow.study_uid == study_uid)
    return query.order_by(BoardRow.created.desc(), BoardRow.board_id)


def with_id(board_id: str, message_id: str) -> Select[int]:
    """The number of a message, where the board has it."""
    found = (BoardMessageRow.board_id == board_id, BoardMessageRow.message_id == message_id)
    return select(BoardMessageRow.number).where(*found).limit(1)


def board_of(session: Session, row: BoardRow) -> Board:
    """A board with its studies and members, in the order in which they came."""
    study, member = BoardStudyRow, BoardMemberRow
    uids = select(study.study_uid).where(study.board_id == row.board_id).order_by(study.position)
    users = select(member.user).where(member.board_id == row.board_id).order_by(member.position)
    return Board(
        board_id=row.board_id,
        title=row.title,
        state=BoardState(row.state),
        study_uids=tuple(session.scalars(uids)),
        members=tuple(session.scalars(users)),
        created=row.created,
        question=row.question,
    )


def written(claim: Claim) -> dict[str, Any]:
    """A claim as JSON."""
    sources = [{"kind": s.kind, "reference": s.reference, "quote": storable(s.quote)} for s in claim.sources]
    return {"text": storable(claim.text), "sources": sources}


def _claims(claims: Sequence[dict[str, Any]]) -> Iterator[Claim]:
    for claim in claims:
        yield Claim(claim["text"], tuple(Source(s["kind"], s["reference"], s["quote"]) for s in claim["sources"]))


def message_of(row: BoardMessageRow) -> BoardMessage:
    """A message with its claims and their sources."""
    return BoardMessage(
        message_id=row.message_id,
        author=row.author,
        kind=AuthorKind(row.kind),
        at=row.at,
        claims=tuple(_claims(row.claims)),
        reply_to=row.reply_to,
    )


def storable(text: str) -> str:
    """Text that every database takes; what none takes becomes U+FFFD."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)
