"""Contradictions against a list made by hand from the sixteen notes, against other records, against ordinary ones.

The list of the real notes was written from reading them, before any rule; the rules were then developed on it, so its
figures say that nothing was lost, not how the rules do on a new patient. `OTHER` was written afterwards and run once
before any correction: 20 of 21 conflicts found and 1 false alarm. Run with -s to see today's figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from domain.history import DocumentKind, HistoryDocument
from tests.tools import clinical_record_notes as n
from tests.tools.clinical_record_notes import chest_radiographs, note, oncology_notes
from tools.clinical_record.contradiction import Contradiction, ContradictionKind, Severity
from tools.clinical_record.contradictions import contradictions
from tools.clinical_record.facts import extract

NOTE, PATHOLOGY, IMAGING = DocumentKind.NOTE, DocumentKind.PATHOLOGY_REPORT, DocumentKind.IMAGING_REPORT
LUNG = {n.FIRST_CONSULT, n.REFERRAL, n.EDUCATION, n.PROGRESS_20_MARCH, n.PROGRESS_27_MARCH}
FORWARD = {n.PROGRESS_20_MARCH, n.PROGRESS_27_MARCH}


class Expected(NamedTuple):
    """A conflict of the list: the values on its two sides, each with documents that must be named for it."""

    attribute: str
    sides: dict[str, set[str]]


REFERENCE = (
    Expected(
        "primary cancer",
        {"breast": {n.FLOW_SHEET_JUNE, n.FLOW_SHEET_SEPTEMBER, n.FLOW_SHEET_DECEMBER}, "lung": LUNG},
    ),
    Expected("stage group", {"II": {n.FLOW_SHEET_SEPTEMBER, n.FLOW_SHEET_DECEMBER}, "IVA": FORWARD}),
    Expected("site of the biopsy", {"left lower lobe": {n.PROGRESS_20_MARCH}, "lingula": {n.REFERRAL, *FORWARD}}),
    Expected("date of PET", {"2020-08-09": {n.PROGRESS_20_MARCH}, "2020-08-03": FORWARD}),
    Expected("date of CT", {"2020-12-31": {n.PROGRESS_20_MARCH}, "2021-02-15": FORWARD, "2021-02-16": {n.CT_FEBRUARY}}),
    Expected(
        "date of the last CT",
        {"2020-01-04": {n.FIRST_CONSULT}, "2020-02-21": {n.FIRST_CONSULT}, "2020-01-24": {n.REFERRAL}},
    ),
    Expected("size of lingula lesion (PET)", {"24 x 20 mm": {n.PET_AUGUST}, "29 x 24 mm": FORWARD}),
    Expected("SUV max of lingula lesion (PET)", {"18.4": {n.FIRST_CONSULT}, "17.6": {n.PET_AUGUST}}),
    Expected("free T4 against its reference range", {"low": {n.PROGRESS_20_MARCH}, "normal": {n.PROGRESS_27_MARCH}}),
    Expected("hiatal hernia", {"present": {n.PROGRESS_20_MARCH}, "absent": {n.ENDOSCOPY}}),
    Expected(
        "site of the calcified granuloma",
        {"right middle lobe": {n.FIRST_CONSULT}, "right lower lobe": {n.PROGRESS_20_MARCH}},
    ),
    Expected(
        "conization of the cervix after hysterectomy",
        {
            "conization of the cervix 2008-01-01": {n.PROGRESS_20_MARCH},
            "hysterectomy 2007-10-03": {n.PROGRESS_20_MARCH},
        },
    ),
    Expected("chemotherapy", {"advised against": {n.FIRST_CONSULT}, "started": {n.FIRST_CONSULT}}),
)

CHANGES = {"response", "size of lingula lesion", "dose of levothyroxine"}
ROUNDING = {"size of lingula lesion (PET)"}
"""First PET: 34 x 38 mm in three notes, 35 x 38 mm where the second PET quotes it."""

# Read and judged, and left out of the list: the age (59 in April 2020 and in March 2021 fits a birthday in April), the
# cycle numbers (they start again with each regimen), port and line, TSH, weight and statin (they change), the father's
# breast cancer, names of physicians and primary provider (pseudonyms), the intent of radiotherapy (it changed with the
# plan), "anterior" against "posterior" lingula (parts of one extent), BMI against height (no statement of its own).


def found(documents: Sequence[HistoryDocument]) -> tuple[Contradiction, ...]:
    return contradictions(fact for document in documents for fact in extract(document))


def conflicts(documents: Sequence[HistoryDocument]) -> list[Contradiction]:
    return [c for c in found(documents) if c.kind is ContradictionKind.CONFLICT]


@pytest.fixture(scope="module")
def real(data: Path) -> tuple[Contradiction, ...]:
    return found(oncology_notes(data))


@pytest.mark.parametrize("expected", REFERENCE, ids=lambda e: e.attribute.replace(" ", "-"))
def test_the_conflict_is_found_with_its_documents(real: tuple[Contradiction, ...], expected: Expected) -> None:
    (conflict,) = [c for c in real if c.attribute == expected.attribute and c.kind is ContradictionKind.CONFLICT]
    for value, documents in expected.sides.items():
        assert documents <= {s.document_id for s in conflict.statements if s.value == value}
    assert conflict.explanation.endswith(".")


def test_precision_and_recall_on_the_real_notes(real: tuple[Contradiction, ...]) -> None:
    alarms = {c.attribute for c in real if c.kind is ContradictionKind.CONFLICT}
    listed = {e.attribute for e in REFERENCE}
    hits = alarms & listed
    print(f"\nreal notes: recall {len(hits)}/{len(listed)}, precision {len(hits)}/{len(alarms)}")
    assert listed <= alarms
    assert not alarms - listed


def test_change_and_rounding_are_told_from_conflict(real: tuple[Contradiction, ...]) -> None:
    assert {c.attribute for c in real if c.kind is ContradictionKind.CHANGE} == CHANGES
    assert {c.attribute for c in real if c.kind is ContradictionKind.ROUNDING} == ROUNDING


def test_the_gravest_conflict_comes_first_and_sentences_are_quoted(data: Path, real: tuple[Contradiction, ...]) -> None:
    texts = {d.document_id: d.text for d in oncology_notes(data)}
    assert [c.severity for c in real[:2]] == [Severity.HIGH, Severity.HIGH]
    assert all(s.sentence in texts[s.document_id] for c in real for s in c.statements)
    assert all(len(c.statements) > 1 for c in real)


def test_the_order_of_the_documents_does_not_matter(data: Path, real: tuple[Contradiction, ...]) -> None:
    turned = found(tuple(reversed(oncology_notes(data))))
    assert {(c.attribute, c.kind, c.severity, c.statements) for c in turned} == {
        (c.attribute, c.kind, c.severity, c.statements) for c in real
    }


def test_ordinary_reports_raise_no_alarm(data: Path) -> None:
    reports = chest_radiographs(data)
    assert len(reports) == 20
    assert not [c for report in reports for c in found([report])]


class Case(NamedTuple):
    """A small record, and the conflicts that it holds."""

    name: str
    documents: tuple[tuple[str, DocumentKind, str, str], ...]
    conflicts: frozenset[str] = frozenset()
    changes: frozenset[str] = frozenset()


def case(name: str, *documents: tuple[str, DocumentKind, str, str], conflict: str = "", change: str = "") -> Case:
    return Case(name, documents, frozenset({conflict} - {""}), frozenset({change} - {""}))


OTHER = (
    case(
        "side",
        ("2022-01-05", NOTE, "Consult", "65-year-old man with adenocarcinoma of the right lung, referred for staging."),
        ("2022-02-01", NOTE, "Progress", "Assessment: NSCLC of left lung, on osimertinib."),
        conflict="side of the lung cancer",
    ),
    case(
        "gene",
        ("2022-01-05", PATHOLOGY, "Pathology", "EGFR exon 19 deletion detected. ALK negative. PD-L1 TPS 60%."),
        ("2022-02-01", NOTE, "Progress", "Molecular testing: EGFR wild-type, ALK negative, PD-L1 60 %."),
        conflict="EGFR",
    ),
    case(
        "gene-in-a-new-specimen",
        ("2022-01-05", PATHOLOGY, "Pathology", "EGFR T790M not detected."),
        ("2023-02-01", NOTE, "Progress", "Liquid biopsy at progression: EGFR T790M mutation detected."),
        change="EGFR",
    ),
    case(
        "receptor",
        ("2022-01-05", PATHOLOGY, "Pathology", "Left breast, core biopsy: invasive ductal carcinoma. HER2 negative."),
        ("2022-02-01", NOTE, "Oncology", "Left breast cancer, ER+, PR+, HER2+. Plan to start trastuzumab."),
        conflict="HER2",
    ),
    case(
        "gene-variant",
        ("2022-06-01", PATHOLOGY, "NGS", "KRAS p.G12C mutation."),
        ("2022-08-01", NOTE, "Progress", "KRAS G12D mutated, not eligible for sotorasib."),
        conflict="KRAS",
    ),
    case(
        "expression",
        ("2022-06-01", PATHOLOGY, "Pathology", "PD-L1 TPS 80%."),
        ("2022-08-01", NOTE, "Progress", "PD-L1 <1%."),
        conflict="PD-L1",
    ),
    case(
        "histology",
        ("2022-01-05", PATHOLOGY, "Pathology", "Right upper lobe, biopsy: squamous cell carcinoma."),
        ("2022-03-01", NOTE, "Progress", "Patient with lung adenocarcinoma, started on pemetrexed."),
        conflict="histology",
    ),
    case(
        "histology-made-more-exact",
        ("2022-01-05", PATHOLOGY, "Cytology", "Non-small cell carcinoma, favor adenocarcinoma."),
        ("2022-03-01", NOTE, "Progress", "Lung adenocarcinoma, stage IIIB."),
    ),
    case(
        "histology-only-possible",
        ("2022-06-01", IMAGING, "CT", "Mass, suspicious for lung cancer. Cannot exclude small cell carcinoma."),
        ("2022-06-15", PATHOLOGY, "Pathology", "Right upper lobe, biopsy: adenocarcinoma."),
    ),
    case(
        "age-that-grows",
        ("2021-03-10", NOTE, "Visit", "A 62 y.o. male seen today."),
        ("2022-06-10", NOTE, "Visit", "63-year-old man here for follow-up."),
        ("2022-12-01", NOTE, "Visit", "64 y/o man."),
    ),
    case(
        "age-that-falls",
        ("2021-03-10", NOTE, "Visit", "A 62 y.o. male seen today."),
        ("2022-06-10", NOTE, "Visit", "58-year-old man here for follow-up."),
        conflict="age",
    ),
    case(
        "sex",
        ("2021-03-10", NOTE, "Visit", "62-year-old man."),
        ("2021-06-10", NOTE, "Visit", "62-year-old woman with colon cancer."),
        conflict="sex",
    ),
    case(
        "never-smoked",
        ("2021-03-10", NOTE, "Visit", "Social history: never smoker."),
        ("2021-06-10", NOTE, "Visit", "Social history: Former smoker, 40 pack-years, quit 2010."),
        conflict="smoking",
    ),
    case(
        "stopped-smoking",
        ("2021-03-10", NOTE, "Visit", "Social history: current smoker, 30 pack-years."),
        ("2022-06-10", NOTE, "Visit", "Social history: Former smoker, 31 pack-years."),
        change="smoking",
    ),
    case(
        "allergy-forgotten",
        ("2021-03-10", NOTE, "Visit", "Allergies: penicillin (hives)."),
        ("2021-06-10", NOTE, "Visit", "No known drug allergies."),
        conflict="allergy",
    ),
    case(
        "stage-raised",
        ("2021-03-10", NOTE, "Visit", "Colon cancer, stage II, resected."),
        ("2022-06-10", NOTE, "Visit", "Colon cancer with new liver metastases, stage IV."),
        change="stage group",
    ),
    case(
        "stage-against-metastasis",
        ("2021-03-10", NOTE, "Visit", "Rectal cancer cT3 N1 M1a, stage IIIB."),
        conflict="stage group and M category",
    ),
    case(
        "relatives",
        (
            "2021-03-10",
            NOTE,
            "Visit",
            "Lung cancer of the right upper lobe.\nFamily history:\n- Mother: breast cancer\n- Brother: colon cancer\n",
        ),
    ),
    case(
        "cancer-of-the-past",
        (
            "2021-03-10",
            NOTE,
            "Visit",
            "History of breast cancer in 2005, s/p left mastectomy. Now with NSCLC of right upper lobe.",
        ),
    ),
    case(
        "organ-removed",
        ("2019-05-02", NOTE, "Surgery", "Laparoscopic cholecystectomy on 2019-05-02 for gallstones."),
        ("2022-06-10", IMAGING, "CT abdomen", "FINDINGS: No focal liver lesion. The gallbladder is unremarkable."),
        conflict="gallbladder described after cholecystectomy",
    ),
    case(
        "organ-removed-later",
        ("2019-05-02", IMAGING, "CT abdomen", "FINDINGS: The gallbladder is unremarkable."),
        ("2022-06-10", NOTE, "Surgery", "Laparoscopic cholecystectomy on 2022-06-10 for gallstones."),
    ),
    case(
        "prostate",
        ("2022-06-01", NOTE, "Visit", "Prostate cancer. Status post prostatectomy on 2018-04-04."),
        ("2022-08-01", IMAGING, "MRI pelvis", "FINDINGS: The prostate is enlarged."),
        conflict="prostate described after prostatectomy",
    ),
    case(
        "operation-with-two-dates",
        ("2022-06-01", NOTE, "Visit", "Past surgical history:\n- Hysterectomy 2001"),
        ("2022-08-01", NOTE, "Visit", "Past surgical history:\n- Hysterectomy 2012"),
        conflict="date of hysterectomy",
    ),
    case(
        "one-scan-two-sizes",
        ("2022-06-10", IMAGING, "CT", "FINDINGS: Right upper lobe mass measures 3.2 x 2.8 cm."),
        ("2022-06-20", NOTE, "Progress", "CT on 2022-06-10 showed a 4.6 x 2.8 cm right upper lobe mass."),
        conflict="size of right upper lobe lesion (CT)",
    ),
    case(
        "mm-for-cm",
        ("2022-06-10", IMAGING, "CT", "FINDINGS: Nodule in the left upper lobe measures 8 mm."),
        ("2022-06-20", NOTE, "Progress", "CT on 2022-06-10 showed an 8 cm nodule in the left upper lobe."),
    ),
    case(
        "growth",
        ("2022-01-10", IMAGING, "CT", "FINDINGS: Right lower lobe mass 2.0 x 1.8 cm."),
        ("2022-06-20", IMAGING, "CT", "FINDINGS: Right lower lobe mass now measures 3.1 cm, previously 2.0 cm."),
        change="size of right lower lobe lesion",
    ),
    case(
        "stable-nodule-in-the-same-words",
        ("2022-01-10", IMAGING, "CT", "FINDINGS: Stable 5 mm right middle lobe nodule."),
        ("2022-06-20", IMAGING, "CT", "FINDINGS: Stable 5 mm right middle lobe nodule."),
    ),
    case(
        "two-nodules-of-one-lobe",
        ("2022-01-10", IMAGING, "CT", "There is a 5 mm right upper lobe nodule. Also a 9 mm right upper lobe nodule."),
        ("2022-01-11", NOTE, "Progress", "CT 2022-01-10: 9 mm right upper lobe nodule."),
    ),
    case(
        "findings-against-impression",
        ("2022-01-10", IMAGING, "Chest", "FINDINGS: No pleural effusion. IMPRESSION: Moderate left pleural effusion."),
        conflict="pleural effusion",
    ),
    case(
        "effusion-that-resolves",
        ("2022-01-10", IMAGING, "Chest radiograph", "Moderate left pleural effusion."),
        ("2022-02-10", IMAGING, "Chest radiograph", "No pleural effusion or pneumothorax."),
    ),
    case(
        "emphysema-does-not-resolve",
        ("2022-06-01", IMAGING, "CT", "Moderate centrilobular emphysema."),
        ("2022-08-01", IMAGING, "CT", "No emphysema."),
        conflict="emphysema",
    ),
    case(
        "cycles",
        ("2022-06-01", NOTE, "Progress", "Completed 4 cycles of cisplatin/etoposide on 2022-05-20."),
        ("2022-06-08", NOTE, "Progress", "She completed 6 cycles of cisplatin/etoposide on 2022-05-20."),
        conflict="cycles completed",
    ),
    case(
        "performance",
        ("2022-06-01", NOTE, "Progress", "ECOG 1."),
        ("2022-09-01", NOTE, "Progress", "ECOG performance status: 2"),
        change="ECOG performance status",
    ),
    case(
        "dose-of-one-day",
        ("2022-06-01", NOTE, "Progress", "Current medications:\n- Levothyroxine 50 mcg tablet daily"),
        ("2022-06-01", NOTE, "Pharmacy", "Current medications:\n- Levothyroxine 100 mcg tablet daily"),
        conflict="dose of levothyroxine",
    ),
    case(
        "lobe",
        ("2022-06-01", NOTE, "Progress", "NSCLC of the right upper lobe."),
        ("2022-08-01", NOTE, "Progress", "NSCLC of the right lower lobe, treated with SBRT."),
        conflict="primary site",
    ),
    case(
        "one-treatment-for-another",
        (
            "2022-06-01",
            NOTE,
            "Progress",
            "Radiation therapy is not indicated. Plan: start chemotherapy with cisplatin.",
        ),
    ),
    case(
        "value-copied-wrong",
        ("2022-06-03", NOTE, "Progress", "2022-06-01: creatinine 0.9 mg/dL."),
        ("2022-06-04", NOTE, "Progress", "2022-06-01: creatinine 1.9 mg/dL."),
        conflict="creatinine",
    ),
)


def documents_of(record: Case) -> list[HistoryDocument]:
    return [
        note(text, day, kind=kind, title=title, document_id=f"d{i}")
        for i, (day, kind, title, text) in enumerate(record.documents)
    ]


@pytest.mark.parametrize("record", OTHER, ids=lambda c: c.name)
def test_other_records(record: Case) -> None:
    every = found(documents_of(record))
    assert {c.attribute for c in every if c.kind is ContradictionKind.CONFLICT} == record.conflicts
    assert {c.attribute for c in every if c.kind is ContradictionKind.CHANGE} == record.changes


def test_precision_and_recall_on_other_records() -> None:
    alarms = [(r.name, c.attribute) for r in OTHER for c in conflicts(documents_of(r))]
    listed = [(r.name, attribute) for r in OTHER for attribute in r.conflicts]
    hits = set(alarms) & set(listed)
    print(
        f"\nother records: recall {len(hits)}/{len(listed)}, precision {len(hits)}/{len(alarms)}, {len(OTHER)} records"
    )
    assert len(hits) == len(listed) == len(alarms)


def test_a_factor_of_ten_is_a_question_of_units() -> None:
    (mixed,) = [c for r in OTHER if r.name == "mm-for-cm" for c in found(documents_of(r))]
    assert (mixed.kind, mixed.severity) == (ContradictionKind.ROUNDING, Severity.MODERATE)


def test_nothing_contradicts_itself_in_nothing() -> None:
    assert contradictions(()) == ()
