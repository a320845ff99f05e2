"""Bodies of histories."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.history import DocumentKind, HistoryDocument
from records.history import LONGEST_TEXT

MOST_ENTRIES = 5_000
IDENTIFIER = r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$"


class Note(BaseModel):
    """One document that is sent as text."""

    model_config = ConfigDict(extra="forbid")

    kind: DocumentKind = DocumentKind.NOTE
    title: str = Field(min_length=1, max_length=200, description="Short, without identity.", examples=["Pathology"])
    text: str = Field(min_length=1, max_length=LONGEST_TEXT)
    dated: date | None = Field(default=None, description="When it was written; null when that is unknown.")
    id: str = Field(
        default="", max_length=128, description="Yours, to replace it later; made from its content when left out.",
        pattern=r"^$|" + IDENTIFIER,
    )  # fmt: skip

    def document(self) -> HistoryDocument:
        """As it is kept. The same note sent again is the same document."""
        facts = "\x1f".join((self.kind.value, self.title, self.text, str(self.dated)))
        document_id = self.id or f"note-{hashlib.sha256(facts.encode('utf-8', 'replace')).hexdigest()[:24]}"
        return HistoryDocument(document_id, self.kind, self.title, self.text, self.dated, "upload")


class FhirBundle(BaseModel):
    """A FHIR R4 Bundle; its clinical entries are read as documents."""

    model_config = ConfigDict(extra="ignore")

    resourceType: Literal["Bundle"]  # noqa: N815 (FHIR's name)
    type: str = Field(default="collection", max_length=40)
    entry: list[dict[str, Any]] = Field(max_length=MOST_ENTRIES)


class DocumentSummary(BaseModel):
    """A document in a list."""

    document_id: str
    kind: DocumentKind
    title: str
    dated: date | None
    source: str = Field(examples=["FHIR DiagnosticReport/17"])
    characters: int = Field(description="Length of its text.")


class DocumentView(DocumentSummary):
    """A document with its text."""

    text: str


class RefusedEntry(BaseModel):
    """An entry that was not kept."""

    entry: str = Field(examples=["Observation/17"])
    reason: str = Field(examples=["It is about another patient."])


class HistoryList(BaseModel):
    """A patient's uploaded history, oldest first, documents without a date last."""

    documents: list[DocumentSummary]


class HistoryStored(BaseModel):
    """What came of an upload."""

    stored: list[DocumentSummary]
    refused: list[RefusedEntry]


def summary(document: HistoryDocument) -> DocumentSummary:
    """The list form of a document."""
    return DocumentSummary(**_facts(document))


def view(document: HistoryDocument) -> DocumentView:
    """The whole wire form of a document."""
    return DocumentView(**_facts(document), text=document.text)


def _facts(document: HistoryDocument) -> dict[str, Any]:
    return {
        "document_id": document.document_id,
        "kind": document.kind,
        "title": document.title,
        "dated": document.dated,
        "source": document.source,
        "characters": len(document.text),
    }
