"""Minutes: what was said with numbered sources, decisions of people, as Markdown and as Word."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from docx import Document

from domain.board import AuthorKind, Board, BoardMessage, BoardState, Claim, Source
from tools.minutes import minutes, to_docx, to_markdown

AT = datetime(2026, 1, 2, 9, 30, tzinfo=UTC)
BOARD = Board("b1", "Case *4*", BoardState.CLOSED, ("1.2",), ("ada", "ben"), AT, "Operate or wait?")
NOTE = Source("document", "d1", "Stage IVA.")
MESSAGES = (
    BoardMessage(
        "1", "history", AuthorKind.AGENT, AT, (Claim("2024: stage IVA.", (NOTE,)), Claim("2025: CT.", (NOTE,)))
    ),
    BoardMessage("2", "ada", AuthorKind.PERSON, AT, (Claim("Is the <b>CT</b> recent?"),)),
    BoardMessage("3", "ben", AuthorKind.PERSON, AT, (Claim("Decision: repeat the CT in 6 weeks."),)),
    BoardMessage("4", "imaging", AuthorKind.AGENT, AT, (Claim("36 mm \x00 long.", (Source("step", "a1/s5"),)),)),
)


def test_markdown_has_decisions_and_numbered_sources() -> None:
    text = to_markdown(minutes(BOARD, MESSAGES, (), ()))
    assert "Draft for research use" in text
    assert "- repeat the CT in 6 weeks. (ben)" in text
    assert "- 2024: stage IVA. (1)" in text
    assert "1. document d1: “Stage IVA.”" in text
    assert text.count("document d1") == 1, "a source is listed once"
    assert "<b>" not in text
    assert "Case \\*4\\*" in text


def test_word_reads_back_with_the_same_content() -> None:
    document = Document(io.BytesIO(to_docx(minutes(BOARD, MESSAGES, (), ()))))
    said = "\n".join(p.text for p in document.paragraphs)
    assert "repeat the CT in 6 weeks. (ben)" in said
    assert "36 mm" in said
    assert "Draft for research use" in said
    rows = [[c.text for c in row.cells] for row in document.tables[0].rows]
    assert rows[1] == ["1", "document d1", "Stage IVA."]
    assert document.core_properties.author == "MedImage Orchestrator"


def test_the_same_minutes_are_the_same_bytes() -> None:
    told = minutes(BOARD, MESSAGES, (), ())
    assert to_docx(told) == to_docx(told)
    assert to_markdown(told) == to_markdown(told)


def test_a_session_without_words_has_minutes_too() -> None:
    text = to_markdown(minutes(BOARD, (), (), ()))
    assert "None was recorded." in text
