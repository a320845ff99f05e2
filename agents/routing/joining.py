"""Clauses that belong together, before they are resolved; requests that do, after."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from agents.routing.clauses import Clause
from agents.routing.facts import facts_of, points_back
from agents.routing.objects import MEASUREMENTS
from agents.routing.reading import Read
from agents.routing.request import Intent, Request, Situation

Part = tuple[Clause, Read]

_EFFECTS = frozenset({Intent.SIGN, Intent.DELIVER})


def joined(each: Sequence[Part], situation: Situation) -> list[Part]:
    """Neighbours that look for something as one text; what else stands in an indication belongs to it."""
    made: list[Part] = []
    for part in each:
        if made and _belongs(made[-1][1], part[1], situation.answered):
            made[-1] = _together(made[-1], part, situation)
        else:
            made.append(part)
    return made


def settled(requests: Iterable[Request]) -> list[Request]:
    """Equal neighbours as one; no courtesy beside work; no effects beside an attempt to get round the rules."""
    each = list(requests)
    if any(r.about == "unsafe" for r in each):
        each = [r for r in each if r.intent not in _EFFECTS and r.about != "analysis"]
    if any(r.intent is not Intent.GREETING for r in each):
        each = [r for r in each if r.intent is not Intent.GREETING]
    made: list[Request] = []
    for request in each:
        if made and _key(made[-1]) == _key(request):
            made[-1] = _merged(made[-1], request)
        else:
            made.append(request)
    return made


def _belongs(one: Read, other: Read, answered: bool) -> bool:
    pair = (one.intent, other.intent)
    if pair == (Intent.FIND, Intent.RECALL) and other.label.group == MEASUREMENTS:
        # "segment the liver and measure its volume"
        named = bool(one.facts.question.targets) and not other.facts.question.targets
        return named and (not answered or points_back(other.facts.row))
    if pair == (Intent.DESCRIBE, Intent.RECALL) and not other.facts.question.targets:
        return points_back(other.facts.row)
    if pair == (Intent.FIND, Intent.FIND):
        return True
    tells = one.facts.asks or other.facts.asks or one.facts.orders or other.facts.orders
    return Intent.FIND in pair and Intent.UNKNOWN in pair and not tells


def _together(one: Part, other: Part, situation: Situation) -> Part:
    (first, read), (second, again) = one, other
    link = "" if first.text[-1] in "?!;" else "." if first.sentence != second.sentence else ","
    text = f"{first.text}{link} {second.text}"
    found = again if again.intent is Intent.FIND else read
    facts = replace(
        facts_of(text, situation),
        asks=read.facts.asks and again.facts.asks,
        complains=read.facts.complains or again.facts.complains,
    )
    whole = replace(found, facts=facts, confidence=min(read.confidence, again.confidence))
    return Clause(text, first.start, second.end, second.sentence), whole


def _merged(one: Request, other: Request) -> Request:
    return replace(
        one,
        text=f"{one.text}. {other.text}",
        targets=tuple(dict.fromkeys((*one.targets, *other.targets))),
        confidence=min(one.confidence, other.confidence),
    )


def _key(request: Request) -> tuple[object, ...]:
    slots = (request.series, request.prior, request.labels, request.kinds, request.topic, request.action, request.about)
    return (request.intent, *slots)
