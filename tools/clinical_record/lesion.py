"""Which lesion a number in a sentence belongs to, named by its site: "lingula lesion", "subcarinal node"."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from tools.clinical_record.place import organ_of, sites_in
from tools.clinical_record.vocabulary import Hit, Lexicon, lexicon, words

_BOUNDARY = re.compile(r"[,;:(.]")
_SITE_LINK = re.compile(
    r"\s*(?:\b(?:is|was|are|were|seen|noted|located|anteriorly|posteriorly)\b\s*)*(?:\b(?:in|within|at|of|by|on)\b\s*)?(?:the\s+)?",
    re.IGNORECASE,
)
_NOT_ADJECTIVE = re.compile(
    r"[,;:(.]|\b(?:with|and|is|was|has|have|now|compared|as|on|to|at|in|by|from|previously|of)\b", re.IGNORECASE
)
_SAME_AGAIN = re.compile(
    r"\b(?:this|it)\b\s+(?:now\s+|was\s+|previously\s+|has\s+)*(?:measure|is|was|had|has|demonstrate)"
    r"|^\W*(?:max\s+)?suv|\bthis site\b|^\W*(?:now\s+)?(?:previously\s+)?measur",
    re.IGNORECASE,
)
_BEFORE_NOUN = 45
_AFTER_SIZE = 60
_BEFORE_SIZE = 90


def lesions_in(text: str) -> tuple[Hit, ...]:
    """Lesions that a text names together with their site, in order."""
    found = ((_named(text, noun), noun) for noun in _nouns(text))
    return tuple(Hit(name, noun.start, noun.end) for name, noun in found if name)


def lesion_of(text: str, start: int, end: int, carried: str) -> str:
    """The lesion that the number from `start` to `end` belongs to, "" where the text does not say.

    Args:
        carried: what "this" stands for, from the sentences before.
    """
    nouns = _nouns(text)
    after = next((n for n in nouns if end <= n.start <= end + _AFTER_SIZE), None)
    if after and not _NOT_ADJECTIVE.search(text[end : after.start]):
        return _named(text, after) or (carried if _SAME_AGAIN.search(text) else "")
    before = [n for n in nouns if n.end <= start and _belongs(text, n.end, start)]
    if before:
        return _named(text, before[-1]) or (carried if _SAME_AGAIN.search(text) else "")
    return carried if _SAME_AGAIN.search(text) else ""


def node_near(text: str, start: int, end: int) -> str:
    """The nodal station that an uptake value belongs to where the sentence names a region and no lesion."""
    near = [h for h in sites_in(text) if start <= h.start and h.end <= end and organ_of(h.name) == "node"]
    return f"{near[-1].name} node" if near else ""


@lru_cache(maxsize=4)
def _nouns(text: str) -> tuple[Hit, ...]:
    # Asked once for each number of a sentence.
    return tuple(lexicon("lesion_nouns").find(text))


def _belongs(text: str, left: int, right: int) -> bool:
    """Whether a lesion and a number after it stand in one phrase: brackets bind, a comma outside of them parts."""
    between = text[left:right]
    if len(between) > _BEFORE_SIZE or re.search(r"[;]|\.\s", between):
        return False
    outside = re.sub(r"\([^)]*(?:\)|$)", "", between)
    return "," not in outside


def _named(text: str, noun: Hit) -> str:
    """The name of a lesion with its site; "" without a site."""
    lead = _BOUNDARY.split(text[max(0, noun.start - _BEFORE_NOUN) : noun.start])[-1]
    inside = sites_in(text[noun.start : noun.end])
    near = [h.name for h in sites_in(lead) if not _NOT_ADJECTIVE.search(lead[h.end :])]
    sites = near or [h.name for h in inside]
    if not sites:
        link = _SITE_LINK.match(text, noun.end)
        offset = link.end() if link else noun.end
        sites = [h.name for h in sites_in(text[offset : offset + 35]) if h.start == 0]
    if not sites:
        return ""
    kind = "node" if organ_of(sites[-1]) == "node" else noun.name
    descriptor = next((f"{h.name} " for h in _descriptors().find(lead)), "")
    return f"{descriptor}{sites[-1]} {kind}"


@cache
def _descriptors() -> Lexicon:
    """Descriptors that tell one lesion of a site from another."""
    return Lexicon({word: (word,) for word in words()["lesion_descriptors"] if word != "noncalcified"})
