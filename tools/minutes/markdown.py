"""Minutes as Markdown; what came from outside is escaped."""

from __future__ import annotations

from collections.abc import Sequence

from domain.board import Source
from tools.minutes.content import NOTICE, Line, Minutes
from tools.report_markdown import escaped


def to_markdown(minutes: Minutes) -> str:
    """The minutes, with numbered sources at the end."""
    parts = [
        f"# Tumour board: {escaped(minutes.title)}",
        f"> **{NOTICE}**",
        f"- Date: {minutes.when.date().isoformat()}",
        f"- Present: {escaped(', '.join(minutes.attendees)) or 'nobody'}",
        f"- Question: {escaped(minutes.question) or 'none was put'}",
        *_section("Decisions", minutes.decisions, "None was recorded."),
        *_section("Open questions", minutes.open_questions, "None is left."),
        *_section("Contradictions between sources", minutes.contradictions, "None was found."),
        *(part for name, lines in minutes.said for part in _section(f"Said by {name}", lines, "")),
        *_section("Discussion", minutes.discussion, "None was recorded."),
        *_section("Timeline", minutes.timeline, "The record holds no dated events."),
        *["", "## Sources", "", *(_source(n, s) for n, s in enumerate(minutes.sources, 1))],
    ]
    return "\n".join(parts) + "\n"


def _section(heading: str, lines: Sequence[Line], empty: str) -> list[str]:
    body = [f"- {escaped(line.text)}{_cited(line)}" for line in lines]
    return ["", f"## {escaped(heading)}", "", *(body or [empty])]


def _cited(line: Line) -> str:
    return f" ({', '.join(map(str, line.sources))})" if line.sources else ""


def _source(number: int, source: Source) -> str:
    quote = f": “{escaped(' '.join(source.quote.split()))}”" if source.quote else ""
    return f"{number}. {escaped(source.kind)} {escaped(source.reference)}{quote}"
