"""Words of a free text, folded so that spelling variants of medical English compare equal."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

TEXT_LIMIT = 20_000
"""Characters of a text that are read; an order or a question is far shorter."""

WORD_LIMIT = 40
"""Longest word that can be a term."""

_WORD = re.compile(
    r"\d+(?:[.,]\d+)*[^\W\d_]*"  # 12  1.5  3mm
    r"|(?:k/c/o|[rshwcf]/[opuct]|b/l|y/o)(?![^\W_])"  # r/o, s/p, h/o, w/o, f/u
    r"|[+-]ve(?![^\W_])"
    r"|[^\W\d_][^\W_]*(?:['’][^\W\d_]+)?"
    r"|[?.;:,()!&+/\n]",
    re.IGNORECASE,
)
_SIGNS = {"&": "and", "+": "and", "-ve": "negative", "+ve": "positive"}
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
PUNCTUATION = frozenset("?.;:,()!/\n")


@dataclass(frozen=True)
class Word:
    """One word or punctuation mark.

    Attributes:
        folded: lower case, without accents and apostrophes, US spelling.
        raw: as written.
        start, end: place in the text, in characters.
    """

    folded: str
    raw: str
    start: int
    end: int


@lru_cache(maxsize=20_000)
def fold(word: str) -> str:
    """Lower case, without accents, UK digraphs and -our as in US spelling ("Oedema" → "edema")."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(c))
    plain = plain.replace("'", "").replace("’", "")
    if len(plain) >= 6:
        plain = plain.replace("ae", "e").replace("oe", "e").replace("our", "or")
    return _SIGNS.get(plain, plain)


def readable(text: str) -> str:
    """The text with spaces for control characters and for lone surrogates, which no encoding has; as long as before."""
    return _UNREADABLE.sub(" ", text)


def words(text: str) -> tuple[Word, ...]:
    """The words of the first `TEXT_LIMIT` characters; hyphens separate, "?x" reads "query x"."""
    found = []
    text = text[:TEXT_LIMIT]
    for match in _WORD.finditer(text):
        raw = match.group()
        queried = raw == "?" and text[match.end() : match.end() + 1].strip().isalnum() and _opens(text, match.start())
        folded = "query" if queried else fold(raw[:WORD_LIMIT])
        found.append(Word(folded, raw, match.start(), match.end()))
    return tuple(found)


def _opens(text: str, place: int) -> bool:
    return place == 0 or not text[place - 1].isalnum()


def phrase(text: str) -> tuple[str, ...]:
    """A term as folded words, punctuation dropped."""
    return tuple(w.folded for w in words(text) if w.folded not in PUNCTUATION)


@lru_cache(8192)
def singulars(word: str) -> tuple[str, ...]:
    """What a folded word may be the plural of (English and Latin endings); most likely first."""
    forms: list[str] = []
    for ending, singular in _PLURALS:
        if word.endswith(ending) and len(word) > len(ending) + 2:
            forms.append(word[: -len(ending)] + singular)
    return tuple(forms)


_PLURALS = (
    ("s", ""),
    ("es", ""),
    ("ies", "y"),
    ("ses", "sis"),
    ("xes", "x"),
    ("ices", "ex"),
    ("ices", "ix"),
    ("mata", "ma"),
    ("ae", "a"),
    ("i", "us"),
    ("a", "um"),
    ("a", "on"),
)
