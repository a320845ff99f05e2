"""Which rows of the worklist somebody wants to see, as conditions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session

from domain.lifecycle import Status
from domain.ports import JobState
from domain.study import Priority
from domain.turnaround import Turnaround
from records.board_rows import storable
from records.worklist_order import RANKS
from records.worklist_tables import ToDo, WorklistMarkRow, WorklistRow

MOST_WORDS = 6
"""Words of a search; further ones are not looked at."""
IMAGES_ALONE = "-"
"""What was read where there was no analysis."""


@dataclass(frozen=True)
class WorklistFilter:
    """Which rows; empty for any.

    Attributes:
        states: of the newest job. statuses: of the newest analysis.
        unread, flagged, mine: of the user who asks.
        critical: with findings that must be told at once. overdue: past the time that its priority allows.
        search: words that must all be found in patient id, accession, description, modality or indication.
    """

    states: tuple[JobState, ...] = ()
    statuses: tuple[Status, ...] = ()
    priorities: tuple[Priority, ...] = ()
    modalities: tuple[str, ...] = ()
    unread: bool = False
    flagged: bool = False
    mine: bool = False
    critical: bool = False
    overdue: bool = False
    search: str = ""


def conditions(
    session: Session, which: WorklistFilter, user: str, turnaround: Turnaround, now: datetime
) -> tuple[list[ColumnElement[bool]], list[ColumnElement[bool]]]:
    """What a filter means: conditions that many rows may meet, and those that perhaps few do."""
    row = WorklistRow
    many: list[ColumnElement[bool]] = []
    rare: list[ColumnElement[bool]] = []
    if which.priorities:
        many.append(row.rank.in_([rank for rank, priority in RANKS if priority in which.priorities]))
    if which.overdue:
        many.append(overdue(turnaround, now))
    if which.states:
        rare.append(row.state.in_([state.value for state in which.states]))
    if which.statuses:
        rare.append(row.status.in_([status.value for status in which.statuses]))
    if which.modalities:
        rare.append(row.modality.in_(which.modalities))
    if which.mine:
        rare.append(row.reader == user)
    if which.critical:
        rare.append(row.critical > 0)
    if which.flagged:
        rare.append(flagged(user))
    if which.unread:
        rare.append(unread(user))
    return many, rare + [_found(session, word) for word in words(which.search)]


def words(search: str) -> list[str]:
    """The words of a search that are looked for."""
    return storable(search).split()[:MOST_WORDS]


def flagged(user: str) -> ColumnElement[bool]:
    """The user put a flag on it."""
    mark = WorklistMarkRow
    return WorklistRow.study_uid.in_(select(mark.study_uid).where(mark.user == user, mark.flagged.is_(True)))


def unread(user: str) -> ColumnElement[bool]:
    """The user has not seen it as it is now: not at all, or without its newest analysis."""
    mark, row = WorklistMarkRow, WorklistRow
    seen = exists().where(mark.user == user, mark.study_uid == row.study_uid, mark.read_of == present())
    return ~seen


def present() -> ColumnElement[str]:
    """What there is to read: the newest analysis, or the images alone."""
    return case((WorklistRow.analysis_id == "", IMAGES_ALONE), else_=WorklistRow.analysis_id)


def overdue(turnaround: Turnaround, now: datetime) -> ColumnElement[bool]:
    """It waits for longer than its priority allows."""
    row = WorklistRow
    limits = [(rank, turnaround.limit(priority)) for rank, priority in RANKS]
    late = [and_(row.rank == rank, row.since < now - limit) for rank, limit in limits if limit is not None]
    return and_(row.todo == int(ToDo.A_PERSON_OR_JOB), or_(*late)) if late else row.todo < 0


def _found(session: Session, word: str) -> ColumnElement[bool]:
    """Whether a word stands anywhere; by place and not by pattern, so that nothing in it is a wildcard."""
    place = func.instr if session.get_bind().dialect.name == "sqlite" else func.strpos
    small = func.lower(word)
    return or_(place(WorklistRow.words, small) > 0, place(func.lower(WorklistRow.asked), small) > 0)
