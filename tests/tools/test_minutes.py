"""Minutes: what was said with numbered sources, what is open, decisions of people, as Markdown and as Word."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime

from docx import Document

from domain.board import AuthorKind, Board, BoardMessage, BoardState, Claim, Source
from domain.history import DocumentKind, HistoryDocument
from domain.study import Patient
from tools.clinical_record.contradictions import contradictions
from tools.clinical_record.facts import extract
from tools.clinical_record.timeline import timeline
from tools.minutes import Minutes, minutes, to_docx, to_markdown

AT = datetime(2026, 1, 2, 9, 30, tzinfo=UTC)
BOARD = Board("b1", "Case *4*", BoardState.CLOSED, ("1.2",), ("ada", "ben"), AT, "Operate or wait?")
NOTE = Source("document", "d1", "Stage IVA.")
OTHER = Source("document", "d1", "CT in 2025.")
MESSAGES = (
    BoardMessage(
        "1", "history", AuthorKind.AGENT, AT, (Claim("2024: stage IVA.", (NOTE,)), Claim("2025: CT.", (OTHER, NOTE)))
    ),
    BoardMessage("2", "ada", AuthorKind.PERSON, AT, (Claim("Is the <b>CT</b> recent?"),)),
    BoardMessage("3", "ada", AuthorKind.PERSON, AT, (Claim("@imaging how long is it?"),)),
    BoardMessage("4", "imaging", AuthorKind.AGENT, AT, (Claim("36 mm \x00 long.", (Source("step", "a1/s5"),)),), "3"),
    BoardMessage("5", "ben", AuthorKind.PERSON, AT, (Claim("Decision: repeat the CT in 6 weeks."),)),
    BoardMessage("6", "ada", AuthorKind.PERSON, AT, (Claim("/decision no operation"),)),
)
RECORD = (
    HistoryDocument("d1", DocumentKind.NOTE, "Note", "Amara Okonkwo: stage IV lung cancer.", date(2020, 4, 22)),
    HistoryDocument("d2", DocumentKind.NOTE, "Note", "Her stage II lung cancer is stable.", date(2020, 9, 24)),
    HistoryDocument(
        "d3", DocumentKind.NOTE, "Note", "On 2020-08-03 PET. She will start cisplatin on 2020-08-11.", date(2020, 8, 4)
    ),
)
PATIENT = Patient("P1-4471", "", "Okonkwo^Amara", date(1955, 3, 7), "F")


def told(*more: BoardMessage, patient: Patient | None = None) -> Minutes:
    """Minutes over a record that gives two stages."""
    conflicts = contradictions(f for d in RECORD for f in extract(d))
    assert any(c.attribute == "stage group" for c in conflicts)
    return minutes(BOARD, (*MESSAGES, *more), timeline(RECORD), conflicts, patient)


def test_markdown_has_decisions_and_numbered_sources() -> None:
    text = to_markdown(minutes(BOARD, MESSAGES, (), ()))
    assert "Draft for research use" in text
    assert "- repeat the CT in 6 weeks. (ben)\n- no operation (ada)" in text
    assert "- 2024: stage IVA. (1)" in text
    assert "- 2025: CT. (2, 1)" in text
    assert "1. document d1: “Stage IVA.”\n2. document d1: “CT in 2025.”\n3. step a1/s5\n" in text
    assert "<b>" not in text
    assert "Case \\*4\\*" in text
    assert "Present: ada, ben" in text


def test_every_number_leads_to_the_words_it_stands_for() -> None:
    made = told()
    assert made.timeline
    for entry, line in zip(timeline(RECORD), made.timeline, strict=True):
        quotes = {made.sources[n - 1].quote for n in line.sources}
        assert quotes == {s.sentence for s in entry.sources}
    assert len(set(made.sources)) == len(made.sources)


def test_what_was_planned_is_not_written_as_done() -> None:
    (planned,) = [line.text for line in told().timeline if "cisplatin" in line.text]
    assert planned.endswith("(planned)")


def test_a_question_stays_open_until_it_is_answered() -> None:
    lines = [line.text for line in told().open_questions]
    assert lines == ["ada asked: Is the <b>CT</b> recent?", "Which stage group holds: IV, II?"]
    answer = BoardMessage("7", "history", AuthorKind.AGENT, AT, (Claim("It is of 2025.", (OTHER,)),), "2")
    decision = BoardMessage("8", "ben", AuthorKind.PERSON, AT, (Claim("Decision: the stage group is IV."),))
    assert told(answer, decision).open_questions == ()


def test_only_people_decide() -> None:
    agent = BoardMessage("7", "chair", AuthorKind.AGENT, AT, (Claim("Decision: operate.", (NOTE,)),))
    assert all("operate." not in line.text for line in told(agent).decisions)


def test_the_patients_identity_is_taken_out() -> None:
    named = BoardMessage("7", "ben", AuthorKind.PERSON, AT, (Claim("Mrs Okonkwo (P1-4471) was born 1955-03-07."),))
    assert "Okonkwo" in to_markdown(told(named))
    made = told(named, patient=PATIENT)
    word = Document(io.BytesIO(to_docx(made)))
    texts = [p.text for p in word.paragraphs] + [c.text for row in word.tables[0].rows for c in row.cells]
    for text in (to_markdown(made).replace("\\", ""), "\n".join(texts)):
        for identity in ("Okonkwo", "Amara", "4471", "1955-03-07"):
            assert identity not in text
        assert "2020-08-03" in text, "the days of the disease stay"


def test_word_reads_back_with_the_same_content() -> None:
    document = Document(io.BytesIO(to_docx(told())))
    said = "\n".join(p.text for p in document.paragraphs)
    assert "repeat the CT in 6 weeks. (ben)" in said
    assert "36 mm" in said
    assert "Draft for research use" in said
    headings = [p.text for p in document.paragraphs if p.style is not None and p.style.name == "Heading 1"]
    assert headings == [
        "Decisions",
        "Open questions",
        "Contradictions between sources",
        "Said by history",
        "Said by imaging",
        "Discussion",
        "Timeline",
        "Sources",
    ]
    rows = [[c.text for c in row.cells] for row in document.tables[0].rows]
    assert rows[0] == ["No.", "Source", "Words"]
    assert ["step a1/s5", ""] in [row[1:] for row in rows]
    assert ["document d2", "Her stage II lung cancer is stable."] in [row[1:] for row in rows]
    assert document.core_properties.author == "MedImage Orchestrator"
    assert document.core_properties.created.replace(tzinfo=None) == AT.replace(tzinfo=None)


def test_the_same_minutes_are_the_same_bytes() -> None:
    made = told()
    once = to_docx(made)
    assert once == to_docx(told())
    assert to_markdown(made) == to_markdown(told())
    with zipfile.ZipFile(io.BytesIO(once)) as parts:
        assert {part.date_time for part in parts.infolist()} == {(2020, 1, 1, 0, 0, 0)}
    assert once != to_docx(replace(made, when=AT.replace(year=2027)))


def test_a_session_without_words_has_minutes_too() -> None:
    text = to_markdown(minutes(BOARD, (), (), ()))
    assert "None was recorded." in text
    assert "None is left." in text
