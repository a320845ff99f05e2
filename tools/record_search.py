"""Passages of a patient's record for a model to read: without identity, a few, and short."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from domain.history import DocumentKind, HistoryDocument
from domain.study import Patient
from tools.clinical_record.search import Passage, search
from tools.deidentification_text import scrub_text

PASSAGES = 6
CHARACTERS = 2_000
"""Of all passages of one answer together."""
LONGEST_TITLE = 80
NEWEST, BEGINNING = 3, 400
"""Documents, and characters of each, that are shown where no passage fits."""


@dataclass(frozen=True)
class Searched:
    """What a search gave.

    Attributes:
        passages: best first, without identity; `span` counts in the text as it was after identity was taken out.
        documents: how many were searched.
    """

    passages: tuple[Passage, ...]
    documents: int


def search_record(
    documents: Sequence[HistoryDocument], patient: Patient, query: str, kinds: Sequence[DocumentKind]
) -> Searched:
    """The best passages within the limits. Identity is taken out of whole documents, before they are cut.

    The words of a question ("how is the kidney function?") are often not those of the record: where none fits, the
    newest documents of the kinds that were asked for are shown, and none where no kind was.

    Args:
        documents: of one patient. patient: whose identifiers are removed.
        kinds: only documents of these kinds; empty for all.
    """
    chosen = [
        replace(d, title=_title(scrub_text(d.title, patient).value, d.kind), text=scrub_text(d.text, patient).value)
        for d in documents
        if not kinds or d.kind in kinds
    ]
    found = search(chosen, query, limit=PASSAGES) or (_newest(chosen) if kinds else ())
    return Searched(tuple(_within(found)), len(chosen))


def _newest(documents: Sequence[HistoryDocument]) -> tuple[Passage, ...]:
    """The beginnings of the newest documents, newest first."""
    ordered = sorted(documents, key=lambda d: d.dated or date.min, reverse=True)[:NEWEST]
    return tuple(_beginning(d) for d in ordered)


def _beginning(document: HistoryDocument) -> Passage:
    text = document.text[:BEGINNING]
    span = (0, len(text))
    return Passage(document.document_id, text, span, document.dated, document.kind, document.title, 0.0)


def _within(found: Sequence[Passage]) -> Iterator[Passage]:
    left = CHARACTERS
    for passage in found:
        left -= len(passage.text)
        if left < 0:
            return
        yield passage


def _title(title: str, kind: DocumentKind) -> str:
    """One short line without quotation marks; the kind where there is no title."""
    shown = " ".join(title.split()).replace('"', "'")[:LONGEST_TITLE].strip()
    return shown or kind.value.replace("_", " ")
