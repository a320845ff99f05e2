"""Bodies of tumour boards."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from domain.board import AuthorKind, Board, BoardMessage, BoardState
from jobs.board_case import BoardCase
from tools.clinical_record.contradiction import Contradiction, ContradictionKind, Severity
from tools.clinical_record.fact import Certainty
from tools.clinical_record.timeline import EventKind, TimelineEntry

LONGEST_MESSAGE = 8_000
MOST_STUDIES = 50
Uid = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Question = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4_000)]
Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_MESSAGE)]


class BoardOrder(BaseModel):
    """A board to open."""

    model_config = ConfigDict(extra="forbid")

    study_uids: list[Uid] = Field(min_length=1, max_length=MOST_STUDIES, description="Studies of one patient.")
    title: Title = Field(description="Without identity.", examples=["Lung, second opinion"])
    question: Question = Field(default="", examples=["Is the lesion in the left lower lobe larger?"])


class Statement(BaseModel):
    """What a person says."""

    model_config = ConfigDict(extra="forbid")

    text: Said = Field(
        description='"@imaging …" (chair, history, pathology, imaging, guidelines, report) is for that agent; '
        'what begins with "Decision:" is a decision of the minutes.'
    )
    reply_to: str = Field(default="", max_length=64, description="The message that it answers.")


class RunOrder(BaseModel):
    """What the agents shall work on."""

    model_config = ConfigDict(extra="forbid")

    question: Question = Field(default="", description="The board's own question when left out.")


class Position(BaseModel):
    """What one looks at."""

    model_config = ConfigDict(extra="forbid")

    study_uid: Uid
    series: Uid = Field(description="Series Instance UID.")
    slice: int = Field(ge=0, le=1_000_000, description="Index in the series, from 0.")
    seat: str = Field(default="", max_length=64, description="Tells the caller's screens apart; any word.")


class MinutesFormat(StrEnum):
    """Form of the minutes."""

    MARKDOWN = "md"
    WORD = "docx"


class SourceView(BaseModel):
    """What a claim rests on."""

    model_config = ConfigDict(from_attributes=True)

    kind: str = Field(description="document, step, guidance, person")
    reference: str = Field(description="Document id, analysis-id/step-id, guidance id, or message id.")
    quote: str = Field(description="The words it rests on, empty for a number of a step.")


class ClaimView(BaseModel):
    """One statement with its sources."""

    model_config = ConfigDict(from_attributes=True)

    text: str
    sources: list[SourceView]


class MessageView(BaseModel):
    """What one member said."""

    model_config = ConfigDict(from_attributes=True)

    message_id: str
    author: str
    kind: AuthorKind
    at: datetime
    claims: list[ClaimView]
    reply_to: str


class BoardSummary(BaseModel):
    """A board in a list."""

    model_config = ConfigDict(from_attributes=True)

    board_id: str
    title: str
    state: BoardState
    study_uids: list[str]
    members: list[str]
    created: datetime
    question: str


class BoardList(BaseModel):
    """Boards, newest first."""

    boards: list[BoardSummary]


class Passage(BaseModel):
    """Where an event is told."""

    document_id: str
    span: tuple[int, int] = Field(description="Start and end in the document's text.")
    sentence: str


class TimelineView(BaseModel):
    """A dated event of the record."""

    dated: date
    until: date = Field(description="Its last possible day.")
    kind: EventKind
    title: str
    details: list[str]
    certainty: Certainty
    sources: list[Passage]


class ContradictingStatement(BaseModel):
    """One side of a contradiction."""

    value: str
    document_id: str
    dated: date | None
    sentence: str


class ContradictionView(BaseModel):
    """Statements of the record that differ."""

    attribute: str
    kind: ContradictionKind
    severity: Severity
    explanation: str
    statements: list[ContradictingStatement]


class BoardView(BoardSummary):
    """A board as it is now."""

    messages: list[MessageView]
    timeline: list[TimelineView]
    contradictions: list[ContradictionView]
    warnings: list[str] = Field(description="What of the record was not read.")
    last_event: int = Field(description="Follow from here: GET …/events?after=")


def summary(board: Board) -> BoardSummary:
    """The list form of a board."""
    return BoardSummary.model_validate(board)


def message_view(message: BoardMessage) -> MessageView:
    """The wire form of a message."""
    return MessageView.model_validate(message)


def view(board: Board, messages: tuple[BoardMessage, ...], case: BoardCase, last_event: int) -> BoardView:
    """The whole wire form of a board."""
    return BoardView(
        **summary(board).model_dump(),
        messages=[message_view(m) for m in messages],
        timeline=[_event(e) for e in case.timeline],
        contradictions=[_contradiction(c) for c in case.contradictions],
        warnings=list(case.warnings),
        last_event=last_event,
    )


def _event(entry: TimelineEntry) -> TimelineView:
    return TimelineView(
        dated=entry.dated,
        until=entry.until,
        kind=entry.kind,
        title=entry.title,
        details=list(entry.details),
        certainty=entry.certainty,
        sources=[Passage(document_id=s.document_id, span=s.span, sentence=s.sentence) for s in entry.sources],
    )


def _contradiction(found: Contradiction) -> ContradictionView:
    return ContradictionView(
        attribute=found.attribute,
        kind=found.kind,
        severity=found.severity,
        explanation=found.explanation,
        statements=[ContradictingStatement(**s._asdict()) for s in found.statements],
    )
