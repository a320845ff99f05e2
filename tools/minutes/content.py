"""What minutes hold: who took part, what each source said, what contradicts, and what people decided."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.board import AuthorKind, Board, BoardMessage, Claim, Source
from tools.clinical_record.contradiction import Contradiction
from tools.clinical_record.timeline import TimelineEntry

NOTICE = "Draft for research use: no record until the board's chairperson has signed it."
_DECISION = re.compile(r"^\s*(?:/decision|decision\s*:)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Line:
    """A sentence, and the numbers of its sources in `Minutes.sources`."""

    text: str
    sources: tuple[int, ...] = ()


@dataclass(frozen=True)
class Minutes:
    """Minutes, ready to be written.

    Attributes:
        attendees: users. agents: who spoke for which source.
        said: a heading and its lines for each agent, in the order of first speaking.
        decisions: what people said that begins with "Decision:" or "/decision".
        discussion: what else people said.
        sources: each once, numbered from 1.
        when: of the session's last message; the document's date.
    """

    title: str
    question: str
    attendees: tuple[str, ...]
    when: datetime
    timeline: tuple[Line, ...]
    said: tuple[tuple[str, tuple[Line, ...]], ...]
    contradictions: tuple[Line, ...]
    discussion: tuple[Line, ...]
    decisions: tuple[Line, ...]
    sources: tuple[Source, ...]


def minutes(
    board: Board,
    messages: Sequence[BoardMessage],
    timeline: Sequence[TimelineEntry],
    contradictions: Sequence[Contradiction],
) -> Minutes:
    """The minutes of a session."""
    numbers: dict[tuple[str, str], int] = {}
    sources: list[Source] = []

    def cited(found: Sequence[Source]) -> tuple[int, ...]:
        for source in found:
            if (source.kind, source.reference) not in numbers:
                sources.append(source)
                numbers[(source.kind, source.reference)] = len(sources)
        return tuple(dict.fromkeys(numbers[(s.kind, s.reference)] for s in found))

    def line(claim: Claim) -> Line:
        return Line(claim.text, cited(claim.sources))

    agents: dict[str, list[Line]] = {}
    discussion: list[Line] = []
    decisions: list[Line] = []
    for message in messages:
        if message.kind is AuthorKind.AGENT:
            agents.setdefault(message.author, []).extend(map(line, message.claims))
        elif _DECISION.match(message.text):
            decisions.append(Line(f"{_DECISION.sub('', message.text)} ({message.author})"))
        else:
            discussion.append(Line(f"{message.author}: {message.text}"))
    return Minutes(
        title=board.title,
        question=board.question,
        attendees=board.members,
        when=messages[-1].at if messages else board.created,
        timeline=tuple(
            Line(_event(e), cited([Source("document", s.document_id, s.sentence) for s in e.sources])) for e in timeline
        ),
        said=tuple((name, tuple(lines)) for name, lines in agents.items()),
        contradictions=tuple(
            Line(
                f"{c.attribute} ({c.kind.value}, {c.severity.value}): {c.explanation}",
                cited([Source("document", s.document_id, s.sentence) for s in c.statements]),
            )
            for c in contradictions
        ),
        discussion=tuple(discussion),
        decisions=tuple(decisions),
        sources=tuple(sources),
    )


def _event(entry: TimelineEntry) -> str:
    details = f": {', '.join(entry.details)}" if entry.details else ""
    return f"{entry.dated.isoformat()} {entry.title}{details}"
