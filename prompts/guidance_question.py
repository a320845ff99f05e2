"""What a question about guidance names: concepts, categories of reporting systems, and sizes in millimetres."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from prompts.data import read_yaml, strings
from prompts.terms import Terms
from prompts.words import PUNCTUATION, fold, readable, words

READ = 2_000
"""Characters of a question that are read."""

_ROMAN = {"i": "1", "ii": "2", "iif": "2f", "iii": "3", "iv": "4", "v": "5"}
_NEGATIONS = frozenset({"no", "not", "without", "kein", "keine", "keinen", "ohne", "sin", "non"})
_NEGATION_REACH = 2
_SHORT = re.compile(r"([a-z]+)(\d[a-z]?)")
_NUMBER = r"\d{1,4}(?:[.,]\d{1,2})?"
_UNIT = r"(?:mm|cm|millimet(?:er|re|ro)s?|zentimeter|centimet(?:er|re|ro)s?|milimetros?)"
_SIZE = re.compile(
    r"(?P<compare>(?:>|<)(?!=)|\b(?:over|above|exceeding|(?:larger|greater|more|bigger) than|uber|(?:grosser|mehr) als"
    r"|mayor (?:de|que)|mas de|under|below|(?:smaller|less) than|unter|(?:kleiner|weniger) als|menor (?:de|que)"
    r"|menos de)"
    rf"\b)?\s{{0,3}}(?<![\d.,])(?P<first>{_NUMBER})"
    rf"(?P<axes>(?:\s?{_UNIT})?(?:\s?[x×*]\s?{_NUMBER}(?:\s?{_UNIT})?){{1,2}})?"
    rf"(?:\s?(?:-|–|to|bis|hasta|a)\s?(?P<last>{_NUMBER}))?\s?(?P<unit>{_UNIT})\b"
)
_LESS = frozenset({"<", "under", "below", "smaller than", "less than", "unter", "kleiner als", "weniger als"})
_LESS_SPANISH = ("menor", "menos")
_BEYOND_MM = 1.0
"""How far beyond its border "over 8 mm" is looked up: the next whole millimetre."""


@dataclass(frozen=True)
class Size:
    """A size that a question names, in mm: the largest of its axes and their mean."""

    largest: float
    mean: float


@dataclass(frozen=True)
class Asked:
    """A question as it is looked up.

    Attributes:
        concepts: what it names, systems too; not what it denies ("no cancer").
        grades: category by system.
        organs: those of the concepts that are organs.
        forbidden: it asks what an imaging table must not answer.
    """

    concepts: frozenset[str]
    grades: Mapping[str, str]
    sizes: tuple[Size, ...]
    organs: frozenset[str]
    forbidden: bool


@dataclass(frozen=True, eq=False)
class GuidanceTerms:
    """The words of guidance_terms.yaml."""

    terms: Terms[tuple[str, ...]] = field(repr=False)
    grades: Mapping[str, frozenset[str]]
    single: Mapping[str, str]
    fillers: frozenset[str]
    organs: frozenset[str]
    known: frozenset[str]
    never: frozenset[str]

    def read(self, question: str) -> Asked:
        """What a question names. Work grows linearly with its first `READ` characters."""
        text = readable(question[:READ])
        folded = self._words(text)
        concepts: set[str] = set()
        graded: dict[str, str] = {}
        at = 0
        while at < len(folded):
            found = self.terms.longest(folded, at)
            if found is None:
                at += 1
                continue
            length, names = found
            if not _NEGATIONS & set(folded[max(0, at - _NEGATION_REACH) : at]):
                concepts.update(names)
            at += length
            for name in names:
                grade = self._grade(name, folded[at : at + 4])
                if grade:
                    graded.setdefault(name, grade)
        return Asked(
            frozenset(concepts),
            graded,
            _sizes(text),
            frozenset(concepts & self.organs),
            bool(self.never & set(folded)),
        )

    def _words(self, text: str) -> tuple[str, ...]:
        """Folded words without punctuation; a category run together with its system's name apart ("TR4")."""
        apart: list[str] = []
        for word in (w.folded for w in words(text) if w.folded not in PUNCTUATION):
            short = _SHORT.fullmatch(word)
            apart += short.groups() if short and short[1] in self.single else [word]
        return tuple(apart)

    def _grade(self, system: str, following: Sequence[str]) -> str:
        """The category right after a system's name, or after words such as "category"; "" without one."""
        allowed = self.grades.get(system, frozenset())
        for word in following:
            grade = _ROMAN.get(word, word)
            if grade in allowed:
                return grade
            if word not in self.fillers:
                return ""
        return ""


@cache
def guidance_terms() -> GuidanceTerms:
    """The words, read once."""
    raw = read_yaml("guidance_terms.yaml")
    systems: dict[str, Any] = raw["systems"]
    terms: Terms[tuple[str, ...]] = Terms()
    for text, concepts in raw["compounds"].items():
        terms.add([text], strings(concepts))
    for name, system in systems.items():
        terms.add(strings(system["say"]), (name,))
    for name, texts in raw["concepts"].items():
        terms.add(strings(texts), (name,))
    single = {fold(text): name for name, s in systems.items() for text in strings(s["say"]) if " " not in text}
    return GuidanceTerms(
        terms=terms,
        grades={name: frozenset(strings(s.get("grades", []))) for name, s in systems.items()},
        single=single,
        fillers=frozenset(fold(w) for w in strings(raw["fillers"])),
        organs=frozenset(strings(raw["organs"])),
        known=frozenset({*raw["concepts"], *systems, *(c for names in raw["compounds"].values() for c in names)}),
        never=frozenset(fold(w) for w in strings(raw["never"])),
    )


def _sizes(text: str) -> tuple[Size, ...]:
    """Sizes with a unit; a comparison is moved to the next whole millimetre on its side."""
    plain = " ".join(fold(part) for part in text.split())
    return tuple(size for found in _SIZE.finditer(plain) for size in _size(found))


def _size(found: re.Match[str]) -> tuple[Size, ...]:
    factor = 10.0 if found["unit"].startswith(("cm", "z", "c")) else 1.0
    axes = [_value(n) * factor for n in re.findall(_NUMBER, found["first"] + " " + (found["axes"] or ""))]
    moved = _moved(found["compare"] or "")
    first = Size(max(axes) + moved, sum(axes) / len(axes) + moved)
    if found["last"] is None:
        return (first,)
    last = _value(found["last"]) * factor
    return first, Size(last, last)


def _moved(compare: str) -> float:
    if not compare:
        return 0.0
    return -_BEYOND_MM if compare in _LESS or compare.startswith(_LESS_SPANISH) else _BEYOND_MM


def _value(number: str) -> float:
    return float(number.replace(",", "."))
