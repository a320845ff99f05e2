"""What is made of a clause once its intent is known: requests with their slots, questions back, refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from agents.routing.examples import Label
from agents.routing.facts import points_back
from agents.routing.images import (
    NOT_IMAGING,
    chest_report,
    find,
    looked_for,
    one_organ,
    outside,
    recall,
    referred,
    refine,
    report,
)
from agents.routing.objects import MEASUREMENTS, beyond, breaks_off, refers_back, targets_of
from agents.routing.open_questions import asks_for_it, names_nothing, only_grows, points_outside, side_untold
from agents.routing.outlines import surely_complains
from agents.routing.reading import Read
from agents.routing.request import Intent, Request, Situation
from agents.routing.requesting import Context, ask_for, request_of
from agents.routing.slots.dates import names_day
from agents.routing.slots.kinds import kinds_of
from agents.routing.slots.labels import labels_of
from agents.routing.slots.prior import (
    asks_whether_steady,
    chosen_prior,
    mentions_month,
    mentions_prior,
    names_modality,
    points_at_prior,
    speaks_of_change,
)
from agents.routing.slots.series import named_series
from agents.routing.slots.side import conflicting, opposite, points_across

_OF_IMAGES = frozenset({Intent.FIND, Intent.CHEST_REPORT, Intent.CLASSIFY, Intent.COMPARE, Intent.RECALL})
_NOT_OF_PAIRS = frozenset({Intent.COMPARE, Intent.HISTORY, Intent.GUIDANCE})
ELLIPTIC_SERIES = 9
"""Words of the longest clause that asks for the same in another series."""


def resolve(clause: Read, context: Context) -> tuple[Request, ...]:
    """The requests of one clause; () when nothing can be made of it."""
    again = _same_elsewhere(clause, context.situation)
    if again is not None:
        return (again,)
    missing = _left_open(clause, context)
    if missing:
        return (ask_for(clause, missing),)
    across = _other_of_pair(clause, context.situation)
    return across or tuple(_RULES.get(clause.intent, _plain)(clause, context))


def _left_open(clause: Read, context: Context) -> str:
    """What must be asked back before anything else is made of a clause; "" for nothing."""
    situation, intent = context.situation, clause.intent
    told_no = intent is Intent.REFUSE and clause.sure
    if not told_no and points_outside(clause, situation):
        return "target"
    if intent in _OF_IMAGES | {Intent.UNKNOWN, Intent.CAPABILITIES} and breaks_off(clause):
        return "target"
    if intent is Intent.CAPABILITIES and not context.analysed and asks_for_it(clause):
        return "target"
    if intent not in _OF_IMAGES:
        return ""
    if conflicting(clause.text) or side_untold(clause, situation):
        return "side"
    return "series" if named_series(clause.text, situation).missing else ""


def _other_of_pair(clause: Read, situation: Situation) -> tuple[Request, ...] | None:
    """ "And the contralateral one?": the other side of what was asked for before; asked back where nothing was."""
    refused = clause.intent is Intent.REFUSE and clause.sure
    long = len(clause.facts.row) > ELLIPTIC_SERIES and clause.intent not in _OF_IMAGES
    if refused or long or clause.intent in _NOT_OF_PAIRS:
        return None
    targets = clause.facts.question.targets
    paired = [t.concept.text for t in targets if t.concept is not None and t.concept.paired]
    if not points_across(clause.text) or (targets and not paired) or clause.intent is Intent.COMPARE:
        return None
    target = opposite(situation.found, tuple(q for q, _ in situation.earlier), paired[0] if paired else "")
    if target:
        meant = tuple(target if t.concept is not None and t.concept.text == paired[0] else t.text for t in targets)
        return tuple(looked_for(clause, meant or (target,), situation))
    return (ask_for(clause, "side" if paired else "target"),)


def _same_elsewhere(clause: Read, situation: Situation) -> Request | None:
    """ "And on the portal venous phase?": what was found before, in another series."""
    if clause.facts.question.targets or not situation.found or len(clause.facts.row) > ELLIPTIC_SERIES:
        return None
    named = named_series(clause.text, situation)
    series = named.series
    if named.other and named.missing:
        return ask_for(clause, "series")
    if not series or clause.facts.inquires or clause.intent in {Intent.HISTORY, Intent.REFUSE, Intent.COMPARE}:
        return None
    return request_of(clause, Intent.FIND, targets=situation.found, series=series)


def _plain(clause: Read, _: Context) -> Iterator[Request]:
    yield request_of(clause)


def _compare(clause: Read, context: Context) -> Iterator[Request]:
    situation = context.situation
    targets = targets_of(clause, situation)
    timed = mentions_prior(clause.text) or mentions_month(clause.text) or names_day(clause.text)
    if len(targets) > 1 and not timed:  # with each other, not with an earlier study
        yield from recall(replace(clause, label=Label(Intent.RECALL, MEASUREMENTS)), context)
        return
    prior = chosen_prior(clause.text, situation)
    timeless = not (points_at_prior(clause.text) or speaks_of_change(clause.text) or asks_whether_steady(clause.text))
    if not prior and targets and timeless:  # "do the kidneys look shrunken?"
        yield from find(replace(clause, label=Label(Intent.FIND)), context)
        return
    if not prior:
        yield ask_for(clause, "prior")
        return
    if not (targets or context.named) and only_grows(clause, situation):
        yield ask_for(clause, "target")
        return
    series = named_series(clause.text, situation).series
    if not refers_back(clause, targets) and beyond(targets, situation.found):
        yield request_of(clause, Intent.FIND, targets=targets, series=series)
    yield request_of(clause, targets=targets, prior=prior, series=series)


def _classify(clause: Read, context: Context) -> Iterator[Request]:
    labels = labels_of(clause.text)
    if labels and all(names_modality(label) for label in labels):
        yield request_of(clause, Intent.DESCRIBE)
    elif not labels:
        yield from find(clause, context)
    else:
        yield request_of(clause, labels=labels, series=named_series(clause.text, context.situation).series)


def _history(clause: Read, _: Context) -> Iterator[Request]:
    kinds = kinds_of(clause.text) or ((clause.label.group,) if clause.label.group else ())
    yield request_of(clause, kinds=kinds)


def _effect(clause: Read, context: Context) -> Iterator[Request]:
    action = clause.intent.value
    yield request_of(clause, action=action) if context.analysed else ask_for(clause, "analysis")


def _refuse(clause: Read, context: Context) -> Iterator[Request]:
    drawn = not clause.sure and clause.label.group == "out_of_scope"
    if drawn and names_nothing(clause, (), context.situation):  # "outline what I drew"
        yield ask_for(clause, "target")
        return
    ordered = clause.facts.orders and clause.facts.question.not_imaging and clause.label.group == "out_of_scope"
    yield request_of(clause, about=NOT_IMAGING if ordered else clause.label.group)


def _unknown(clause: Read, context: Context) -> Iterator[Request]:
    if surely_complains(clause, context.situation):
        yield from refine(replace(clause, label=Label(Intent.REFINE, "")), context)
        return
    targets = targets_of(replace(clause, label=Label(Intent.FIND, "")), context.situation)
    if targets and (not refers_back(clause, targets) or one_organ(context.situation)):
        yield from looked_for(clause, targets, context.situation)
    elif refers_back(clause, ()) or (context.situation.answered and points_back(clause.facts.row)):
        yield referred(clause, context.situation)
    else:
        yield from outside(clause)


_RULES: Mapping[Intent, Callable[[Read, Context], Iterator[Request]]] = {
    Intent.FIND: find,
    Intent.RECALL: recall,
    Intent.REFINE: refine,
    Intent.COMPARE: _compare,
    Intent.CHEST_REPORT: chest_report,
    Intent.CLASSIFY: _classify,
    Intent.REPORT: report,
    Intent.HISTORY: _history,
    Intent.SIGN: _effect,
    Intent.DELIVER: _effect,
    Intent.REFUSE: _refuse,
    Intent.UNKNOWN: _unknown,
}
