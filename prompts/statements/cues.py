"""The cues of statements (cues.yaml), read once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from prompts.data import read_yaml, strings
from prompts.lexicon import Concept, lexicon
from prompts.terms import Terms
from prompts.words import phrase

ROLES = (
    "neutral",
    "kept_open",
    "asked",
    "undone",
    "empty",
    "past",
    "past_before",
    "persists",
    "denied",
    "denied_after",
    "doubt",
    "not",
    "unlike",
)
"""Roles of what is claimed; where a phrase stands under two, the earlier one counts."""
STATES = ("unlikened", "stable", "larger", "smaller", "new", "gone", "compared", "changed")
VERDICTS = ("passed", "rejected", "doubted")
SIDES: Mapping[str, frozenset[str]] = {
    "left": frozenset({"left"}),
    "right": frozenset({"right"}),
    "both": frozenset({"left", "right"}),
}


@dataclass(frozen=True, eq=False)
class StatementCues:
    """All cues; word sets are folded.

    Attributes:
        roles: of what is claimed. states: of comparison.
        measures: names of measurements, "diameter" for any length, "density" for values.
        ranges: words that make two values the ends of a range.
        vocabulary: words of reports that claim nothing alone. courtesy: words that make a sentence without a claim.
        acting: words that invite to act on a draft, which need one of `holding` beside them.
        fronting: words that put a structure before the sentence about it. than: what compares two structures.
        names: of concepts, besides those of the lexicon. qualifiers: words that stand for each other.
    """

    roles: Terms[str]
    states: Terms[str]
    sides: Terms[str]
    side_letters: Mapping[str, str]
    measures: Terms[str]
    times: Terms[str]
    ranges: frozenset[str]
    judgements: Terms[str]
    verdicts: Terms[str]
    drawn: frozenset[str]
    also: frozenset[str]
    begins: frozenset[str]
    verbs: frozenset[str]
    places: Terms[str]
    vocabulary: frozenset[str]
    courtesy: frozenset[str]
    courtesy_phrases: Terms[str]
    acting: frozenset[str]
    holding: frozenset[str]
    fronting: frozenset[str]
    than: frozenset[str]
    names: Terms[Concept]
    qualifiers: tuple[frozenset[str], ...]
    offers: tuple[tuple[str, ...], ...]


@cache
def statement_cues() -> StatementCues:
    """The cues, read once."""
    raw = read_yaml("statements/cues.yaml")
    measures = {**raw["measures"], "diameter": raw["diameters"], "density": raw["densities"]}
    return StatementCues(
        roles=_terms(raw, ROLES),
        states=_terms(raw, STATES),
        sides=_terms(raw, tuple(SIDES)),
        side_letters={w: side for side in ("left", "right") for w in _folded(raw[f"{side}_letter"])},
        measures=_terms(measures, tuple(measures)),
        times=_terms(raw, ("now", "before")),
        ranges=_folded(raw["ranges"]),
        judgements=_terms(raw, ("judgements",)),
        verdicts=_terms(raw, VERDICTS),
        drawn=_folded(raw["drawn"]),
        also=_folded(raw["also"]),
        begins=_folded(raw["begins"]),
        verbs=_folded(raw["verbs"]),
        places=_terms(raw, ("places",)),
        vocabulary=_folded(raw["vocabulary"]),
        courtesy=_folded(raw["courtesy"]),
        courtesy_phrases=_terms(raw, ("courtesy_phrases",)),
        acting=_folded(raw["acting"]),
        holding=_folded(raw["holding"]),
        fronting=_folded(raw["fronting"]),
        than=_folded(raw["than"]),
        names=_names(raw["names"]),
        qualifiers=tuple(_folded(row) for row in raw["qualifiers"].values()),
        offers=tuple(phrase(text) for text in strings(raw["offers"])),
    )


def _terms(raw: Mapping[str, object], groups: Iterable[str]) -> Terms[str]:
    terms: Terms[str] = Terms()
    for group in groups:
        terms.add(strings(raw[group]), group)
    return terms


def _names(raw: Mapping[str, object]) -> Terms[Concept]:
    terms: Terms[Concept] = Terms()
    for name, texts in raw.items():
        if name not in lexicon().concepts:
            raise ValueError(f"cues.yaml: {name!r} is no concept of the lexicon")
        terms.add(strings(texts), lexicon().concepts[name])
    return terms


def _folded(values: object) -> frozenset[str]:
    return frozenset(word for value in strings(values) for word in phrase(value))


_ENDINGS = ("ings", "ing", "ed", "ly", "en", "em", "er", "es", "e", "n", "s", "d", "o", "a")
_LEAST_STEM = 4


def _stem(word: str) -> str:
    """A word without its inflection, roughly; what is compared is cut on both sides."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST_STEM:
            return word.removesuffix(ending)
    return word


@lru_cache(maxsize=256)
def _stems(vocabulary: frozenset[str]) -> frozenset[str]:
    return frozenset(_stem(word) for word in vocabulary)


def known_word(word: str, vocabulary: frozenset[str], own: frozenset[str] = frozenset()) -> bool:
    """Whether a folded word says nothing by itself, or stands in the texts behind a sentence.

    Args:
        word: folded. vocabulary: of reports.
        own: words of the texts; an inflection of one, or its counterpart in another language, is known, too. A word of
            size or course is known by them only.
    """
    if known_qualifier(word):
        return any(row & own for row in statement_cues().qualifiers if word in row)
    forms = (word, word.removesuffix("s"))
    return any(f in words or _stem(f) in _stems(words) for f in forms for words in (vocabulary, own))


def known_qualifier(word: str) -> bool:
    """Whether a folded word is one of size or course ("small")."""
    return any(word in row for row in statement_cues().qualifiers)
