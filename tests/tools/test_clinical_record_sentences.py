"""Sentences: exact slices that hold the whole text, headings, and the dated lines that lists belong to."""

from __future__ import annotations

import time
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.clinical_record_notes import oncology_notes
from tools.clinical_record.dates import find_dates
from tools.clinical_record.sentences import sentences

WRITTEN = date(2021, 3, 20)


def texts(text: str) -> list[str]:
    return [s.text for s in sentences(text, WRITTEN)]


@given(st.text(max_size=300))
@settings(max_examples=150, deadline=None)
def test_sentences_are_slices_and_nothing_is_lost(text: str) -> None:
    found = sentences(text, WRITTEN)
    assert all(text[s.start : s.end] == s.text for s in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
    left = set(range(len(text))) - {i for s in found for i in range(s.start, s.end)}
    assert all(text[i].isspace() for i in left)


def test_real_notes_are_covered_exactly(data: Path) -> None:
    for document in oncology_notes(data):
        found = sentences(document.text, document.dated)
        assert all(document.text[s.start : s.end] == s.text for s in found)
        assert "".join("".join(s.text for s in found).split()) == "".join(document.text.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Seen by Dr. Miller. Doing well.", ["Seen by Dr. Miller.", "Doing well."], id="title"),
        pytest.param("Jane M. Doe is well. She walks.", ["Jane M. Doe is well.", "She walks."], id="initial"),
        pytest.param("Mass 3.6 x 2.5 cm. No effusion.", ["Mass 3.6 x 2.5 cm.", "No effusion."], id="decimal"),
        pytest.param("1. Mass grew. 2. Nodes shrank.", ["1. Mass grew.", "2. Nodes shrank."], id="numbers"),
        pytest.param(
            "Comparison: CT of 2020-06-03 findings: mass seen. Impression: cancer.",
            ["Comparison: CT of 2020-06-03", "findings: mass seen.", "Impression: cancer."],
            id="headings-inside-a-line",
        ),
    ],
)
def test_splitting(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


def test_headings_hold_until_the_next_and_family_history_until_a_blank_line() -> None:
    text = "Family history:\n- Mother: lung cancer\n\nNo known allergies.\nPlan:\n- CT next week"
    assert [s.heading for s in sentences(text, WRITTEN)] == ["family", "family", "", "plan", "plan"]


def test_a_dated_line_dates_the_list_below_it_and_no_more() -> None:
    text = (
        "- 2021-02-15 CT chest impression:\n1. Mass 36 mm.\n2. Nodes improved.\n- Return in two weeks.\n"
        "2021-03-01: TSH low.\nPatient is well."
    )
    dated = [(s.text, s.context.first.isoformat() if s.context else "") for s in sentences(text, WRITTEN)]
    assert ("2. Nodes improved.", "2021-02-15") in dated
    assert ("- Return in two weeks.", "") in dated
    assert ("2021-03-01: TSH low.", "2021-03-01") in dated
    assert ("Patient is well.", "") in dated


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        pytest.param("on 2020-03-07.", "2020-03-07", "2020-03-07", id="iso"),
        pytest.param("on 3/7/2020", "2020-03-07", "2020-03-07", id="month-first"),
        pytest.param("on 17/3/2020", "2020-03-17", "2020-03-17", id="day-first-when-it-must-be"),
        pytest.param("am 7.3.2020", "2020-03-07", "2020-03-07", id="german"),
        pytest.param("in January, 2020 and", "2020-01-01", "2020-01-31", id="month"),
        pytest.param("1/2008", "2008-01-01", "2008-01-31", id="month-year"),
        pytest.param("March 7, 2020", "2020-03-07", "2020-03-07", id="words"),
        pytest.param("12/31 CT chest", "2020-12-31", "2020-12-31", id="no-year-is-the-latest-before-the-note"),
        pytest.param("loop coniz 2007", "2007-01-01", "2007-12-31", id="year"),
    ],
)
def test_dates(text: str, first: str, last: str) -> None:
    hits = [(d.first.isoformat(), d.last.isoformat()) for d in find_dates(text, WRITTEN)]
    assert hits == [(first, last)]


@pytest.mark.parametrize("text", ["BP 126/72", "strength 4/5", "2020-13-45", "MRN 0001024407", "1 - 2"])
def test_what_is_no_date(text: str) -> None:
    assert not list(find_dates(text, WRITTEN))


@pytest.mark.parametrize("piece", ["A. ", "no ", "impression: ", "1. ", "((("])
def test_work_grows_with_the_text_and_not_with_its_square(piece: str) -> None:
    def seconds(copies: int) -> float:
        start = time.process_time()
        sentences(piece * copies, WRITTEN)
        return time.process_time() - start

    seconds(100)
    # Eight times the text may take eight times the time, and some slack; its square would be 64 times.
    assert seconds(16_000) < 24 * seconds(2_000) + 0.1
