"""Words of attack with plain work for their object: "ignore the last report", "pretend I'm a student", "override the
protocol: spleen only".

A verb alone sets no rule aside. What it is said of decides: a rule, a review, a record that is to be destroyed or a
number that is to be another one, or only a default, a list, an older text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache

from agents.routing.facts import Facts
from agents.routing.grammar import grammar
from prompts.data import read_yaml, strings
from prompts.words import fold

Words = frozenset[str]


@dataclass(frozen=True)
class _Classes:
    """Folded words of prompts/intents/safeguards.yaml; the file says what each class is."""

    setting_aside: Words
    overwriting: Words
    destroying: Words
    posing: Words
    safeguards: Words
    records: Words
    falsifying: Words
    effects: Words
    powers: Words
    wishes: Words
    everything: Words
    addressed: Words


@cache
def _classes() -> _Classes:
    raw = read_yaml("intents/safeguards.yaml")
    return _Classes(**{f.name: frozenset(fold(w) for w in strings(raw[f.name])) for f in fields(_Classes)})


def spares_safeguards(facts: Facts) -> bool:
    """Whether a clause has a word of attack, and nothing that guards, is kept or is to be falsified is its object."""
    known, row = _classes(), facts.row
    said = {*row}
    if said & (known.safeguards | known.falsifying | known.effects):
        return False
    if said & known.posing:
        return not said & (known.powers | known.addressed)
    if said & known.destroying:
        return bool(said & known.wishes) and not said & known.records
    if said & known.overwriting:
        return not said & (known.records | known.everything)
    if said & known.setting_aside:
        return not (said & (known.everything | known.addressed) or _hides(row))
    return False


def _hides(row: Sequence[str]) -> bool:
    """Whether something is to be kept out of what is written: "leave the nodule out of the report"."""
    known, places = _classes(), grammar().prepositions | {"out", "of", "de", "del", "der", "dem", "vom", "aus", "im"}
    before = [*zip(("", *row), ("", "", *row), row, strict=False)]
    return any(w in known.records and (b in places or (a in places and b in grammar().articles)) for b, a, w in before)
