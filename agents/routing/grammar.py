"""Closed word classes (prompts/intents/grammar.yaml)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache

from prompts.data import read_yaml, strings
from prompts.words import fold

Words = frozenset[str]


@dataclass(frozen=True)
class Grammar:
    """Folded words by class; the file says what each class is."""

    coordinators: Words
    courtesy: Words
    openers: Words
    auxiliaries: Words
    subjects: Words
    infinitives: Words
    leading: Words
    prepositions: Words
    empty: Words
    abbreviations: Words
    pronouns: Words
    generic: Words
    articles: Words
    questions: Words
    commands: Words
    fillers: Words
    contrast: Words
    sizes: Words
    foreign: Words
    asked_of_record: Words
    past: Words
    told: Words
    one: Words
    wishes: Words
    modals: Words
    declarative: Words
    persons: Words
    determiners: Words
    whole: Words
    growth: Words
    happenings: Words


@cache
def grammar() -> Grammar:
    """The classes, read once."""
    raw = read_yaml("intents/grammar.yaml")
    return Grammar(**{f.name: frozenset(fold(w) for w in strings(raw[f.name])) for f in fields(Grammar)})
