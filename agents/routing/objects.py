"""What a clause is about: targets, those that stand for earlier ones, and those that were found before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from agents.routing.facts import points_back
from agents.routing.grammar import grammar
from agents.routing.reading import Read
from agents.routing.request import Intent, Situation
from agents.routing.slots.side import side_of_earlier
from prompts.words import phrase

MEASUREMENTS, FINDINGS = "measurements", "findings"
ELLIPTIC = 5
"""Words of the longest clause whose topic may be that of the question before ("and the spleen?")."""

_OPEN = frozenset({"a", "an", "of", "my", "ein", "eine", "einen", "un", "una", "del"})
"""Words besides articles after which an object is named; folded."""
_WHICH = frozenset({"which", "your", "welche", "welcher", "deine", "ihre", "tu", "su"})
_COUNTED = frozenset(
    (
        *("first", "second", "third", "last", "other", "same", "erste", "zweite", "dritte", "andere"),
        *("primera", "segunda", "otra", "misma"),
    )
)
_SIZE = frozenset({"volume", "diameter", "area", "thickness", "hu", "cardiothoracic_ratio"})


def targets_of(clause: Read, situation: Situation) -> tuple[str, ...]:
    """Canonical texts that the clause names, or the other side of an earlier one: "and the left?".

    Words that the lexicon does not have are taken where something is looked for, unless they only point ("das hier").
    """
    looked_for = clause.intent in {Intent.FIND, Intent.COMPARE}
    asked = clause.facts.question.targets
    named = tuple(t.text for t in asked if t.in_lexicon or (looked_for and not _points(t.text)))
    if named:
        return named
    elliptic = side_of_earlier(clause.text, tuple(q for q, _ in situation.earlier), situation.found)
    return (elliptic,) if elliptic else ()


def _points(text: str) -> bool:
    said = [w for w in phrase(text) if w not in grammar().courtesy]
    return not said or said[0] in grammar().pronouns


def refers_back(clause: Read, targets: tuple[str, ...]) -> bool:
    """Whether the clause's object was named before: "measure it", "the lesion"."""
    row = clause.facts.row
    if not targets:
        return clause.facts.orders and points_back(row)
    if any(t not in grammar().generic for t in targets):
        return False
    return names_earlier(row)


def names_earlier(row: Sequence[str]) -> bool:
    """Whether a general name stands for one that was named: "the lesion", "which lesion", "the second lesion"."""
    known = grammar()
    steps = (known.articles | _WHICH, known.generic)
    near = any(a in steps[0] and b in steps[1] for a, b in pairwise(row))
    return near or any(
        a in steps[0] and b in _COUNTED and c in steps[1] for a, b, c in zip(row, row[1:], row[2:], strict=False)
    )


def breaks_off(clause: Read) -> bool:
    """Whether a clause ends before it names its object: "can you measure the"."""
    row = clause.facts.row
    return (
        not clause.facts.question.targets and bool(row) and row[-1] in grammar().articles - grammar().pronouns | _OPEN
    )


def among(targets: Iterable[str], found: tuple[str, ...]) -> tuple[str, ...]:
    """The found targets that some targets mean: themselves, or both sides of them."""
    meant = (f for t in targets for f in found if f in {t, f"left {t}", f"right {t}"})
    return tuple(dict.fromkeys(meant))


def beyond(targets: Iterable[str], found: tuple[str, ...]) -> tuple[str, ...]:
    """Targets that were not found before."""
    return tuple(t for t in targets if not among((t,), found))


def topic_of(clause: Read, situation: Situation, otherwise: str = FINDINGS) -> str:
    """The topic of RECALL that a clause asks about."""
    if clause.intent is Intent.RECALL:
        return clause.label.group
    if clause.topic and clause.topic != FINDINGS:
        return clause.topic
    before = situation.earlier[-1][0] if situation.earlier and len(clause.facts.row) <= ELLIPTIC else ""
    sized = _SIZE & {*clause.facts.question.measurements} or _about_size(clause.text) or _about_size(before)
    return MEASUREMENTS if sized else otherwise


def _about_size(text: str) -> bool:
    return bool(grammar().sizes & {*phrase(text)})
