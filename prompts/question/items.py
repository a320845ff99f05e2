"""A text as a row of items: terms of the lexicon, cues, punctuation, and the words between."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from domain.codes import Category
from prompts.cues import General, NotImaging, Sign, cues
from prompts.lexicon import Concept, lexicon
from prompts.terms import Terms
from prompts.words import Word

_PUNCTUATION = {
    ".": "stop",
    ";": "stop",
    ":": "stop",
    "!": "stop",
    "\n": "stop",
    "?": "question",
    ",": "comma",
    "(": "open",
    ")": "close",
    "/": "and",
    "and": "and",
    "or": "or",
    "nor": "or",
    "und": "and",
    "y": "and",
    "plus": "and",
}
BREAKS = frozenset({"stop", "question", "comma", "open", "close"})
PLACES = frozenset({"organ", "substructure", "tissue", "region"})
"""Kinds of concepts that a lesion can be in."""


@dataclass(frozen=True)
class Item:
    """Some words with one role.

    Attributes:
        role: "concept", "adjective", "sign", "not_imaging", a role of prompts.cues, punctuation, "filler",
            "joining", "examination" or "word".
        start, end: its words.
        value: what the words stand for.
    """

    role: str
    start: int
    end: int
    value: Concept | Sign | NotImaging | None = None

    @property
    def concept(self) -> Concept | None:
        """The concept of a name or adjective."""
        return self.value if isinstance(self.value, Concept) else None

    @property
    def place(self) -> Concept | None:
        """The concept when a lesion can be in it."""
        concept = self.concept
        return concept if concept is not None and concept.kind in PLACES else None


def items(written: tuple[Word, ...]) -> tuple[Item, ...]:
    """All items of a text in order; the longest term at a word wins."""
    folded = [w.folded for w in written]
    row: list[Item] = []
    place = 0
    while place < len(folded):
        item = _item(written, folded, place)
        row.append(item)
        place = item.end
    return tuple(row)


def _item(written: tuple[Word, ...], folded: list[str], place: int) -> Item:
    mark = _PUNCTUATION.get(folded[place])
    side = _letter_side(written[place])
    best = Item(mark or side or _plain(folded, place), place, place + 1)
    if mark not in (None, "and", "or"):
        return best
    length = 1 if mark or side else 0
    for candidate in _candidates(written, folded, place):
        if candidate.end - place > length:
            best, length = candidate, candidate.end - place
    if best.role == "word" and (match := cues().joining.longest(folded, place)):
        return Item("joining", place, place + match[0])
    if best.role == "word" and (match := cues().examination.longest(folded, place)):
        return Item("examination", place, place + match[0])
    return best


def _candidates(written: tuple[Word, ...], folded: list[str], place: int) -> list[Item]:
    """Possible readings at a word; of equally long ones the first counts."""
    found = []
    if (role := cues().roles.longest(folded, place)) and role[1] == "inert":
        found.append(Item("inert", place, place + role[0]))
    tables: list[tuple[str, Terms[NotImaging] | Terms[Sign] | Terms[Concept]]] = [
        ("not_imaging", cues().not_imaging),
        ("sign", cues().signs),
        ("concept", lexicon().names),
        ("adjective", lexicon().adjectives),
    ]
    for name, terms in tables:
        match = terms.longest(folded, place)
        if match and not _lower_abbreviation(written[place], match[0]):
            found.append(Item(name, place, place + match[0], match[1]))
    if not found and (general := cues().general.longest(folded, place)):
        found.append(Item("concept", place, place + general[0], _general(general[1])))
    if role and role[1] != "inert":
        found.append(Item(role[1], place, place + role[0]))
    return found


@cache
def _general(short: General) -> Concept:
    """A short name as a concept that is replaced once the examination is known; it has a side as what it means may."""
    return Concept(short.name, "fluid", Category.OTHER, paired=True, means=short.means)


def _lower_abbreviation(word: Word, length: int) -> bool:
    return length == 1 and word.folded in cues().capitals_only and not word.raw.isupper()


def _letter_side(word: Word) -> str:
    return {"L": "left", "R": "right"}.get(word.raw, "")


def _plain(folded: list[str], place: int) -> str:
    word = folded[place]
    return "filler" if word in cues().filler or word[0].isdigit() else "word"
