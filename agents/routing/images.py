"""What is made of a clause that wants structures found, their outlines made again, or results told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from agents.routing.examples import Label
from agents.routing.facts import points_back
from agents.routing.objects import FINDINGS, MEASUREMENTS, among, beyond, refers_back, targets_of, topic_of
from agents.routing.open_questions import names_nothing, outlines_complaint
from agents.routing.outlines import about_an_outline, ambiguous, looks_at_an_outline, only_asks, outlines_meant
from agents.routing.reading import Read
from agents.routing.request import Intent, Request, Situation
from agents.routing.requesting import Context, ask_for, request_of
from agents.routing.slots.complaint import complaint_of
from agents.routing.slots.prior import newest_alike, worth_comparing
from agents.routing.slots.series import named_series
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
_ONE_ORGAN = frozenset({"XC", "ES", "OP", "MG", "DMS"})
_ONE_ORGAN_PARTS = frozenset(
    {"LIVER", "PANCREAS", "KIDNEY", "BREAST", "SKIN", "THYROID", "PROSTATE", "EYE", "COLON", "RETINA"}
)
"""Examinations of one organ: "the lesion" needs no other name there."""


def find(clause: Read, context: Context) -> Iterator[Request]:
    situation, facts = context.situation, clause.facts
    if outlines_complaint(clause):
        yield request_of(clause, Intent.REFUSE, about=NOT_IMAGING)
        return
    if looks_at_an_outline(clause, situation):
        yield from refine(replace(clause, label=Label(Intent.REFINE, "")), context)
        return
    targets = targets_of(clause, situation)
    yield from outside(clause)
    if refers_back(clause, targets) and not (targets and one_organ(situation)):
        yield referred(clause, situation)
    elif situation.answered and among(targets, situation.found) and not facts.orders:
        yield from _partly_found(clause, targets, situation, topic_of(clause, situation))
    elif names_nothing(clause, targets, situation):
        yield ask_for(clause, "target")
    elif targets or not facts.question.not_imaging:
        yield from looked_for(clause, targets, situation)


def one_organ(situation: Situation) -> bool:
    parts = {p.upper() for p in situation.body_parts}
    return not situation.found and bool({*situation.modalities} & _ONE_ORGAN or parts & _ONE_ORGAN_PARTS)


def looked_for(clause: Read, targets: tuple[str, ...], situation: Situation) -> Iterator[Request]:
    facts = clause.facts
    general = not (targets or facts.orders or facts.complains or facts.question.excluded)
    if situation.chest_report and general:
        yield request_of(clause, Intent.CHEST_REPORT)
        return
    yield request_of(clause, Intent.FIND, targets=targets, series=named_series(clause.text, situation).series)
    alike = newest_alike(situation.priors, situation)
    if alike and not facts.asks and worth_comparing(clause.text):
        yield request_of(clause, Intent.COMPARE, targets=targets, prior=alike)


def outside(clause: Read) -> Iterator[Request]:
    """A refusal of what no image shows; what was to be outlined is that, whatever else it is."""
    question = clause.facts.question
    for said, what in question.not_imaging[:1]:
        reason = NOT_IMAGING if clause.facts.orders else _REASONS.get(what, NOT_IMAGING)
        if question.targets and reason in _IN_PASSING:
            continue
        yield replace(request_of(clause, Intent.REFUSE, about=reason), text=said if question.targets else clause.text)


def referred(clause: Read, situation: Situation) -> Request:
    """A request about what was named before: answered from what was found, or asked back."""
    generic = tuple(t.text for t in clause.facts.question.targets)
    found = tuple(f for f in situation.found if not generic or any(g in f for g in generic))
    if not found:
        return ask_for(clause, "target")
    topic = topic_of(clause, situation, MEASUREMENTS)
    return request_of(clause, Intent.RECALL, topic=topic, targets=found if generic else ())


def _partly_found(clause: Read, targets: tuple[str, ...], situation: Situation, topic: str) -> Iterator[Request]:
    """What was found is recalled, what was not is looked for, and that alone."""
    known, new = among(targets, situation.found), beyond(targets, situation.found)
    if known:
        yield request_of(clause, Intent.RECALL, topic=topic, targets=known)
    if new:
        text = " and ".join(new) if known else clause.text
        yield replace(request_of(clause, Intent.FIND, targets=new), text=text)


def recall(clause: Read, context: Context) -> Iterator[Request]:
    situation, topic = context.situation, clause.label.group
    targets = targets_of(clause, situation)
    if not context.analysed:
        yield from _nothing_yet(clause, targets, situation)
    elif not targets or refers_back(clause, targets) or (topic == FINDINGS and points_back(clause.facts.row)):
        yield request_of(clause, topic=topic)
    elif not situation.answered:
        yield request_of(clause, topic=topic, targets=targets)
    else:
        yield from _partly_found(clause, targets, situation, topic)


def _nothing_yet(clause: Read, targets: tuple[str, ...], situation: Situation) -> Iterator[Request]:
    """A question about results that there are none of: the work is done first, where it is clear which."""
    topic = clause.label.group
    if targets and not refers_back(clause, targets):
        yield request_of(clause, Intent.FIND, targets=targets, series=named_series(clause.text, situation).series)
    elif topic == FINDINGS or clause.facts.question.excluded:
        yield from chest_report(clause, Context(situation, analysed=False))
    elif topic == "report":
        yield from report(clause, Context(situation, analysed=False))
    else:
        yield ask_for(clause, "target" if topic == MEASUREMENTS else "analysis")


def refine(clause: Read, context: Context) -> Iterator[Request]:
    """Outlines that are there are made again; what was never outlined is looked for; a question is answered."""
    situation, said = context.situation, complaint_of(clause.text)
    topic = only_asks(clause)
    if topic and not context.analysed and not targets_of(clause, situation):
        yield ask_for(clause, "analysis")
        return
    if not situation.found and (topic or not about_an_outline(clause)):
        yield from find(replace(clause, label=Label(Intent.FIND, "")), context)
        return
    if topic:
        yield from recall(replace(clause, label=Label(Intent.RECALL, topic)), context)
        return
    meant = outlines_meant(clause, said, situation)
    series = () if said.change else named_series(clause.text, situation).series
    if meant.new or (series and said.what is Complaint.POOR):
        yield from looked_for(clause, meant.new or meant.outlines, situation)
    elif not meant.outlines or ambiguous(clause, said, meant):
        yield replace(ask_for(clause, "target"), complaint=said.what.value)
    else:
        wish = Request(clause.intent, clause.text, complaint=said.what.value, change=said.change, to=said.to)
        yield replace(wish, targets=meant.outlines, series=series, confidence=clause.confidence)


def chest_report(clause: Read, context: Context) -> Iterator[Request]:
    if clause.facts.question.targets:
        yield from find(clause, context)
    elif context.situation.chest_report:
        yield request_of(clause, Intent.CHEST_REPORT)
    elif context.situation.answered:
        yield request_of(clause, Intent.RECALL, topic=FINDINGS)
    else:
        yield request_of(clause, Intent.FIND)


def report(clause: Read, context: Context) -> Iterator[Request]:
    unread = context.situation.chest_report and not context.analysed
    yield request_of(clause, Intent.CHEST_REPORT if unread else Intent.REPORT)
