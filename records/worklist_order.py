"""In which order the worklist stands, and where a page of it ended: walks along indexes, however long the list is."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, select, tuple_
from sqlalchemy.orm import Session

from domain.study import Priority
from domain.turnaround import Turnaround
from records.worklist_tables import ToDo, WorklistRow

RANKS = tuple(enumerate(Priority))


class Sort(StrEnum):
    """URGENT: by priority, then the longest waiting. DUE: what is due first. NEWEST: what came last.

    Of the first two, what has nothing left to do stands at the end, the latest first.
    """

    URGENT = "urgent"
    DUE = "due"
    NEWEST = "newest"


class Cursor(NamedTuple):
    """Where a page ended: the stage, and the key of its last row."""

    stage: int
    at: datetime
    study_uid: str


def inline(value: int | str) -> BindParameter[Any]:
    """A value of ours that is written into the statement, as an index over some rows is used for no parameter."""
    return bindparam(None, value, literal_execute=True)


@dataclass(frozen=True)
class Stream:
    """Rows that one index gives in order. shift: what their time is moved by before it is compared with others'."""

    todo: ToDo
    rank: int | None = None
    shift: timedelta = timedelta()


@dataclass(frozen=True)
class Stage:
    """Streams that are merged by one time; all rows of a stage come before those of the next."""

    streams: tuple[Stream, ...]
    column: Literal["since", "touched"] = "since"
    descending: bool = False


def stages(sort: Sort, turnaround: Turnaround) -> tuple[Stage, ...]:
    """The order as stages."""
    waiting = (ToDo.A_PERSON_OR_JOB, ToDo.AN_ORDER)
    done = Stage((Stream(ToDo.NOTHING),), "touched", descending=True)
    if sort is Sort.NEWEST:
        streams = tuple(Stream(todo, rank) for todo in (*waiting, ToDo.NOTHING) for rank, _ in RANKS)
        return (Stage(streams, descending=True),)
    if sort is Sort.URGENT:
        return (*(Stage(tuple(Stream(todo, rank) for todo in waiting)) for rank, _ in RANKS), done)
    limits = [(rank, turnaround.limit(priority)) for rank, priority in RANKS]
    timed = tuple(Stream(todo, rank, limit) for rank, limit in limits if limit is not None for todo in waiting)
    free = tuple(Stream(todo, rank) for rank, limit in limits if limit is None for todo in waiting)
    return tuple(stage for stage in (Stage(timed), Stage(free), done) if stage.streams)


def walk(
    session: Session,
    order: Sequence[Stage],
    wanted: Sequence[ColumnElement[bool]],
    lately: datetime,
    *,
    after: Cursor | None,
    limit: int,
) -> tuple[list[str], Cursor | None]:
    """Study UIDs of a page, and where it ended; None behind the last.

    Args:
        wanted: what many rows meet: where few do, `among` is faster.
        lately: what has nothing to do, or was never asked about, is shown from then on.
    """
    found: list[tuple[Cursor, str]] = []
    for number, stage in enumerate(order):
        if after is not None and number < after.stage:
            continue
        place = after if after is not None and number == after.stage else None
        want = limit + 1 - len(found)
        rows = [_rows(session, stage, stream, wanted, lately, place, want) for stream in stage.streams]
        merged = heapq.merge(*rows, reverse=stage.descending)
        found += [(Cursor(number, at, uid), uid) for at, uid in itertools.islice(merged, want)]
        if len(found) > limit:
            return [uid for _, uid in found[:limit]], found[limit - 1][0]
    return [uid for _, uid in found], None


class Place(NamedTuple):
    """What decides where a row stands."""

    todo: int
    rank: int
    since: datetime
    touched: datetime
    study_uid: str


def few(session: Session, wanted: Sequence[ColumnElement[bool]], most: int) -> list[Place] | None:
    """The rows that meet conditions, in any order, by reading the table once; None where there are more than `most`."""
    row = WorklistRow
    query = select(row.todo, row.rank, row.since, row.touched, row.study_uid).where(*wanted).limit(most + 1)
    found = [Place(*each) for each in session.execute(query)]
    return found if len(found) <= most else None


def among(
    places: Sequence[Place], order: Sequence[Stage], lately: datetime, *, after: Cursor | None, limit: int
) -> tuple[list[str], Cursor | None]:
    """As `walk`, of rows that are here."""
    found: list[Cursor] = []
    for number, stage in enumerate(order):
        keys = [
            Cursor(number, getattr(place, stage.column) + stream.shift, place.study_uid)
            for stream in stage.streams
            for place in places
            if place.todo == stream.todo and stream.rank in (None, place.rank) and _shown(place, lately)
        ]
        found += sorted(keys, reverse=stage.descending)
    if after is not None:
        found = [key for key in found if _behind(key, after, order)]
    last = found[limit - 1] if len(found) > limit else None
    return [key.study_uid for key in found[:limit]], last


def _shown(place: Place, lately: datetime) -> bool:
    return {ToDo.NOTHING: place.touched >= lately, ToDo.AN_ORDER: place.since >= lately}.get(ToDo(place.todo), True)


def _behind(key: Cursor, after: Cursor, order: Sequence[Stage]) -> bool:
    if key.stage != after.stage:
        return key.stage > after.stage
    return key[1:] < after[1:] if order[key.stage].descending else key[1:] > after[1:]


def _rows(
    session: Session,
    stage: Stage,
    stream: Stream,
    wanted: Sequence[ColumnElement[bool]],
    lately: datetime,
    place: Cursor | None,
    limit: int,
) -> Iterator[tuple[datetime, str]]:
    query = _query(stage, stream, lately, place).where(*wanted).limit(limit)
    return ((at + stream.shift, uid) for at, uid in session.execute(query).all())


def _query(stage: Stage, stream: Stream, lately: datetime, place: Cursor | None) -> Select[tuple[Any, str]]:
    row, column = WorklistRow, getattr(WorklistRow, stage.column)
    query = select(column, row.study_uid).where(row.todo == inline(int(stream.todo)))
    if stream.rank is not None:
        query = query.where(row.rank == stream.rank)
    if stream.todo is ToDo.NOTHING:
        query = query.where(row.touched >= lately)
    if stream.todo is ToDo.AN_ORDER:
        query = query.where(row.since >= lately)
    if place is not None:
        key, mark = tuple_(column, row.study_uid), (place.at - stream.shift, place.study_uid)
        query = query.where(key < mark if stage.descending else key > mark)
    if stage.descending:
        return query.order_by(column.desc(), row.study_uid.desc())
    return query.order_by(column, row.study_uid)
