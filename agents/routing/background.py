"""What a message only tells beside what it asks: "Rising CEA. Any liver metastases?" asks nothing of the record.

A statement alone may want something ("worsening dyspnoea": look for its causes), and is left as it is. Beside a
question or an order it is background: what was read into it is dropped, unless its words surely tell that intent. So
is what only goes on asking about the same thing: "Has it grown, and by how much?"
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agents.routing.examples import Label
from agents.routing.facts import points_back
from agents.routing.grammar import grammar
from agents.routing.joining import Part
from agents.routing.objects import MEASUREMENTS
from agents.routing.reading import Read
from agents.routing.request import Intent, Situation
from agents.routing.safeguards import spares_safeguards
from agents.routing.slots.kinds import kinds_of

PLAIN = 0.8
"""From this confidence on a clause without a declarative beginning is taken for what the examples say that it wants."""
SHORT = 3
"""Words of the longest question that may ask for nothing but consent."""
DOUBTFUL = 0.5
ELLIPTIC = 8
"""Words of the longest clause that goes on asking about what the one before was about."""

_OF_STRUCTURES = frozenset({Intent.FIND, Intent.RECALL, Intent.COMPARE, Intent.REFINE})
"""Requests that may be about a structure that only a statement names: "Known cyst in the liver. How large is it?"."""
_ACTS = frozenset(Intent) - {
    Intent.FIND,
    Intent.UNKNOWN,
    Intent.HISTORY,
    Intent.GUIDANCE,
    Intent.REFUSE,
    Intent.REFINE,
    Intent.GREETING,
}
"""What an imperative that no list has may tell; the record and guidance are asked for in questions."""
_DECLINES = frozenset(
    {("don't",), ("dont",), ("never",), ("do", "not"), ("no", "need"), ("nicht",), ("kein",), ("keine",)}
)
_ADDED = frozenset({"and", "plus", "und", "sowie", "y", "ademas"})
_KNOWN = frozenset({"known", "bekannt", "bekannte", "bekannter", "bekanntes", "conocido", "conocida"})
_IDLE = frozenset({Intent.UNKNOWN, Intent.RECALL, Intent.CAPABILITIES})
_ABOUT_TIME = frozenset({Intent.COMPARE, Intent.HISTORY, Intent.UNKNOWN})
"""What a name with a time beside it may look like: "the cyst that was described in May, how big is it?"."""
_WITH_NUMBERS = frozenset({Intent.FIND, Intent.COMPARE, Intent.HISTORY, Intent.RECALL})
"""Requests whose answer brings the number that is asked for next."""
_NUMBERS = frozenset({MEASUREMENTS, "changes"})


def without_background(parts: Sequence[Part], situation: Situation) -> list[Part]:
    """The clauses that want something; all of them where none or each of them does."""
    wanting = [part for place, part in enumerate(parts) if _wanted(parts, place, situation.answered)]
    if wanting and len(wanting) < len(parts):
        beside = _Beside(wanting, situation)
        read = [part if part in wanting else beside.read(part) for part in parts]
        parts = [part for part in read if part in wanting or beside.keeps(part)]
    return _without_ellipses(parts, situation)


def _wanted(parts: Sequence[Part], place: int, answered: bool) -> bool:
    clause, read = parts[place]
    if _idle(read) or _declined(read) or _remarks(read, answered) or only_tells_of_another(read):
        return False
    if wants(read):
        return True
    beside = [r for c, r in parts if c.sentence == clause.sentence and wants(r)]
    if read.intent is Intent.FIND:  # "solid nodule in the lung, what does Fleischner advise?" tells what it is about
        beside = [r for r in beside if r.intent is not Intent.GUIDANCE]
    return bool(beside) and _listed(read)


def _listed(read: Read) -> bool:
    """Whether a clause may be a member of a list: "the kidneys, her creatinine, and what does Fleischner say?"."""
    row = read.facts.row
    if read.intent is Intent.FIND:
        known = read.facts.states or any(w[0].isdigit() for w in row) or bool({*row[:1]} & grammar().declarative)
        return _names(read) and not known
    plain = read.intent in {Intent.HISTORY, Intent.GUIDANCE} and read.confidence >= PLAIN
    return plain and not {*row} & grammar().auxiliaries


def _declined(read: Read) -> bool:
    """ "Don't classify it", "no need to compare anything"; what is not to be looked for stays with what is."""
    row = read.facts.row
    declines = row[:1] in _DECLINES or row[:2] in _DECLINES or spares_safeguards(read.facts)  # "ignore the old report"
    return declines and read.intent is not Intent.FIND and read.label.group != "unsafe"


def _remarks(read: Read, answered: bool) -> bool:
    """ "I don't trust it" before there is anything to trust: a remark on what somebody else wrote."""
    facts = read.facts
    return read.intent is Intent.RECALL and not (answered or facts.asks or facts.orders or facts.requested)


def _idle(read: Read) -> bool:
    """Courtesy, and "agree?", "are you?": by them nothing else becomes background."""
    brief = len(read.facts.row) <= SHORT and not (_names(read) or read.sure or _sizes(read))
    return read.intent is Intent.GREETING or (brief and read.intent in _IDLE)


def wants(read: Read) -> bool:
    """Whether a clause asks or orders, or is the bare name of what is wanted."""
    facts, known = read.facts, grammar()
    if facts.asks or facts.orders or facts.requested or facts.bare or read.sure or _sizes(read):
        return True
    row = [w for w in facts.row if w not in known.coordinators]
    opening = next((w for w in row if w not in known.courtesy), "")
    if opening in known.openers or known.wishes & {*row} or (row[:1] and row[0] in known.modals):
        return True
    added = bool({*facts.row[:1]} & _ADDED)  # "And the bilirubin."
    complains = facts.complains and not (added or _asks_of_record(read))
    if read.intent is Intent.HISTORY and read.confidence >= DOUBTFUL and kinds_of(facts.text) and not complains:
        return not ({*row} & known.auxiliaries or ({*row[:1]} & known.declarative and not added))
    acts = read.intent in _ACTS and read.confidence >= PLAIN
    return acts and not (row[:1] and row[0] in known.declarative)


def _asks_of_record(read: Read) -> bool:
    """ "PSA from the lab": what may be a complaint is asked for with where it stands, and nothing is told of it."""
    row = {*read.facts.row}
    return bool(grammar().asked_of_record & row) and not grammar().told & row


def _sizes(read: Read) -> bool:
    """ "Left kidney length", but not "nodule of 9 mm", which is known."""
    row = read.facts.row
    told = read.facts.states or {*row} & _KNOWN or any(w[0].isdigit() for w in row)
    return bool(read.facts.question.measurements) and not told


class _Beside:
    """Which statements belong to the requests that they stand beside."""

    def __init__(self, wanting: Sequence[Part], situation: Situation) -> None:
        asked = [read for _, read in wanting]
        self._structures = any(r.intent in _OF_STRUCTURES for r in asked)
        self._looks_for = any(r.intent is Intent.FIND for r in asked)
        self._nameless = self._structures and not any(_names(r) for r in asked)
        self._unnamed = not any(_names(r) for r in asked)
        self._of_person = any(grammar().persons & {*r.facts.row} for r in asked)
        self._sentences = {clause.sentence for clause, _ in wanting}
        self._answered = situation.answered

    def read(self, part: Part) -> Part:
        """A complaint or a risk beside what is looked for is part of one indication: "smoker. Lung mass?"."""
        clause, read = part
        if self._nameless and not wants(read) and _names(read) and read.intent in _ABOUT_TIME:
            return clause, replace(read, label=Label(Intent.FIND))
        if self._looks_for and not wants(read) and read.facts.complains and not read.facts.question.targets:
            return clause, replace(read, label=Label(Intent.FIND))
        return part

    def keeps(self, part: Part) -> bool:
        """Whether a statement belongs to what is asked."""
        clause, read = part
        if tells_of_another(read):  # what is asked next is asked of "her"
            return self._of_person or (read.sure and self._unnamed) or clause.sentence in self._sentences
        if read.intent is Intent.REFINE:  # a complaint about an outline is a request
            return self._answered
        if read.intent is Intent.GREETING:  # left out later, where there is work
            return True
        question = read.facts.question
        if read.intent is Intent.UNKNOWN:  # is told as not understood
            return not (question.targets or question.not_imaging or points_back(read.facts.row))
        if (read.intent is Intent.FIND or read.facts.complains) and not (question.targets or question.not_imaging):
            return self._looks_for
        named = read.intent is Intent.FIND and any(t.in_lexicon for t in question.targets)
        return named and self._structures and (self._nameless or not read.facts.complains)


def tells_of_another(read: Read) -> bool:
    """Whether a clause is about another patient."""
    return read.label.group == "other_patient" and (read.sure or read.confidence >= PLAIN)


def only_tells_of_another(read: Read) -> bool:
    """ "The other one is waiting outside": said of another patient, and nothing is asked of him.

    "Mr Huber, bed 14." has no verb, and what follows is about him.
    """
    facts = read.facts
    told = bool({*facts.row} & (grammar().auxiliaries - {"any"} | grammar().happenings))
    return told and tells_of_another(read) and not (facts.asks or facts.orders or facts.requested)


def _without_ellipses(parts: Sequence[Part], situation: Situation) -> list[Part]:
    made: list[Part] = []
    for part in parts:
        if not (made and _goes_on(made[-1][1], part[1], situation)):
            made.append(part)
    return made


def _goes_on(before: Read, read: Read, situation: Situation) -> bool:
    """ "And by how much?", "give me both lengths", "when did that end?": answered with what comes before."""
    facts = read.facts
    if len(facts.row) > ELLIPTIC or facts.question.targets or situation.answered:
        return False
    outlined = before.intent is Intent.FIND and _names(before)
    if outlined and read.intent is Intent.REFINE and not facts.complains:  # "just the contour" of what is asked for
        return True
    if read.sure and not (read.intent is Intent.RECALL and read.label.group in _NUMBERS):
        return False
    if before.intent not in _WITH_NUMBERS or not wants(before):
        return False
    if read.intent is Intent.RECALL:
        recorded = before.intent is Intent.HISTORY and points_back(facts.row)
        return recorded or read.label.group in _NUMBERS or read.confidence < DOUBTFUL
    doubtful = (read.intent is Intent.UNKNOWN and (facts.asks or facts.orders)) or (
        read.intent is Intent.FIND and read.confidence < PLAIN
    )
    return doubtful and not facts.complains


def _names(read: Read) -> bool:
    """Whether a clause names a structure or an abnormality that the lexicon has, and not only "the lesion"."""
    return any(t.in_lexicon and t.text not in grammar().generic for t in read.facts.question.targets)
