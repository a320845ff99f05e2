"""Names of examinations: "CT liver" asks for the liver, "brain MRI" only says what was examined."""

from __future__ import annotations

from prompts.cues import cues
from prompts.lexicon import ANYWHERE, Concept
from prompts.question.items import BREAKS, Item
from prompts.words import Word

_BETWEEN = frozenset({"filler", "joining", "left", "right", "both", "inert"})
"""Roles between an examination and its organ: "MRI of the left knee"."""

REACH = 10
"""Items between an examination and its last region."""


def measured(written: tuple[Word, ...], at: int) -> bool:
    """Whether a measurement stands at a word: "hippocampal volume" asks for the hippocampus."""
    return at < len(written) and cues().measurements.longest([w.folded for w in written[at : at + 4]], 0) is not None


def symptom_at(written: tuple[Word, ...], at: int) -> bool:
    """Whether a word makes an organ's name something else: "liver function", but not "liver donor volume"."""
    symptom = cues().symptom.longest([w.folded for w in written[at : at + 4]], 0) if at < len(written) else None
    return symptom is not None and not measured(written, at + symptom[0])


def measured_after(row: tuple[Item, ...], at: int, written: tuple[Word, ...]) -> bool:
    """Whether a measurement follows the name at `at`, past words of the examination ("brain MRI for volumetry")."""
    following = at + 1
    last = min(len(row), at + REACH)
    while following < last and (row[following].role == "examination" or _says(row[following], written, "for")):
        following += 1
    return following < len(row) and measured(written, row[following].start)


def named_by_adjective(row: tuple[Item, ...], at: int, written: tuple[Word, ...]) -> bool:
    """Whether an adjective names the organ of an examination: "renal ultrasound", not "frontal view"."""
    place = row[at].place
    if place is None or place.kind != "organ" or ANYWHERE in place.regions:
        return False
    if _is(row, at + 1, "examination"):
        return written[row[at + 1].start].folded not in cues().projection
    ends = at + 1 == len(row) or row[at + 1].role in BREAKS
    return ends and _is(row, at - 1, "examination")


def in_examination(row: tuple[Item, ...], at: int, written: tuple[Word, ...]) -> bool:
    """Whether the name at `at` is part of an examination's name, as its first or its second region."""
    return _after_examination(row, at, written) or _before_examination(row, at)


def is_region(concept: Concept) -> bool:
    """Whether an examination that names it is of a region rather than of an organ."""
    return concept.kind == "region" or concept.text in cues().examination_regions


def _before_examination(row: tuple[Item, ...], at: int) -> bool:
    following = at + 1
    while following < min(len(row), at + REACH) and row[following].role in {"inert", "left", "right"}:
        following += 1
    return _is(row, following, "examination")


def _after_examination(row: tuple[Item, ...], at: int, written: tuple[Word, ...]) -> bool:
    before = at - 1
    while before >= max(0, at - REACH):
        item = row[before]
        if item.role == "examination" or (item.role == "inert" and _names_examination(item, written)):
            return True
        joined = item.role == "and" or (item.concept is not None and is_region(item.concept))
        if item.role not in _BETWEEN and not joined:
            return False
        before -= 1
    return False


def _names_examination(item: Item, written: tuple[Word, ...]) -> bool:
    folded = [w.folded for w in written[item.start : item.end]]
    return any(cues().examination.longest(folded, place) for place in range(len(folded)))


def _is(row: tuple[Item, ...], at: int, role: str) -> bool:
    return 0 <= at < len(row) and row[at].role == role


def _says(item: Item, written: tuple[Word, ...], word: str) -> bool:
    return item.end - item.start == 1 and written[item.start].folded == word
