"""A model's text as plain sentences: one spelling of dashes and digits, no marks that hide or restyle words."""

from __future__ import annotations

import re
import unicodedata

_MARKUP = re.compile(
    r"<\s{0,3}/?\s{0,3}[a-zA-Z!][^<>]{0,300}>|<!--|-->"  # HTML
    r"|\]\s*\(|\]\s*\[?\s*:|!\["  # links, references and images of Markdown
    r"|https?://|www\.|~~|```|[\\$]|&[#\w]+;",
    re.IGNORECASE,
)
_JOINED_DIGITS = re.compile(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))")
_POWER = re.compile(r"(?<=\d)([\u00b2\u00b3\u2070-\u2079])")
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d", "-"))
_STYLE = re.compile(r"\*+|`|(?<!\w)_+|_+(?!\w)")
_OPENING = re.compile(r"^\s*(?:[-*+\u2022>#|]+\s+|\|\s*|\d{1,2}[.)]\s+(?=[^\W\d_]))+")
_ABBREVIATED = re.compile(
    r"(?:^|\n)\s*\d{1,2}\.$|\b(?:e\.g|i\.e|approx|ca|vs|no|nr|fig|max|min|incl|resp|dr|prof|z\.\s?b|d\.\s?h|bzw|v\.\s?a|z\.\s?n|p\.\s?ej|aprox)\.$",
    re.IGNORECASE,
)
_END = re.compile(r"[.!?]+(?:[)\"'*_]+)?\s+|\n+")
_LEFTOVER = re.compile(r"[\s.,;:!?()*_]*(?:\[[^\]]*\][\s.,;:!?()*_]*)+")


_SIGNS = frozenset("+-<>=|~^°²³×±≈≤≥→−")
_PICTURES = frozenset({"So", "Sm", "Sk"})


def marked_up(text: str) -> bool:
    """Whether a sentence carries links, HTML, formulas, pictures or struck-out words: a reader may see another text."""
    signs = (c for c in text if c not in _SIGNS and unicodedata.category(c) in _PICTURES)
    return _MARKUP.search(text) is not None or any(c != "`" for c in signs)


def plain(text: str) -> str:
    """A sentence without invisible characters, emphasis and list marks; dashes as "-", "10²" as "10^2"."""
    text = _JOINED_DIGITS.sub("", text)
    text = _POWER.sub(r"^\1", text)
    text = unicodedata.normalize("NFKC", text).translate(_DASHES)
    kept = "".join(" " if unicodedata.category(c) in {"Cc", "Co", "Cs"} else c for c in text if not _invisible(c))
    return " ".join(_STYLE.sub("", _OPENING.sub("", kept)).replace("|", " ; ").split())


def _invisible(character: str) -> bool:
    return unicodedata.category(character) == "Cf"


def sentences(text: str) -> tuple[str, ...]:
    """The sentences of a text as written. Ids in brackets behind a full stop belong to the sentence before."""
    found: list[str] = []
    start = 0
    for end in _END.finditer(text):
        piece = text[start : end.end()]
        if "\n" not in end.group() and _ABBREVIATED.search(piece.strip()):
            continue
        found.append(piece)
        start = end.end()
    found.append(text[start:])
    joined: list[str] = []
    for piece in found:
        rest = _LEFTOVER.match(piece)
        if rest and joined:
            joined[-1] = f"{joined[-1].rstrip()} {rest.group().strip()}"
        remaining = piece[rest.end() :] if rest and joined else piece
        if remaining.strip():
            joined.append(remaining)
    return tuple(piece.strip() for piece in joined)
