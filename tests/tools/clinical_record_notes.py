"""Documents for the tests of the clinical record: real notes by a short id, and notes made on the spot."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

from domain.history import DocumentKind, HistoryDocument

KINDS = {
    "CT": DocumentKind.IMAGING_REPORT,
    "PET": DocumentKind.IMAGING_REPORT,
    "Pathology and Cytology": DocumentKind.PATHOLOGY_REPORT,
    "Procedures": DocumentKind.PROCEDURE,
}

FIRST_CONSULT = "853d37db-1ee9-45d5-a888-e942235351b5"
REFERRAL = "91ad6865-6998-4f5b-89f0-3efc4d641c9c"
REFERRAL_CALL = "a550f679-3604-4bdc-9308-573329d886d1"
EDUCATION = "99b1079d-3420-4197-ac7d-708c97203f2e"
MAY_INSTRUCTIONS = "39c1c467-6e6a-4e2f-b82e-b70750cbd933"
FLOW_SHEET_JUNE = "86a93cdb-da8b-4c9a-b07c-641a19fb5ed9"
PET_AUGUST = "b41550bb-2fd8-4963-9443-92a2429d4dbb"
TSH_CALL = "0ab80fbd-9c7a-4bce-abd8-1ba44c86ec94"
FLOW_SHEET_SEPTEMBER = "cc7a9b1c-6bfe-49c2-9255-85022eda4dbc"
FLOW_SHEET_DECEMBER = "5184613c-11f7-4ecb-985a-1920daba51c1"
CT_FEBRUARY = "a73bad38-58eb-48ea-8104-8692fc6c6096"
ENDOSCOPY = "f051320d-2f94-4daa-a819-05c8eff11b3f"
BIOPSIES = "47b10e30-fc09-4438-a2c8-44741aac610f"
PROGRESS_20_MARCH = "4a16150f-c95e-47cd-81a4-78511581d635"
PROGRESS_27_MARCH = "31bbcfb4-704e-4e28-8f33-f0db97d5598d"
MARCH_INSTRUCTIONS = "97e2279b-a283-46b2-a246-9c061b163b0b"


def oncology_notes(data: Path) -> tuple[HistoryDocument, ...]:
    """The sixteen notes of the synthetic oncology patient, oldest first."""
    files = sorted((data / "reports" / "patient_4" / "clinical_notes").glob("*.json"))
    notes = [json.loads(file.read_text("utf-8")) for file in files]
    documents = (
        HistoryDocument(
            document_id=n["id"],
            kind=KINDS.get(n["note_type"], DocumentKind.NOTE),
            title=n["note_type"],
            text=n["text"],
            dated=date.fromisoformat(n["date"]),
        )
        for n in notes
    )
    return tuple(sorted(documents, key=lambda d: (d.dated or date.min, d.document_id)))


def chest_radiographs(data: Path) -> tuple[HistoryDocument, ...]:
    """The reports of the Indiana collection: each is another patient's."""
    documents = []
    for file in sorted((data / "reports" / "indiana_cxr").glob("*.xml")):
        sections = ElementTree.parse(file).iter("AbstractText")
        text = "\n".join(f"{s.get('Label')}: {s.text or ''}" for s in sections)
        documents.append(
            HistoryDocument(file.stem, DocumentKind.IMAGING_REPORT, "Chest radiograph", text, date(2013, 8, 1))
        )
    return tuple(documents)


def note(
    text: str,
    dated: str = "2022-06-01",
    *,
    kind: DocumentKind = DocumentKind.NOTE,
    title: str = "Progress Notes",
    document_id: str = "note",
) -> HistoryDocument:
    """A note made for one test."""
    return HistoryDocument(document_id, kind, title, text, date.fromisoformat(dated))
