"""Clauses that belong together, before they are resolved; requests that do, after."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from agents.routing.clauses import Clause
from agents.routing.examples import Label
from agents.routing.facts import facts_of, points_back
from agents.routing.grammar import grammar
from agents.routing.objects import MEASUREMENTS, refers_back
from agents.routing.reading import Read
from agents.routing.request import Intent, Request, Situation
from prompts.question.items import items
from prompts.question.parts import part_instead
from prompts.question.understanding import AskedTarget
from prompts.question.wording import worded
from prompts.words import words

Part = tuple[Clause, Read]

TAKES_UP = 10
"""Words of the longest clause that takes up what the one before said not to be there."""
_PLACES = frozenset({"organ", "substructure"})
_EFFECTS = frozenset({Intent.SIGN, Intent.DELIVER})


def taken_up(each: Sequence[Part], situation: Situation) -> list[Part]:
    """ "There should be no pneumothorax. Can you exclude one?" as one text, the rest as it is."""
    made: list[Part] = []
    for part in each:
        if made and ((_denied(made[-1][1]) and _takes_up(part[1])) or _tells_part(part[1])):
            made[-1] = _together(made[-1], part, situation)
        else:
            made.append(part)
    return made


def named_again(each: Sequence[Part], situation: Situation) -> list[Part]:
    """ "There is something in the liver. How large is that lesion?": the general name with what it stands for."""
    made: list[Part] = []
    for part in each:
        before = made[-1][1].facts.question.targets if made else ()
        general = {t.text for t in part[1].facts.question.targets} & grammar().generic
        if len(before) == 1 and general and not situation.found and refers_back(part[1], tuple(general)):
            part = _with_name(part, before[0], situation)  # noqa: PLW2901
        made.append(part)
    return made


def _with_name(part: Part, meant: AskedTarget, situation: Situation) -> Part:
    clause, read = part
    if meant.concept is None or meant.text in grammar().generic or len(read.facts.question.targets) > 1:
        return part
    general = next((w for w in words(clause.text) if w.folded in grammar().generic), None)
    if general is None:
        return part
    name = f"{meant.text} lesion" if meant.kind in _PLACES else meant.text
    text = f"{clause.text[: general.start]}{name}{clause.text[general.end :]}"
    return replace(clause, text=text), replace(read, facts=facts_of(text, situation))


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
        each = [r for r in each if r.intent not in _EFFECTS and r.intent is not Intent.ASK]
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
    if _denied(one) and _takes_up(other):
        return True
    if Intent.REFINE in pair:
        return _one_complaint(one, other)
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


def _one_complaint(one: Read, other: Read) -> bool:
    """ "It leaks. Try again." and "tighten it and measure again": the numbers of a new outline come with it."""
    if one.intent is other.intent:
        named, again = (frozenset(t.text for t in r.facts.question.targets) for r in (one, other))
        return not (named and again) or named == again
    more = other if one.intent is Intent.REFINE else one
    if more.facts.question.targets:
        return more.intent is Intent.RECALL and not (more.facts.asks or more.facts.orders)
    measured = more.intent is Intent.RECALL and more.label.group == MEASUREMENTS
    ordered = more.intent is Intent.FIND and more.facts.orders
    return more.intent is Intent.UNKNOWN or ((measured or ordered) and not more.facts.inquires)


def _denied(read: Read) -> bool:
    """Whether a clause names what is not there and nothing that is wanted: "there should be no pneumothorax"."""
    return bool(read.facts.question.excluded) and not read.facts.question.targets


def _takes_up(read: Read) -> bool:
    """ "Can you exclude one?", "please rule it out": of a clause that names nothing itself."""
    named = read.facts.question.targets or read.facts.question.excluded
    return not named and bool(grammar().one & {*read.facts.row[-3:]}) and len(read.facts.row) <= TAKES_UP


def _tells_part(read: Read) -> bool:
    """ "Not the anterior part, the posterior one": which part of what was named before is wanted."""
    written = worded(read.text)
    row = items(written)
    return row[:1] != () and row[0].role == "leave_out" and part_instead(row, 1, written) is not None


def _together(one: Part, other: Part, situation: Situation) -> Part:
    (first, read), (second, again) = one, other
    link = "" if first.text[-1] in "?!;" else "." if first.sentence != second.sentence else ","
    text = f"{first.text}{link} {second.text}"
    found = again if again.intent in {Intent.FIND, Intent.REFINE} and read.intent is not Intent.REFINE else read
    if _denied(read) and _takes_up(again):
        found = replace(read, label=Label(Intent.FIND))
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
