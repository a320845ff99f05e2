"""Objects of a request that the lexicon does not have: taken in the text's own words."""

from __future__ import annotations

from dataclasses import dataclass

from prompts.cues import cues
from prompts.question.reading import Reading
from prompts.words import PUNCTUATION, Word, singulars

LONGEST = 6
"""Words of the longest name that is taken."""

REACH = 40
"""Words after a verb in which the members of its list are looked for."""

_ARTICLES = frozenset(
    {"the", "a", "an", "any", "all", "this", "that", "both", "each", "every", "his", "her", "their", "of"}
)
_EVERYTHING = frozenset({"organ", "structure", "everything", "all", "anything", "abnormality", "finding", "image"})
_LINKS = frozenset({"and", "or", ",", "/", "plus"})
_DETERMINERS = frozenset({"the", "a", "an", "left", "right", "both"})


@dataclass(frozen=True)
class Unknown:
    """A named structure outside the lexicon, with its place in the text in characters."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Objects:
    """Objects outside the lexicon, and objects that name no structure at all."""

    unknown: tuple[Unknown, ...]
    not_understood: tuple[str, ...]


def unnamed_objects(written: tuple[Word, ...], reading: Reading) -> Objects:
    """Objects of "segment …", "measure …", "rule out …" that no term of the lexicon explains."""
    unknown: list[Unknown] = []
    unclear: list[str] = []
    for start, role in reading.requests:
        if role not in {"outline", "rule_out"}:
            continue
        for order, part in enumerate(_members(written, start, reading)):
            if part and not any(place in reading.covered for place in part):
                _sort(written, part, order > 0, unknown, unclear)
    return Objects(tuple(unknown), tuple(unclear))


def _members(written: tuple[Word, ...], start: int, reading: Reading) -> list[list[int]]:
    """Words of each member of the list after a verb."""
    parts: list[list[int]] = [[]]
    others = {place for place, _ in reading.requests if place > start}
    for place in range(start, min(start + REACH, len(written))):
        folded = written[place].folded
        if place in others or (folded in PUNCTUATION and folded not in _LINKS):
            break
        if folded in _LINKS and place not in reading.covered:
            parts.append([])
        else:
            parts[-1].append(place)
    return parts


def _sort(written: tuple[Word, ...], part: list[int], later: bool, unknown: list[Unknown], unclear: list[str]) -> None:
    name = _noun_phrase(written, part)
    if not name:
        return
    first, last = written[name[0]], written[name[-1]]
    text = " ".join(written[p].raw.lower() for p in name)
    head = name[-1]
    for place in name[1:]:
        if written[place].folded == "of":
            head = place - 1
            break
    if later and not (written[part[0]].folded in _DETERMINERS or last.folded in cues().compound_heads):
        return
    if _abstract(written[head].folded) or len(name) > LONGEST:
        if not later and not _general(written[head].folded):
            unclear.append(text)
        return
    unknown.append(Unknown(text, first.start, last.end))


def _noun_phrase(written: tuple[Word, ...], part: list[int]) -> list[int]:
    """The words from the first content word to the first that cannot belong to a name."""
    rest = list(part)
    while rest and _introduces(written, rest):
        rest.pop(0)
    name: list[int] = []
    for place in rest:
        word = written[place].folded
        if word in cues().stop or word.endswith("ly") or not word[0].isalpha():
            break
        name.append(place)
    while name and written[name[-1]].folded in _ARTICLES:
        name.pop()
    return name


def _introduces(written: tuple[Word, ...], rest: list[int]) -> bool:
    word = written[rest[0]].folded
    measured = len(rest) > 1 and written[rest[1]].folded == "of" and word in cues().measurements.vocabulary
    return word in _ARTICLES or word in cues().filler or measured


def _general(word: str) -> bool:
    """Words for what the lexicon need not name: "its volume", "all organs"."""
    return word in cues().measurements.vocabulary or any(s in _EVERYTHING for s in (word, *singulars(word)))


def _abstract(word: str) -> bool:
    nothing = cues().not_a_structure
    return word in nothing or any(s in nothing for s in singulars(word))
