"""What is made of a clause once its intent is known: requests with their slots, questions back, refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from agents.routing.examples import Label
from agents.routing.facts import points_back
from agents.routing.objects import FINDINGS, MEASUREMENTS, among, beyond, breaks_off, refers_back, targets_of, topic_of
from agents.routing.open_questions import asks_for_it, names_nothing, outlines_complaint, side_untold
from agents.routing.outlines import (
    about_an_outline,
    ambiguous,
    looks_at_an_outline,
    only_asks,
    outlines_meant,
    surely_complains,
)
from agents.routing.reading import Read
from agents.routing.request import Intent, Request, Situation
from agents.routing.slots.complaint import complaint_of
from agents.routing.slots.kinds import kinds_of
from agents.routing.slots.labels import labels_of
from agents.routing.slots.prior import (
    chosen_prior,
    mentions_prior,
    names_modality,
    newest_alike,
    points_at_prior,
    worth_comparing,
)
from agents.routing.slots.series import named_series
from agents.routing.slots.side import conflicting, opposite, points_across
from domain.analysis import Complaint

NOT_IMAGING = "not_imaging"
_REASONS = {
    "a patient's or a person's private data": "identity",
    "administration": "out_of_scope",
    "small talk": "out_of_scope",
    "homework or a computer program": "out_of_scope",
    "this system itself": "unsafe",
    "a treatment, not an image": "treatment",
}
"""Reason of a refusal by what `understand` says that a thing is instead."""
_IN_PASSING = frozenset({"identity", "out_of_scope"})
"""Of what is said beside a structure that is asked for: "neurosurgery on the phone, how thick is the subdural?"."""
SIDES = ("left ", "right ")
_OF_IMAGES = frozenset({Intent.FIND, Intent.CHEST_REPORT, Intent.CLASSIFY, Intent.COMPARE, Intent.RECALL})

_NOT_OF_PAIRS = frozenset({Intent.COMPARE, Intent.HISTORY, Intent.GUIDANCE})

ELLIPTIC_SERIES = 9
"""Words of the longest clause that asks for the same in another series."""
_ONE_ORGAN = frozenset({"XC", "ES", "OP", "MG", "DMS"})
_ONE_ORGAN_PARTS = frozenset(
    {"LIVER", "PANCREAS", "KIDNEY", "BREAST", "SKIN", "THYROID", "PROSTATE", "EYE", "COLON", "RETINA"}
)
"""Examinations of one organ: "the lesion" needs no other name there."""


@dataclass(frozen=True)
class Context:
    """What a clause is resolved in.

    Attributes:
        analysed: an analysis exists, or an earlier clause of this message makes one.
    """

    situation: Situation
    analysed: bool


def resolve(clause: Read, context: Context) -> tuple[Request, ...]:
    """The requests of one clause; () when nothing can be made of it."""
    again = _same_elsewhere(clause, context.situation)
    if again is not None:
        return (again,)
    missing = _left_open(clause, context)
    if missing:
        return (_ask(clause, missing),)
    across = _other_of_pair(clause, context.situation)
    return across or tuple(_RULES.get(clause.intent, _plain)(clause, context))


def _left_open(clause: Read, context: Context) -> str:
    """What must be asked back before anything else is made of a clause; "" for nothing."""
    situation, intent = context.situation, clause.intent
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
        return tuple(_looked_for(clause, meant or (target,), situation))
    return (_ask(clause, "side" if paired else "target"),)


def _same_elsewhere(clause: Read, situation: Situation) -> Request | None:
    """ "And on the portal venous phase?": what was found before, in another series."""
    if clause.facts.question.targets or not situation.found or len(clause.facts.row) > ELLIPTIC_SERIES:
        return None
    named = named_series(clause.text, situation)
    series = named.series
    if named.other and named.missing:
        return _ask(clause, "series")
    if not series or clause.facts.inquires or clause.intent in {Intent.HISTORY, Intent.REFUSE, Intent.COMPARE}:
        return None
    return _request(clause, Intent.FIND, targets=situation.found, series=series)


def _request(clause: Read, intent: Intent | None = None, **slots: Any) -> Request:
    return replace(Request(intent or clause.intent, clause.text, confidence=clause.confidence), **slots)


def _ask(clause: Read, missing: str) -> Request:
    return _request(clause, Intent.ASK, about=missing)


def _plain(clause: Read, _: Context) -> Iterator[Request]:
    yield _request(clause)


def _find(clause: Read, context: Context) -> Iterator[Request]:
    situation, facts = context.situation, clause.facts
    if outlines_complaint(clause):
        yield _request(clause, Intent.REFUSE, about=NOT_IMAGING)
        return
    if looks_at_an_outline(clause, situation):
        yield from _refine(replace(clause, label=Label(Intent.REFINE, "")), context)
        return
    targets = targets_of(clause, situation)
    yield from _outside(clause)
    if refers_back(clause, targets) and not (targets and _one_organ(situation)):
        yield _referred(clause, situation)
    elif situation.answered and among(targets, situation.found) and not facts.orders:
        yield from _partly_found(clause, targets, situation, topic_of(clause, situation))
    elif names_nothing(clause, targets, situation):
        yield _ask(clause, "target")
    elif targets or not facts.question.not_imaging:
        yield from _looked_for(clause, targets, situation)


def _one_organ(situation: Situation) -> bool:
    parts = {p.upper() for p in situation.body_parts}
    return not situation.found and bool({*situation.modalities} & _ONE_ORGAN or parts & _ONE_ORGAN_PARTS)


def _looked_for(clause: Read, targets: tuple[str, ...], situation: Situation) -> Iterator[Request]:
    facts = clause.facts
    general = not (targets or facts.orders or facts.complains or facts.question.excluded)
    if situation.chest_report and general:
        yield _request(clause, Intent.CHEST_REPORT)
        return
    yield _request(clause, Intent.FIND, targets=targets, series=named_series(clause.text, situation).series)
    alike = newest_alike(situation.priors, situation)
    if alike and not facts.asks and worth_comparing(clause.text):
        yield _request(clause, Intent.COMPARE, targets=targets, prior=alike)


def _outside(clause: Read) -> Iterator[Request]:
    """A refusal of what no image shows; what was to be outlined is that, whatever else it is."""
    question = clause.facts.question
    for said, what in question.not_imaging[:1]:
        reason = NOT_IMAGING if clause.facts.orders else _REASONS.get(what, NOT_IMAGING)
        if question.targets and reason in _IN_PASSING:
            continue
        yield replace(_request(clause, Intent.REFUSE, about=reason), text=said if question.targets else clause.text)


def _referred(clause: Read, situation: Situation) -> Request:
    """A request about what was named before: answered from what was found, or asked back."""
    generic = tuple(t.text for t in clause.facts.question.targets)
    found = tuple(f for f in situation.found if not generic or any(g in f for g in generic))
    if not found:
        return _ask(clause, "target")
    topic = topic_of(clause, situation, MEASUREMENTS)
    return _request(clause, Intent.RECALL, topic=topic, targets=found if generic else ())


def _partly_found(clause: Read, targets: tuple[str, ...], situation: Situation, topic: str) -> Iterator[Request]:
    """What was found is recalled, what was not is looked for, and that alone."""
    known, new = among(targets, situation.found), beyond(targets, situation.found)
    if known:
        yield _request(clause, Intent.RECALL, topic=topic, targets=known)
    if new:
        text = " and ".join(new) if known else clause.text
        yield replace(_request(clause, Intent.FIND, targets=new), text=text)


def _recall(clause: Read, context: Context) -> Iterator[Request]:
    situation, topic = context.situation, clause.label.group
    targets = targets_of(clause, situation)
    if not context.analysed:
        yield from _nothing_yet(clause, targets, situation)
    elif not targets or refers_back(clause, targets) or (topic == FINDINGS and points_back(clause.facts.row)):
        yield _request(clause, topic=topic)
    elif not situation.answered:
        yield _request(clause, topic=topic, targets=targets)
    else:
        yield from _partly_found(clause, targets, situation, topic)


def _nothing_yet(clause: Read, targets: tuple[str, ...], situation: Situation) -> Iterator[Request]:
    """A question about results that there are none of: the work is done first, where it is clear which."""
    topic = clause.label.group
    if targets and not refers_back(clause, targets):
        yield _request(clause, Intent.FIND, targets=targets, series=named_series(clause.text, situation).series)
    elif topic == FINDINGS or clause.facts.question.excluded:
        yield from _chest_report(clause, Context(situation, analysed=False))
    elif topic == "report":
        yield from _report(clause, Context(situation, analysed=False))
    else:
        yield _ask(clause, "target" if topic == MEASUREMENTS else "analysis")


def _refine(clause: Read, context: Context) -> Iterator[Request]:
    """Outlines that are there are made again; what was never outlined is looked for; a question is answered."""
    situation, said = context.situation, complaint_of(clause.text)
    topic = only_asks(clause)
    if topic and not context.analysed and not targets_of(clause, situation):
        yield _ask(clause, "analysis")
        return
    if not situation.found and (topic or not about_an_outline(clause)):
        yield from _find(replace(clause, label=Label(Intent.FIND, "")), context)
        return
    if topic:
        yield from _recall(replace(clause, label=Label(Intent.RECALL, topic)), context)
        return
    meant = outlines_meant(clause, said, situation)
    series = () if said.change else named_series(clause.text, situation).series
    if meant.new or (series and said.what is Complaint.POOR):
        yield from _looked_for(clause, meant.new or meant.outlines, situation)
    elif not meant.outlines or ambiguous(clause, said, meant):
        yield replace(_ask(clause, "target"), complaint=said.what.value)
    else:
        wish = Request(clause.intent, clause.text, complaint=said.what.value, change=said.change, to=said.to)
        yield replace(wish, targets=meant.outlines, series=series, confidence=clause.confidence)


def _compare(clause: Read, context: Context) -> Iterator[Request]:
    situation = context.situation
    targets = targets_of(clause, situation)
    if len(targets) > 1 and not mentions_prior(clause.text):  # with each other, not with an earlier study
        yield from _recall(replace(clause, label=Label(Intent.RECALL, MEASUREMENTS)), context)
        return
    prior = chosen_prior(clause.text, situation)
    if not prior and targets and not points_at_prior(clause.text):  # "do the kidneys look shrunken?"
        yield from _find(replace(clause, label=Label(Intent.FIND)), context)
        return
    if not prior:
        yield _ask(clause, "prior")
        return
    series = named_series(clause.text, situation).series
    if not refers_back(clause, targets) and beyond(targets, situation.found):
        yield _request(clause, Intent.FIND, targets=targets, series=series)
    yield _request(clause, targets=targets, prior=prior, series=series)


def _chest_report(clause: Read, context: Context) -> Iterator[Request]:
    if clause.facts.question.targets:
        yield from _find(clause, context)
    elif context.situation.chest_report:
        yield _request(clause, Intent.CHEST_REPORT)
    elif context.situation.answered:
        yield _request(clause, Intent.RECALL, topic=FINDINGS)
    else:
        yield _request(clause, Intent.FIND)


def _classify(clause: Read, context: Context) -> Iterator[Request]:
    labels = labels_of(clause.text)
    if labels and all(names_modality(label) for label in labels):
        yield _request(clause, Intent.DESCRIBE)
    elif not labels:
        yield from _find(clause, context)
    else:
        yield _request(clause, labels=labels, series=named_series(clause.text, context.situation).series)


def _report(clause: Read, context: Context) -> Iterator[Request]:
    unread = context.situation.chest_report and not context.analysed
    yield _request(clause, Intent.CHEST_REPORT if unread else Intent.REPORT)


def _history(clause: Read, _: Context) -> Iterator[Request]:
    kinds = kinds_of(clause.text) or ((clause.label.group,) if clause.label.group else ())
    yield _request(clause, kinds=kinds)


def _effect(clause: Read, context: Context) -> Iterator[Request]:
    action = clause.intent.value
    yield _request(clause, action=action) if context.analysed else _ask(clause, "analysis")


def _refuse(clause: Read, context: Context) -> Iterator[Request]:
    drawn = not clause.sure and clause.label.group == "out_of_scope"
    if drawn and names_nothing(clause, (), context.situation):  # "outline what I drew"
        yield _ask(clause, "target")
        return
    ordered = clause.facts.orders and clause.facts.question.not_imaging and clause.label.group == "out_of_scope"
    yield _request(clause, about=NOT_IMAGING if ordered else clause.label.group)


def _unknown(clause: Read, context: Context) -> Iterator[Request]:
    if surely_complains(clause, context.situation):
        yield from _refine(replace(clause, label=Label(Intent.REFINE, "")), context)
        return
    targets = targets_of(replace(clause, label=Label(Intent.FIND, "")), context.situation)
    if targets and (not refers_back(clause, targets) or _one_organ(context.situation)):
        yield from _looked_for(clause, targets, context.situation)
    elif refers_back(clause, ()) or (context.situation.answered and points_back(clause.facts.row)):
        yield _referred(clause, context.situation)
    else:
        yield from _outside(clause)


_RULES: Mapping[Intent, Callable[[Read, Context], Iterator[Request]]] = {
    Intent.FIND: _find,
    Intent.RECALL: _recall,
    Intent.REFINE: _refine,
    Intent.COMPARE: _compare,
    Intent.CHEST_REPORT: _chest_report,
    Intent.CLASSIFY: _classify,
    Intent.REPORT: _report,
    Intent.HISTORY: _history,
    Intent.SIGN: _effect,
    Intent.DELIVER: _effect,
    Intent.REFUSE: _refuse,
    Intent.UNKNOWN: _unknown,
}
