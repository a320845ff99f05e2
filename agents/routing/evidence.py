"""What speaks for an intent: the nearest examples, cue phrases, and grammar; and what speaks against it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from agents.routing.cues import cue_phrases, folded_text
from agents.routing.examples import Label
from agents.routing.facts import Facts, points_back
from agents.routing.grammar import grammar
from agents.routing.request import Intent, Situation
from agents.routing.safeguards import spares_safeguards
from agents.routing.slots.kinds import kinds_of, without_purpose
from agents.routing.slots.labels import asks_to_choose, labels_of, only_labels
from agents.routing.slots.person import names_person
from agents.routing.slots.prior import asks_whether_steady, set_against
from agents.routing.slots.treatment import (
    all_treatments,
    decides_treatment,
    names_drug,
    needs_treatment,
    recorded_treatment,
)

SURE, HINT, REFUSED = 1.2, 0.25, 1.2
"""What a cue phrase adds to the share of an intent's examples; a sure one of a refusal adds REFUSED to it."""
CERTAIN = 0.6
"""Part of a cue phrase's weight that is lost where the examples are certain of another intent."""
UNSURE, SIZED = 0.3, 0.3
NAMED, ASKED, POINTED, COMPLAINT, STATED, BARE = 0.08, 0.3, 0.6, 0.35, 0.8, 1.0
"""What grammar adds to FIND: a structure is named, and the examples do not know what is asked of it, or a size is
asked of it; it is requested; an order about what was named before; a complaint;
a statement about a structure; no more than a name."""
CHOICE = 0.5
"""What "A or B?" adds to CLASSIFY with nothing said besides: it may be a choice of treatments."""
RECORDED, BRIEF = 0.35, 3
"""What the name of a part of the record adds to HISTORY, in a question or in as many words."""

LEFT_OUT = 0.2
"""What is left of REFUSE where a structure is said not to be wanted: that is no way round a rule."""
RECORD = 0.5
"""What is left of a refusal to treat where it is asked what was given."""
UNTOLD = 0.85
"""What is left of the share of an intent that has telling words, where none of them is there."""
DENIED, WITHOUT_LABELS, ORDERED, STATEMENT, PREMATURE = 0.1, 0.3, 0.3, 0.6, 0.3
"""What is left: of REFINE where nothing was outlined yet; of COMPARE where there is said to be no earlier study; of
CLASSIFY without labels; of CAPABILITIES in
an order with an object ("can you segment the liver"); of HISTORY in a statement."""

FIND = Label(Intent.FIND)
OTHERS = Label(Intent.REFUSE, "other_patient")
UNSAFE = Label(Intent.REFUSE, "unsafe")
TREATMENT = Label(Intent.REFUSE, "treatment")
_WORDED = frozenset({"other_patient", "identity", "unsafe"})
_NO_PRIOR = re.compile(
    r" (?:no|without|kein|keine|keinen|ohne|sin) "
    r"(?:prior|previous|comparison|vorauf|vorunter|vorbild|previ|comparac)[^ ]* "
)

Weights = Mapping[Label, float]


def told(facts: Facts, shares: Weights) -> dict[Label, float]:
    """What cue phrases and grammar say for each intent; empty when they say nothing.

    Args:
        shares: of the examples. The surer they are of another intent, the less a cue phrase counts; one of another
            patient, of identity and of ways round the rules counts in full.
    """
    weights: dict[Label, float] = defaultdict(float)
    cued = [
        (label, weight if label.group in _WORDED else weight * (1 - CERTAIN * _of_others(shares, label.intent)))
        for label, weight in _cues(facts)
        if not _ruled_out(label.intent, facts)
    ]
    treatments = all_treatments(labels_of(facts.text))
    chosen = SURE if asks_to_choose(facts.text) else CHOICE if only_labels(facts.text) else 0.0
    chosen *= not treatments
    if chosen:
        cued.append((Label(Intent.CLASSIFY), chosen * (1 - CERTAIN * _of_others(shares, Intent.CLASSIFY))))
    elsewhere = any(weight >= SURE * (1 - CERTAIN) and label != FIND for label, weight in cued)
    doubt = 1 - max(shares.values(), default=0.0)
    for label, weight in (*cued, *_grammar(facts, elsewhere, doubt)):
        weights[label] += weight
    return weights


def _of_others(shares: Weights, intent: Intent) -> float:
    """The largest share of another intent."""
    totals: dict[Intent, float] = defaultdict(float)
    for label, share in shares.items():
        totals[label.intent] += share
    return max((total for other, total in totals.items() if other is not intent), default=0.0)


def doubted(shares: Weights, facts: Facts, situation: Situation) -> dict[Label, float]:
    """The examples' shares, less where something speaks against an intent."""
    left = {label: share * _left(label, facts) for label, share in shares.items()}
    if not situation.answered:
        left |= {label: share * PREMATURE for label, share in left.items() if label.intent is Intent.REFINE}
    return left


def likeliest(shares: Weights, said: Weights) -> tuple[Label, float, float]:
    """The intent with the most evidence and its likeliest kind; its score, and the share of it in all scores.

    Examples of all kinds speak for an intent together; of what else tells it the strongest counts.
    """
    totals: dict[Intent, float] = defaultdict(float)
    for label, share in shares.items():
        totals[label.intent] += share
    for intent in {label.intent for label in said}:
        totals[intent] += max(value for label, value in said.items() if label.intent is intent)
    best = max(totals, key=lambda intent: totals[intent])
    kinds = (label for label in shares if label.intent is best)
    kind = max(kinds, key=lambda label: shares[label] + said.get(label, 0.0))
    return kind, totals[best], totals[best] / sum(totals.values())


