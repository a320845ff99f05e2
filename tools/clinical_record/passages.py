"""Passages of a document: neighbouring sentences, short enough to read at a glance, exact slices of the text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from domain.history import HistoryDocument
from tools.clinical_record.sentences import Sentence, sentences

LONGEST = 400
_OVERLAP = 1
"""Sentences that a passage shares with the one before: an answer is not cut from its subject."""
_SPACE = re.compile(r"\s")


def spans(document: HistoryDocument, longest: int = LONGEST) -> Iterator[tuple[int, int]]:
    """Start and end of the passages of a document, none longer than `longest` characters."""
    pieces = [piece for s in sentences(document.text, document.dated) for piece in _cut(s, document.text, longest)]
    first = 0
    while first < len(pieces):
        last = first
        while last + 1 < len(pieces) and pieces[last + 1][1] - pieces[first][0] <= longest:
            last += 1
        yield pieces[first][0], pieces[last][1]
        if last + 1 >= len(pieces):
            return
        first = max(first + 1, last + 1 - _OVERLAP)


def _cut(sentence: Sentence, text: str, longest: int) -> Iterator[tuple[int, int]]:
    """A sentence, or, where it is too long, pieces of it that end at white space."""
    start = sentence.start
    while sentence.end - start > longest:
        window = text[start : start + longest]
        blanks = [m.start() for m in _SPACE.finditer(window)]
        end = start + (blanks[-1] if blanks and blanks[-1] > longest // 2 else longest)
        yield start, end
        start = end + (1 if text[end : end + 1].isspace() else 0)
    if start < sentence.end:
        yield start, sentence.end
