"""Indications that cannot wait (urgency.yaml): what the text of an order names that raises its priority.

Its words count by what they claim, as in `prompts.critical`; but an order looks for what it fears, so what is
suspected, asked for or to be ruled out counts as well. What is denied, or settled long ago, does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from domain.study import Priority
from prompts.data import read_yaml, strings
from prompts.statements.reading import Stance, Statement, read
from prompts.statements.text import sentences
from prompts.terms import Terms
from prompts.words import Word

_NOT_NOW = frozenset({Stance.DENIED, Stance.EMPTY})
_LONG_AGO = re.compile(
    r"(?<![\d./-])(?:19|20)\d\d(?![\d./-])"  # a year alone; a whole date may be yesterday's
    r"|\d\s*(?:years?|yrs?|months?)\s+ago\b|\bvor\s+\d+\s+(?:jahren|monaten)\b|\bhace\s+\d+\s+(?:años|meses)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class UrgentIndication:
    """Something that an order may name.

    Attributes:
        source: the guideline behind it.
        past_counts: orders name it with the words of the past ("s/p fall").
    """

    rule_id: str
    name: str
    priority: Priority
    source: str
    past_counts: bool = False


@dataclass(frozen=True)
class UrgencyTable:
    """All indications with their phrases; capitals: short names as they are written."""

    words: Terms[UrgentIndication]
    capitals: Terms[UrgentIndication]
    settled: Terms[bool]
    acute: Terms[bool]
    rules: tuple[UrgentIndication, ...]


@cache
def urgency_table() -> UrgencyTable:
    """The table, read once."""
    raw = read_yaml("urgency.yaml")
    words: Terms[UrgentIndication] = Terms()
    capitals: Terms[UrgentIndication] = Terms()
    rules = []
    for rule_id, entry in raw["indications"].items():
        source = "; ".join(raw["sources"][key] for key in strings(entry["sources"]))
        rule = UrgentIndication(rule_id, entry["name"], Priority(entry["priority"]), source, "past" in entry)
        words.add(strings(entry.get("words", [])), rule)
        capitals.add(strings(entry.get("capitals", [])), rule)
        rules.append(rule)
    settled: Terms[bool] = Terms()
    acute: Terms[bool] = Terms()
    settled.add(strings(raw["settled"]), True)
    acute.add(strings(raw["acute"]), True)
    return UrgencyTable(words, capitals, settled, acute, tuple(rules))


def urgent_of(text: str) -> tuple[UrgentIndication, ...]:
    """What in an indication cannot wait, most urgent first; each once, in the order of the text."""
    found: dict[str, UrgentIndication] = {}
    for sentence in sentences(text):
        for rule in _of_sentence(read(sentence)):
            found.setdefault(rule.rule_id, rule)
    return tuple(sorted(found.values(), key=lambda rule: list(Priority).index(rule.priority)))


def _of_sentence(statement: Statement) -> Iterable[UrgentIndication]:
    table = urgency_table()
    folded = [word.folded for word in statement.words]
    acute = _any(table.acute, folded)
    settled = not acute and (_any(table.settled, folded) or _LONG_AGO.search(statement.text) is not None)
    place = 0
    while place < len(folded):
        found = _longest(table, statement.words, folded, place)
        if found is None:
            place += 1
            continue
        length, rule = found
        stance = statement.stance_at(place, place + length)
        past = stance is Stance.PAST and not (acute or rule.past_counts)
        if not settled and not past and stance not in _NOT_NOW:
            yield rule
        place += length


def _longest(
    table: UrgencyTable, written: Sequence[Word], folded: Sequence[str], place: int
) -> tuple[int, UrgentIndication] | None:
    found = table.words.longest(folded, place)
    short = table.capitals.longest(folded, place)
    if short is not None and all(w.raw.isupper() for w in written[place : place + short[0]]):
        found = max(found or short, short, key=lambda hit: hit[0])
    return found


def _any(terms: Terms[bool], folded: Sequence[str]) -> bool:
    return any(terms.longest(folded, place) for place in range(len(folded)))