def _cues(facts: Facts) -> Iterator[tuple[Label, float]]:
    for name, phrases in cue_phrases().items():
        intent, _, group = name.partition("/")
        label = Label(Intent(intent), group)
        folded = folded_text(without_purpose(facts.text)) if label.intent is Intent.HISTORY else facts.folded
        if (label == UNSAFE and spares_safeguards(facts)) or (label == TREATMENT and recorded_treatment(facts.text)):
            continue
        if phrases.sure is not None and phrases.sure.search(folded):
            yield label, SURE + REFUSED * (label.intent is Intent.REFUSE and label.group != "treatment")
        if phrases.hint is not None and phrases.hint.search(folded):
            yield label, HINT
    if names_person(facts.text):
        yield OTHERS, SURE + REFUSED
    named = any(t.in_lexicon for t in facts.question.targets)
    wanted = needs_treatment(facts.text) or (decides_treatment(facts.text) and not named)
    if wanted or all_treatments(labels_of(facts.text)):
        yield TREATMENT, SURE + REFUSED


def _grammar(facts: Facts, elsewhere: bool, doubt: float) -> Iterator[tuple[Label, float]]:
    """What grammar says; a named structure says nothing where a cue phrase tells another intent (`elsewhere`).

    Args:
        doubt: 0–1, of the examples; a name counts for more where they know no better.
    """
    named = bool(facts.question.targets)
    requested = facts.requested and (named or bool(facts.question.region))
    weights = (
        (NAMED + UNSURE * doubt) * (named and not elsewhere),
        SIZED * (named and bool(facts.question.measurements)),
        ASKED * ((requested or facts.orders) and not elsewhere),
        POINTED * (facts.orders and not named and points_back(facts.row)),
        COMPLAINT * ((facts.complains and not _opens(facts)) or _without_prior(facts)),
        STATED * facts.states,
        BARE * facts.bare,
    )
    if any(weights):
        yield FIND, sum(weights)
    if _records(facts):
        yield Label(Intent.HISTORY), RECORDED
    if (
        set_against(facts.text)
        or set_against(" ".join(facts.row))
        or (named and facts.asks and asks_whether_steady(facts.text))
    ):
        yield Label(Intent.COMPARE), SURE


def _opens(facts: Facts) -> bool:
    """An order, as "look up the bilirubin" is."""
    first = next((w for w in facts.row if w not in grammar().courtesy | grammar().coordinators), "")
    return first in grammar().openers and not facts.inquires


def _records(facts: Facts) -> bool:
    """Whether a question, or a few words without a number, name a part of the patient's record."""
    tells = any(w[0].isdigit() for w in facts.row) or bool(grammar().told & {*facts.row})
    brief = len(facts.row) <= BRIEF and not tells
    if facts.inquires and recorded_treatment(facts.text) and names_drug(facts.text):
        return True
    return (facts.inquires or brief) and bool(kinds_of(without_purpose(facts.text)))


def _ruled_out(intent: Intent, facts: Facts) -> bool:
    if intent is Intent.COMPARE:
        return _without_prior(facts)
    if intent is Intent.GUIDANCE:  # "BI-RADS 2 or 4, which one": a scale is chosen from, not explained
        return asks_to_choose(facts.text)
    return intent is Intent.CLASSIFY and not labels_of(facts.text)


def _without_prior(facts: Facts) -> bool:
    return _NO_PRIOR.search(facts.folded) is not None


def _left(label: Label, facts: Facts) -> float:
    """The factor by which an intent's share is less."""
    match label.intent:
        case Intent.COMPARE:
            return DENIED if _without_prior(facts) else 1.0
        case Intent.CLASSIFY:
            return 1.0 if labels_of(facts.text) else WITHOUT_LABELS
        case Intent.CAPABILITIES:
            object_of_order = facts.orders and (facts.question.targets or points_back(facts.row))
            return ORDERED if object_of_order else 1.0
        case Intent.HISTORY:
            return _left_of_history(facts)
        case Intent.REFUSE:
            return _left_of_refusal(label, facts)
        case _:
            return 1.0


def _left_of_refusal(label: Label, facts: Facts) -> float:
    if label == UNSAFE and spares_safeguards(facts):
        return LEFT_OUT
    if label.group == "identity" and _tells("refuse/out_of_scope", facts):  # the phone number of the surgeon on call
        return LEFT_OUT
    if _tells(str(label), facts):
        return 1.0
    if label == UNSAFE and facts.question.excluded:
        return LEFT_OUT
    if label == TREATMENT and recorded_treatment(facts.text):
        return RECORD
    return UNTOLD if facts.complains or label.group in _WORDED else 1.0


def _left_of_history(facts: Facts) -> float:
    if _tells("history", facts):
        return 1.0
    opens = facts.row[:1] and facts.row[0] in grammar().openers | grammar().leading
    statement = not facts.asks and not opens and len(facts.row) > BRIEF
    return STATEMENT if statement else (1.0 if kinds_of(facts.text) else UNTOLD)


def _tells(name: str, facts: Facts) -> bool:
    sure = cue_phrases()[name].sure
    return sure is not None and sure.search(facts.folded) is not None
