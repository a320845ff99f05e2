"""What a clause leaves open: which side, which structure, and whether an image could show it."""

from __future__ import annotations

from agents.routing.facts import points_back
from agents.routing.grammar import grammar
from agents.routing.reading import Read
from agents.routing.request import Situation
from agents.routing.slots.side import side_of_earlier, untold
from prompts.cues import cues


def side_untold(clause: Read, situation: Situation) -> bool:
    """ "The kidney on the painful side": a pair is meant one of, and nothing tells which."""
    question = clause.facts.question
    paired = [t for t in question.targets if t.concept is not None and t.concept.paired]
    if len({t.side for t in paired} - {""}) == 1:
        paired = [t for t in paired if not t.side]
    named = paired or not question.targets
    elliptic = side_of_earlier(clause.text, tuple(q for q, _ in situation.earlier), situation.found)
    return bool(named) and not elliptic and untold(clause.text)


def asks_for_it(clause: Read) -> bool:
    """ "Can you put a caliper on that": a request whose object was named nowhere."""
    row = clause.facts.row
    polite = row[:1] and row[0] in grammar().modals
    return bool(polite) and "you" in row[:2] and points_back(row) and not clause.facts.question.recognised


def outlines_complaint(clause: Read) -> bool:
    """ "Outline the pain": an order whose whole object is a complaint, which no image shows."""
    facts, known = clause.facts, grammar()
    if not facts.orders or facts.asks or any(t.in_lexicon for t in facts.question.targets):
        return False
    around = known.commands | known.articles | known.courtesy | known.fillers | known.persons
    rest = [w for w in facts.row if w not in around]
    found = cues().indication.longest(rest, 0) if rest else None
    return found is not None and found[0] == len(rest)


def names_nothing(clause: Read, targets: tuple[str, ...], situation: Situation) -> bool:
    """ "Outline what I circled": an order whose object nothing tells, and which does not want everything."""
    facts = clause.facts
    question = facts.question
    told = targets or question.excluded or question.not_imaging or question.region or question.modality
    return facts.orders and not (told or facts.complains or situation.order) and not grammar().whole & {*facts.row}
