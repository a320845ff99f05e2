"""Search: the right document among the first three for questions that were written before the search was."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.history import DocumentKind
from tests.tools import clinical_record_notes as n
from tests.tools.clinical_record_notes import note, oncology_notes
from tools.clinical_record.passages import LONGEST
from tools.clinical_record.search import search
from tools.clinical_record.terms import terms

FORWARD = {n.PROGRESS_20_MARCH, n.PROGRESS_27_MARCH}
FLOW_SHEETS = {n.FLOW_SHEET_JUNE, n.FLOW_SHEET_SEPTEMBER, n.FLOW_SHEET_DECEMBER}

QUESTIONS: tuple[tuple[str, set[str]], ...] = (
    ("What was the creatinine before the first chemotherapy?", {n.FIRST_CONSULT, n.EDUCATION}),
    ("Kreatinin September 2020", {n.FLOW_SHEET_SEPTEMBER}),
    ("PD-L1 status", {n.PROGRESS_20_MARCH}),
    ("Which KRAS mutation was found?", FORWARD),
    ("TSH very high, start levothyroxine", {n.TSH_CALL}),
    ("When did she stop smoking?", {n.PROGRESS_20_MARCH}),
    ("result of the EGD, stricture and dilation", {n.ENDOSCOPY, n.PROGRESS_27_MARCH}),
    ("Helicobacter pylori result of the gastric biopsy", {n.BIOPSIES}),
    ("hiatal hernia on endoscopy", {n.ENDOSCOPY}),
    ("SUV max of the lingular lesion in August 2020", {n.PET_AUGUST}),
    ("left lower lobe nodule 10 x 4 mm", {n.CT_FEBRUARY, *FORWARD}),
    ("CEA tumour marker", {n.FIRST_CONSULT, n.EDUCATION}),
    ("ECOG performance status", {n.FIRST_CONSULT, n.EDUCATION}),
    ("Is there a family history of breast cancer?", {n.PROGRESS_20_MARCH}),
    ("stage II breast cancer", {n.FLOW_SHEET_SEPTEMBER, n.FLOW_SHEET_DECEMBER}),
    ("why is no consolidative radiation given", FORWARD),
    ("adagrasib", {n.PROGRESS_27_MARCH}),
    ("cycle 6 day 1 carboplatin dose", {n.FLOW_SHEET_SEPTEMBER}),
    ("premedication dexamethasone diphenhydramine cycle 1", {n.FLOW_SHEET_JUNE}),
    ("EBUS lymph node 4R pathology", {n.REFERRAL, *FORWARD}),
    ("brain MRI ordered", {n.REFERRAL}),
    ("next appointment in April 2021", {n.MARCH_INSTRUCTIONS}),
    ("CT scan of chest before the three weekly chemotherapy starts", {n.MAY_INSTRUCTIONS}),
    ("side effects of chemotherapy discussed, education", {n.EDUCATION}),
    ("weight loss and appetite at presentation", {n.EDUCATION}),
    ("coronary artery disease cardiology consult", FORWARD),
    ("hysterectomy date", {n.PROGRESS_20_MARCH}),
    ("supraclavicular lymph node size", {n.FIRST_CONSULT}),
    ("difficulty swallowing since when", {n.ENDOSCOPY, *FORWARD}),
    ("referral for lung mass oncology", {n.REFERRAL_CALL, n.REFERRAL}),
    ("DVT ultrasound of the legs", {n.PROGRESS_20_MARCH}),
    ("absolute neutrophils June 2020 ANC", {n.FLOW_SHEET_JUNE}),
    ("Thrombozyten", {*FLOW_SHEETS, n.PROGRESS_20_MARCH, n.FIRST_CONSULT, n.EDUCATION}),
    ("size of the lingula mass on CT in February 2021", {n.CT_FEBRUARY}),
)
MISSED = {"size of the lingula mass on CT in February 2021"}
"""Two notes quote that CT word for word, under its date, and come before its report."""

# Written after the search was made, and asked once before anything was changed: 13 of 15. "LDH" and "statin" were
# missed, for want of a synonym.
LATER_QUESTIONS: tuple[tuple[str, set[str]], ...] = (
    ("haemoglobin in September 2020", {n.FLOW_SHEET_SEPTEMBER}),
    ("pulmonary embolism in the past", {n.PROGRESS_20_MARCH, n.FIRST_CONSULT}),
    ("vaginal surgery", {n.PROGRESS_20_MARCH}),
    ("bone marrow activity on PET", {n.PET_AUGUST, n.PROGRESS_20_MARCH}),
    ("who is her nurse navigator", {n.FIRST_CONSULT, n.EDUCATION}),
    ("allergies", {n.FIRST_CONSULT, n.EDUCATION, n.PROGRESS_20_MARCH, *FLOW_SHEETS}),
    ("aortic dilatation ascending aorta", {n.PROGRESS_20_MARCH}),
    ("duodenum biopsy", {n.BIOPSIES, n.ENDOSCOPY, n.PROGRESS_27_MARCH}),
    ("first dose pembrolizumab maintenance December 2020", {n.FLOW_SHEET_DECEMBER}),
    ("LDH", {n.FIRST_CONSULT, n.EDUCATION}),
    ("statin", {n.PROGRESS_20_MARCH, n.FIRST_CONSULT}),
    ("pleural invasion", {n.FIRST_CONSULT}),
    ("second opinion Dr. Ravih", FORWARD),
    ("prevascular lymph node SUV", {n.PET_AUGUST}),
    ("pneumonia December 2019", {n.REFERRAL, n.EDUCATION}),
)


@pytest.fixture(scope="module")
def answers(data: Path) -> dict[str, list[str]]:
    """The first three documents for each question."""
    documents = oncology_notes(data)
    asked = [question for question, _ in (*QUESTIONS, *LATER_QUESTIONS)]
    return {q: [p.document_id for p in search(documents, q, limit=3)] for q in asked}


A_COPY_IS_FIRST = pytest.mark.xfail(strict=True, reason="two notes that quote the report word for word come first")


@pytest.mark.parametrize(
    ("question", "right"),
    [
        pytest.param(q, right, id=q[:40], marks=[A_COPY_IS_FIRST] if q in MISSED else [])
        for q, right in (*QUESTIONS, *LATER_QUESTIONS)
    ],
)
def test_the_right_document_is_among_the_first_three(
    answers: dict[str, list[str]], question: str, right: set[str]
) -> None:
    assert right & set(answers[question])


@pytest.mark.parametrize("table", [QUESTIONS, LATER_QUESTIONS], ids=["questions", "later-questions"])
def test_figures_of_the_questions(answers: dict[str, list[str]], table: tuple[tuple[str, set[str]], ...]) -> None:
    first = sum(bool(answers[q]) and answers[q][0] in right for q, right in table)
    three = sum(bool(right & set(answers[q])) for q, right in table)
    print(f"\nright document first {first}/{len(table)}, among three {three}/{len(table)}")
    assert three >= len(table) - len(MISSED)
    assert first >= 0.7 * len(table)


def test_passages_are_short_exact_slices_with_dates_and_do_not_overlap(data: Path) -> None:
    documents = {d.document_id: d for d in oncology_notes(data)}
    passages = search(list(documents.values()), "keytruda ct mass creatinine", limit=50)
    assert len(passages) > 10
    for p in passages:
        document = documents[p.document_id]
        assert document.text[slice(*p.span)] == p.text
        assert len(p.text) <= LONGEST
        assert (p.dated, p.kind, p.title) == (document.dated, document.kind, document.title)
    for a, b in combinations(passages, 2):
        assert a.document_id != b.document_id or a.span[1] <= b.span[0] or b.span[1] <= a.span[0]
    assert [p.score for p in passages] == sorted((p.score for p in passages), reverse=True)


def test_kinds_limit_the_search(data: Path) -> None:
    passages = search(oncology_notes(data), "lingular mass", kinds={DocumentKind.IMAGING_REPORT})
    assert {p.document_id for p in passages} == {n.CT_FEBRUARY, n.PET_AUGUST}


def test_no_word_no_answer() -> None:
    assert search([note("Lungs are clear.")], "appendicitis") == ()
    assert search([note("Lungs are clear.")], "") == ()
    assert search([], "lungs") == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Krea", "creatinine"),
        ("lymph nodes", "adenopathy"),
        ("Keytruda", "pembrolizumab"),
        ("PD-L1", "pdl1"),
        ("trouble swallowing", "dysphagia"),
        ("Magenspiegelung", "EGD"),
        ("RLL", "right lower lobe"),
    ],
)
def test_synonyms_are_one_term(one: str, other: str) -> None:
    assert terms(one) == terms(other)
    assert len(terms(one)) == 1


def test_vectors_find_what_no_word_says() -> None:
    documents = [note("Lungs are clear.", document_id="a"), note("She feels blue and hopeless.", document_id="b")]

    def vectors(texts: Sequence[str]) -> list[tuple[float, float]]:
        return [(1.0, 0.0) if any(w in t for w in ("mood", "blue")) else (0.0, 1.0) for t in texts]

    assert search(documents, "mood") == ()
    assert search(documents, "mood", vectors=vectors)[0].document_id == "b"


def test_vectors_get_the_query_first_and_then_passages_only() -> None:
    asked: list[str] = []

    def vectors(texts: Sequence[str]) -> list[tuple[float]]:
        asked.extend(texts)
        return [(1.0,) for _ in texts]

    search([note("Lungs are clear.")], "lungs", vectors=vectors)
    assert asked == ["lungs", "Lungs are clear."]


@given(st.text(max_size=1200), st.text(max_size=60))
@settings(max_examples=80, deadline=None)
def test_any_text_and_any_query(text: str, query: str) -> None:
    for p in search([note(text)], query):
        assert text[slice(*p.span)] == p.text
        assert len(p.text) <= LONGEST
