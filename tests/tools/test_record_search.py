"""Passages for a model: identity goes before the text is cut, and an answer is short."""

from __future__ import annotations

from datetime import date

import pytest

from domain.history import DocumentKind, HistoryDocument
from domain.study import Patient
from tools.record_search import CHARACTERS, LONGEST_TITLE, PASSAGES, search_record

PATIENT = Patient(patient_id="MRN4711", name="Doe^Jane")


def note(text: str, number: int = 0, title: str = "Note", kind: DocumentKind = DocumentKind.NOTE) -> HistoryDocument:
    return HistoryDocument(f"n{number}", kind, title, text, date(2020, 1, 1))


@pytest.mark.parametrize("before", range(340, 400, 7))
def test_identity_is_gone_wherever_a_passage_ends(before: int) -> None:
    long_sentence = f"nodule {'x' * before} Jane Doe phone 555-123-4567 born 3 March 1950 and more"
    found = search_record([note(long_sentence)], PATIENT, "nodule more", ())
    shown = " ".join(p.text for p in found.passages)
    assert shown
    for identity in ("Jane", "Doe", "4567", "1950"):
        assert identity not in shown


def test_the_best_few_within_the_limit_come_and_all_are_counted() -> None:
    many = [note(f"Nodule {n}. " + "seen again, " * 31, n) for n in range(40)]
    found = search_record(many, PATIENT, "nodule", ())
    assert 0 < len(found.passages) <= PASSAGES
    assert sum(len(p.text) for p in found.passages) <= CHARACTERS
    assert found.documents == 40


def test_kinds_narrow_the_search() -> None:
    both = [note("Nodule.", 1), note("Nodule.", 2, kind=DocumentKind.PATHOLOGY_REPORT)]
    found = search_record(both, PATIENT, "nodule", (DocumentKind.PATHOLOGY_REPORT,))
    assert [p.document_id for p in found.passages] == ["n2"]
    assert found.documents == 1


@pytest.mark.parametrize(
    ("title", "shown"),
    [("", "note"), ('A "quoted"\nline', "A 'quoted' line"), ("t" * 200, "t" * LONGEST_TITLE)],
    ids=["none", "quoted", "long"],
)
def test_a_title_is_one_short_line(title: str, shown: str) -> None:
    (found,) = search_record([note("Nodule.", title=title)], PATIENT, "nodule", ()).passages
    assert found.title == shown
