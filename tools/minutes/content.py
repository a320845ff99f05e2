"""What minutes hold: who took part, what each source said, what contradicts, what is open, and what people decided."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.board import AuthorKind, Board, BoardMessage, Claim, Source
from domain.study import Patient
from tools.clinical_record.contradiction import Contradiction, ContradictionKind, Severity
from tools.clinical_record.timeline import TimelineEntry
from tools.deidentification_text import scrub_identifiers

NOTICE = "Draft for research use: no record until the board's chairperson has signed it."
_DECISION = re.compile(r"^\s*(?:/decision\b\s*:?|decision\s*:)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Line:
    """A sentence, and the numbers of its sources in `Minutes.sources`."""

    text: str
    sources: tuple[int, ...] = ()


@dataclass(frozen=True)
class Minutes:
    """Minutes, ready to be written.

    Attributes:
        attendees: users.
        when: of the session's last message; the document's date.
        said: an agent and its lines, in the order of first speaking.
        open_questions: what people asked and nobody answered, and grave contradictions that no decision names.
        decisions: what people said that begins with "Decision:" or "/decision".
        discussion: what else people said.
        sources: each once, numbered from 1.
    """

    title: str
    question: str
    attendees: tuple[str, ...]
    when: datetime
    timeline: tuple[Line, ...]
    said: tuple[tuple[str, tuple[Line, ...]], ...]
    contradictions: tuple[Line, ...]
    open_questions: tuple[Line, ...]
    discussion: tuple[Line, ...]
    decisions: tuple[Line, ...]
    sources: tuple[Source, ...]


class _Sources:
    """Numbers of sources, given as they are cited. Other words of the same document are another source."""

    def __init__(self, patient: Patient) -> None:
        self._patient = patient
        self._numbers: dict[Source, int] = {}

    def clean(self, text: str) -> str:
        return scrub_identifiers(text, self._patient).value

    def line(self, text: str, sources: Sequence[Source] = ()) -> Line:
        numbers = (self._numbers.setdefault(source, len(self._numbers) + 1) for source in sources)
        return Line(self.clean(text), tuple(dict.fromkeys(numbers)))

    def all(self) -> tuple[Source, ...]:
        return tuple(replace(s, reference=self.clean(s.reference), quote=self.clean(s.quote)) for s in self._numbers)


def minutes(
    board: Board,
    messages: Sequence[BoardMessage],
    timeline: Sequence[TimelineEntry],
    contradictions: Sequence[Contradiction],
    patient: Patient | None = None,
) -> Minutes:
    """The minutes of a session.

    Args:
        patient: whose name, ids and birth date are taken out of everything but the title; without it the record's
            words stay as they are.
    """
    sources = _Sources(patient or Patient())
    events = tuple(sources.line(_event(e), _of_event(e)) for e in timeline)
    agents: dict[str, list[Line]] = {}
    for message in messages:
        if message.kind is AuthorKind.AGENT:
            agents.setdefault(message.author, []).extend(sources.line(c.text, c.sources) for c in message.claims)
    return Minutes(
        title=board.title,
        question=sources.clean(board.question),
        attendees=board.members,
        when=messages[-1].at if messages else board.created,
        timeline=events,
        said=tuple((name, tuple(lines)) for name, lines in agents.items()),
        contradictions=tuple(sources.line(_conflict(c), _of_conflict(c)) for c in contradictions),
        open_questions=tuple(sources.line(c.text, c.sources) for c in _open(messages, contradictions)),
        discussion=tuple(sources.line(f"{m.author}: {m.text}") for m in _by_people(messages) if not _decides(m)),
        decisions=tuple(
            sources.line(f"{_DECISION.sub('', m.text)} ({m.author})") for m in _by_people(messages) if _decides(m)
        ),
        sources=sources.all(),
    )


def _open(messages: Sequence[BoardMessage], contradictions: Sequence[Contradiction]) -> Iterator[Claim]:
    answered = {message.reply_to for message in messages}
    for message in _by_people(messages):
        if message.text.rstrip().endswith("?") and message.message_id not in answered and not _decides(message):
            yield Claim(f"{message.author} asked: {message.text}")
    decided = " ".join(m.text for m in messages if _decides(m)).casefold()
    for found in contradictions:
        grave = found.kind is ContradictionKind.CONFLICT and found.severity is Severity.HIGH
        if grave and found.attribute.casefold() not in decided:
            values = ", ".join(dict.fromkeys(s.value for s in found.statements))
            yield Claim(f"Which {found.attribute} holds: {values}?", _of_conflict(found))


def _by_people(messages: Sequence[BoardMessage]) -> list[BoardMessage]:
    return [m for m in messages if m.kind is AuthorKind.PERSON]


def _decides(message: BoardMessage) -> bool:
    return message.kind is AuthorKind.PERSON and _DECISION.match(message.text) is not None


def _event(entry: TimelineEntry) -> str:
    details = f": {', '.join(entry.details)}" if entry.details else ""
    doubt = f" ({entry.certainty.value})" if entry.certainty.value in {"planned", "possible"} else ""
    return f"{entry.dated.isoformat()} {entry.title}{details}{'' if details.endswith(doubt) else doubt}"


def _of_event(entry: TimelineEntry) -> tuple[Source, ...]:
    return tuple(Source("document", s.document_id, s.sentence) for s in entry.sources)


def _conflict(found: Contradiction) -> str:
    return f"{found.attribute} ({found.kind.value}, {found.severity.value}): {found.explanation}"


def _of_conflict(found: Contradiction) -> tuple[Source, ...]:
    return tuple(Source("document", s.document_id, s.sentence) for s in found.statements)
