"""What the record says to a question: quoted passages, each with its document."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from agents.board.case import Case
from domain.board import Claim, Source
from domain.history import DocumentKind, HistoryDocument
from tools.clinical_record.search import search

PASSAGES = 4
NEWEST, BEGINNING = 2, 400
"""Documents, and characters of each, that are read out where no passage fits."""


async def passages(case: Case, question: str, kinds: Sequence[DocumentKind] = ()) -> list[Claim]:
    """Passages that fit; where none does, how the newest documents of the wanted kinds begin.

    A record that has no document of these kinds is searched as a whole.
    """
    of_kind = [d for d in case.documents if d.kind in kinds]
    found = await asyncio.to_thread(search, of_kind or case.documents, question, limit=PASSAGES)
    if not found:
        return [_quoted(d, d.text[:BEGINNING]) for d in of_kind[-NEWEST:] if d.text.strip()]
    documents = {d.document_id: d for d in case.documents}
    return [_quoted(documents[p.document_id], p.text) for p in found]


def _quoted(document: HistoryDocument, quote: str) -> Claim:
    when = f", {document.dated.isoformat()}" if document.dated else ""
    text = f"{document.title}{when}: {' '.join(quote.split())}"
    return Claim(text, (Source("document", document.document_id, quote),))
