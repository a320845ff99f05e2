"""Three long records without any conflict: of a colon, a breast and a lung cancer that run their course.

They were written after the rules and read once before any correction: 2 false alarms, both about cycles of two regimens
in one sentence. What changed in them must be told as a change, and nothing as a conflict.
"""

from __future__ import annotations

import pytest

from domain.history import DocumentKind
from tests.tools.clinical_record_notes import note
from tools.clinical_record.contradiction import ContradictionKind
from tools.clinical_record.contradictions import contradictions
from tools.clinical_record.facts import extract

NOTE, PATHOLOGY, IMAGING = DocumentKind.NOTE, DocumentKind.PATHOLOGY_REPORT, DocumentKind.IMAGING_REPORT

RECORDS: dict[str, tuple[tuple[str, DocumentKind, str, str], ...]] = {
    "colon": (
        (
            "2021-01-11",
            NOTE,
            "Consult",
            "67-year-old man with rectal bleeding. Colonoscopy on 2021-01-05 showed a 4 cm mass in the sigmoid "
            "colon. Family history: mother with breast cancer at 70, brother with colon cancer.\n"
            "Past surgical history: appendectomy 1975, cholecystectomy 2015.\n"
            "Social history: Former smoker, 20 pack-years, quit 1999. No known drug allergies. ECOG 0.",
        ),
        (
            "2021-01-14",
            PATHOLOGY,
            "Pathology",
            "Sigmoid colon, biopsy: moderately differentiated adenocarcinoma. KRAS wild-type, NRAS wild type, "
            "BRAF V600E not detected. MSS.",
        ),
        (
            "2021-01-20",
            IMAGING,
            "CT abdomen",
            "INDICATION: Colon cancer staging. COMPARISON: None. FINDINGS: Sigmoid mass measuring 4.2 cm. No "
            "liver metastases. Status post cholecystectomy. No ascites. Small hiatal hernia. IMPRESSION: Sigmoid "
            "mass. No evidence of metastatic disease.",
        ),
        (
            "2021-03-02",
            NOTE,
            "Oncology",
            "67 y.o. male with stage IIIB colon cancer (pT3 N1b M0), s/p sigmoidectomy on 2021-02-03. Plan: "
            "adjuvant FOLFOX for 6 months. Start on 2021-03-15. We discussed that radiation is not indicated.",
        ),
        (
            "2021-09-20",
            NOTE,
            "Oncology",
            "68 y.o. male. Completed 12 cycles of FOLFOX on 2021-09-06; oxaliplatin stopped after cycle 9 because "
            "of neuropathy. ECOG 1. CEA 2.1 ng/mL.",
        ),
        (
            "2022-04-04",
            IMAGING,
            "CT abdomen",
            "COMPARISON: 2021-01-20. FINDINGS: New 2.3 cm lesion in the right hepatic lobe. IMPRESSION: New liver "
            "metastasis.",
        ),
        (
            "2022-04-12",
            NOTE,
            "Tumor board",
            "Recurrent colon cancer, now stage IV with a solitary liver metastasis. Liver biopsy on 2022-04-08: "
            "adenocarcinoma. KRAS G12D mutation detected in the metastatic biopsy. Recommend FOLFIRI and "
            "bevacizumab, then resection. ECOG 1.",
        ),
    ),
    "breast": (
        (
            "2020-05-01",
            NOTE,
            "Consult",
            "52 y.o. premenopausal woman with a palpable lump in the left breast. Mammogram on 2020-04-20: 2.1 cm "
            "left breast mass. Right breast normal. Allergies: sulfa (rash). Never smoker.",
        ),
        (
            "2020-05-08",
            PATHOLOGY,
            "Pathology",
            "Left breast, core biopsy: invasive ductal carcinoma, grade 2. ER positive (95%), PR positive (40%), "
            "HER2 negative (IHC 1+). Ki-67 18%.",
        ),
        (
            "2020-05-20",
            IMAGING,
            "MRI breast",
            "FINDINGS: Left breast mass measures 2.4 x 1.9 cm. No suspicious finding in the right breast. Left "
            "axillary lymph node 12 mm.",
        ),
        (
            "2020-06-15",
            NOTE,
            "Surgery",
            "Left lumpectomy with sentinel node biopsy on 2020-06-10. Invasive ductal carcinoma 2.3 cm, pT2 pN1 "
            "M0, stage IIB.",
        ),
        (
            "2020-07-02",
            NOTE,
            "Oncology",
            "52-year-old woman with stage IIB left breast cancer, ER+/PR+/HER2-. Recommend "
            "doxorubicin/cyclophosphamide x4 cycles followed by weekly paclitaxel, then radiation, then "
            "tamoxifen. She is allergic to sulfa.",
        ),
        (
            "2021-01-10",
            NOTE,
            "Oncology",
            "53 y.o. female. Completed 4 cycles of doxorubicin/cyclophosphamide on 2020-09-10 and 12 cycles of "
            "paclitaxel on 2020-12-08. Will start radiation. Denies chest pain. No neuropathy.",
        ),
        (
            "2022-02-10",
            NOTE,
            "Oncology",
            "54 y.o. female with left breast cancer on tamoxifen 20 mg since March 2021. No evidence of "
            "recurrence. Sister was diagnosed with ovarian cancer. Mammogram 2022-02-01 without suspicious "
            "findings.",
        ),
    ),
    "lung": (
        (
            "2022-03-01",
            IMAGING,
            "CT chest",
            "FINDINGS: Spiculated right upper lobe mass measuring 4.5 x 3.9 cm. A 6 mm left lower lobe nodule. "
            "Right paratracheal lymph node 16 mm. Mild emphysema. No pleural effusion. IMPRESSION: Findings "
            "suspicious for lung cancer versus tuberculosis.",
        ),
        (
            "2022-03-15",
            IMAGING,
            "PET/CT",
            "COMPARISON: CT 2022-03-01. FINDINGS: Right upper lobe mass 4.4 x 3.8 cm with SUV max 14.2. Right "
            "paratracheal node SUV max 9.1. Left lower lobe nodule 6 mm without uptake.",
        ),
        (
            "2022-03-25",
            PATHOLOGY,
            "Pathology",
            "A. Lung, right upper lobe, core needle biopsy -- squamous cell carcinoma. B. Lymph node, 4R, fine "
            "needle aspiration -- squamous cell carcinoma. PD-L1 TPS 30%.",
        ),
        (
            "2022-04-01",
            NOTE,
            "Oncology",
            "71-year-old woman with squamous cell carcinoma of the right lung, cT2b N2 M0, stage IIIA. Current "
            "smoker, 50 pack-years. The patient has COPD. Not a candidate for surgery. Plan concurrent "
            "chemoradiation with weekly carboplatin and paclitaxel. Brain MRI 2022-03-20 negative for metastases.",
        ),
        (
            "2022-07-05",
            IMAGING,
            "CT chest",
            "COMPARISON: CT 2022-03-01. FINDINGS: Right upper lobe mass now 2.6 x 2.1 cm, previously 4.5 x 3.9 "
            "cm. Right paratracheal node 8 mm, previously 16 mm. Stable 6 mm left lower lobe nodule. Small right "
            "pleural effusion.",
        ),
        (
            "2022-07-12",
            NOTE,
            "Oncology",
            "72 y.o. woman, stage IIIA NSCLC, completed chemoradiation 2022-06-10 with partial response. Start "
            "durvalumab every 4 weeks. She stopped smoking in April 2022. Levothyroxine 50 mcg daily. ECOG 1.",
        ),
        (
            "2023-02-02",
            NOTE,
            "Oncology",
            "72 y.o. woman with right lung squamous cell carcinoma. Durvalumab held on 2023-01-10 for "
            "pneumonitis; prednisone 60 mg started. Levothyroxine 75 mcg daily. No pleural effusion on CT of "
            "2023-01-30. Stable disease.",
        ),
    ),
}

CHANGES = {
    "colon": {"ECOG performance status", "KRAS", "stage group"},
    "breast": set[str](),
    "lung": {
        "response",
        "size of right paratracheal node",
        "size of right upper lobe lesion",
        "dose of levothyroxine",
        "smoking",
    },
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_course_of_disease_is_no_conflict(name: str) -> None:
    documents = [
        note(text, day, kind=kind, title=title, document_id=f"{name}-{i}")
        for i, (day, kind, title, text) in enumerate(RECORDS[name])
    ]
    found = contradictions(fact for document in documents for fact in extract(document))
    assert [c for c in found if c.kind is not ContradictionKind.CHANGE] == []
    assert {c.attribute for c in found} == CHANGES[name]


def test_counts_of_two_regimens_in_one_sentence_are_two_facts() -> None:
    text = "Completed 4 cycles of doxorubicin on 2020-09-10 and 12 cycles of paclitaxel on 2020-12-08."
    facts = [f for f in extract(note(text)) if f.attribute == "cycles completed"]
    assert {(f.value, f.qualifier, str(f.dated)) for f in facts} == {
        ("4", "doxorubicin", "2020-09-10"),
        ("12", "paclitaxel", "2020-12-08"),
    }
