"""Texts with their structures masked, so that anatomy does not decide which example a text is near to."""

from __future__ import annotations

import re

from prompts.question.grammar import read
from prompts.question.wording import worded
from prompts.words import readable

SLOT = "{target}"
WORD = "organ"
"""What stands in for a structure: a word of the three languages, short, and of one meaning."""

_LIST = re.compile(rf"{WORD}(?:\s{{0,3}}(?:,|/|&|\+|\b(?:and|und|y|e)\b)\s{{0,3}}(?:the )?{WORD})+")
_ORGANS = re.compile(r"\b(?:organs?|organe[ns]?|órganos?)\b", re.IGNORECASE)
"""Organs in general: the word that stands in for a named one is kept for those."""
_JOINED = re.compile(r"\s+(?:or|and|oder|und|o|u|y|e)$", re.IGNORECASE)
"""What joins a structure to the next words; the grammar takes some of them for a side."""
_OPENING = str.maketrans("", "", "¿¡")


def masked(text: str) -> str:
    """A text with each structure that the lexicon has, and each list of them, as one word."""
    text = _ORGANS.sub("structures", readable(text))
    written = worded(text)
    pieces: list[str] = []
    end = 0
    for mention in sorted(read(written).mentions, key=lambda m: m.start):
        if mention.start < end:
            continue
        said = _JOINED.sub("", text[mention.start : mention.end])
        pieces += [text[end : mention.start], WORD]
        end = mention.start + len(said)
    pieces.append(text[end:])
    return _plain("".join(pieces))


def of_example(text: str) -> str:
    """An example with its slots filled."""
    return _plain(_ORGANS.sub("structures", text).replace(SLOT, WORD))


def _plain(text: str) -> str:
    return " ".join(_LIST.sub(WORD, text).translate(_OPENING).split())
