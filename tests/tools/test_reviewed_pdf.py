"""report.pdf of what was signed says what report.md says, and is the same each time."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from tools.report_markdown import section_markdown
from tools.report_text import Section, Table, visible
from tools.reviewed_pdf import reviewed_pdf, sections_of
from tools.reviewed_report import HUMAN, edited, restated

NOTICE = "SIGNED BY Dr. A\\|B ON 2026-04-01"
TITLE = "# MedImage Orchestrator – signed report"


def markdown(*sections: Section) -> str:
    body = [section_markdown(section) for section in sections]
    return "\n\n".join([TITLE, f"> **{NOTICE}**", "> Research use.", *body, f"**{NOTICE}**"]) + "\n"


@given(st.lists(st.text(min_size=1, max_size=60).filter(lambda t: visible(t).strip() != ""), min_size=1, max_size=4))
def test_lines_and_cells_come_back_as_they_were_written(texts: list[str]) -> None:
    shown = tuple(" ".join(visible(text).split()) for text in texts)
    lines = Section("Findings", shown)
    table = Section("Prompts", table=Table(("A", "B"), tuple((text, "x") for text in shown)))
    empty = Section("Warnings", empty="None.")
    assert sections_of(markdown(lines, table, empty)) == (lines, table, empty)


def test_the_pages_say_who_signed_and_the_same_bytes_come_again() -> None:
    text = markdown(Section("Impression", ("Liver | normal.",)), Section("Findings", ("No lesion.",)))
    pages = reviewed_pdf(text, {"disclaimer": "Research use."})
    said = "".join(page.extract_text() for page in PdfReader(io.BytesIO(pages)).pages)
    assert "SIGNED BY Dr. A|B ON 2026-04-01" in said
    assert "Liver | normal." in said
    assert "DRAFT" not in said
    assert reviewed_pdf(text, {"disclaimer": "Research use."}) == pages


@pytest.fixture
def document() -> dict[str, Any]:
    finding = {"id": "f1", "text": "Liver: large.", "evidence": ["s1"], "confidence": None, "qa": "pass"}
    return {"status": "in_review", "findings": [finding], "summary": "Liver: large.\nSpleen: normal."}


def test_words_of_a_reviewer_are_marked_and_the_draft_is_kept(document: dict[str, Any]) -> None:
    text = markdown(Section("Impression", ("Liver: large.", "Spleen: normal.")), Section("Findings", ("x",)))
    first = edited(document, {}, "Liver: large.\nSpleen: normal.\nSee 2024.", "reader", "now")
    assert first["drafted_summary"] == document["summary"]
    said = restated(text, first)
    assert f"- See 2024. ({HUMAN})" in said
    assert "- Liver: large.\n" in said
    again = edited(first, {}, document["summary"], "reader", "now")
    assert again["drafted_summary"] == document["summary"]
    assert HUMAN not in restated(text, again)
    assert "drafted_summary" not in edited(document, {}, None, "reader", "now")


def test_addenda_come_first_and_once(document: dict[str, Any]) -> None:
    text = markdown(Section("Examination", ("x",)), Section("Impression", ("Liver: large.",)))
    addendum = {"number": 1, "text": "One.\n## Impression\n**x**", "author": "Dr. *A*", "signed_at": "2026-04-01"}
    said = restated(text, {**document, "addenda": [addendum]})
    assert said.index("## Addenda") < said.index("## Examination")
    assert restated(said, {**document, "addenda": [addendum]}) == said
    assert [li for li in said.splitlines() if li.startswith("## ")] == ["## Addenda", "## Examination", "## Impression"]
    assert restated(said, document) == restated(text, document)
