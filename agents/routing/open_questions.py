"""What a clause leaves open: which side, which structure, and whether an image could show it."""

from __future__ import annotations

import re

from agents.routing.facts import points_back
from agents.routing.grammar import grammar
from agents.routing.reading import Read
from agents.routing.request import Intent, Situation
from agents.routing.slots.prior import points_at_prior
from agents.routing.slots.side import side_of_earlier, untold
from prompts.cues import cues

_WHO = (
    r"(?:i|we|you|he|she|they|everyone|ich|wir|er|sie|man|(?:the|my|his|her|our|your|der|die|mein|meine|el|la|mi) [^ ]+"
    r"|(?:dr|prof|doctor|doctora|professor) [^ ]+)"
)
_WHO = rf"(?:{_WHO}(?: (?:and|und|y) {_WHO})?)"
"""Who spoke of it, or looked at it: "I", "the surgeon", "Dr Patel and I"."""
_SAYING = (
    r"(?:mentioned|mention|said|told|tell|named|discussed|discuss|meant|described|asked|showed|shown|flagged|circled|marked"
    r"|pointed|talked|talking|spoke|emailed|mailed|messaged|texted|sent|wrote|noticed|wanted|liked|drew|agreed|worried"
    r"|bothered|interested|concerned|puzzled|gesagt|erwahnt|erwahnte|besprochen|genannt|gemeint|meinte|gezeigt|sagte"
    r"|besprachen|markiert|angesprochen|gesprochen|geschrieben|wollte|beunruhigt|dije|dijo|dijimos|comente|comento"
    r"|comentamos|mencione|menciono|mencionamos|hablamos|ensene|mostre|senale|senalo|marque|marco|preocupaba|preocupa"
    r"|pidio|queria|looking|looked|viewing|viewed|saw|seen|reviewed|reviewing|watching|angeschaut|angesehen|anschauten"
    r"|ansahen|gesehen|sahen|vimos|mirabamos|mirando|miramos|viendo|veiamos)"
)
_HELPS = (
    r"(?:(?:just|had|have|has|was|were|is|are|already|earlier|vorhin|gestern|te|le|les|os|ya|se|am|im|an|beim) |[^ ]+ )"
)
_POINTED_OUTSIDE = re.compile(
    rf" (?:thing|one|organ|structure|structures|spot|bit|area|part|lesion|finding|that|what|whatever|stuff"
    rf"|place|region)"
    rf" (?:that |which |of which )?{_WHO} {_HELPS}{{0,3}}{_SAYING} "
    r"| whichever (?:organ|structure|one|thing|part|lesion|of) "
    r"| (?:as|like|what was|was|wie) (?:discussed|mentioned|agreed|said|besprochen|abgesprochen|vereinbart) "
    r"| (?:was|das) (?:[^ ]+ ){0,4}(?:besprochen|gesagt|erwahnt|genannt|vereinbart|gemeint) (?:wurde|worden|war|ist) "
    r"| lo que se (?:[^ ]+ )?(?:dijo|comento|hablo|acordo|menciono) "
    rf"| (?:das|die|den|was|wovon|woruber|organ|ding|stelle|struktur) (?:von dem |von der |das |die |was |den )?{_WHO}"
    rf" {_HELPS}{{0,4}}{_SAYING} "
    rf"| (?:lo|el|la|eso|organo|zona|cosa|estructura)(?: de lo)? (?:que|del que|de la que) (?:{_WHO} )?"
    rf"{_HELPS}{{0,3}}{_SAYING} "
)
"""What was named elsewhere: "the thing I mentioned on the phone", "was wir besprochen haben", "lo que te dije"."""

_NEAR = (
    r"(?:next to|beside|near|close to|behind|above|below|under|neben|hinter|uber|unter|nahe|junto a|al lado de"
    r"|al lado del|cerca de|cerca del|detras de|detras del|encima de|debajo de)"
)
_NAMELESS = (
    r"(?:one|thing|bit|part|organ|structure|spot|place|area|ding|teil|stelle|struktur|cosa|parte|organo|zona|sitio"
    r"|estructura)"
)
_POINTED_BESIDE = re.compile(
    rf" (?:the|that|das|die|den|der|lo|el|la) (?:{_NAMELESS} )?(?:that is |thats |which is |que esta )?{_NEAR} "
    rf"(?:the|that|dem|der|das|la|el)? ?(?:{_NAMELESS}|where|wo|donde) "
)
"""What is beside something that has no name either: "the one next to the bit that hurts"."""

_DOING = grammar().modals | grammar().openers | {"do", "mach", "mache", "haz", "hace"}


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


def points_outside(clause: Read, situation: Situation) -> bool:
    """ "Outline the thing I mentioned on the phone": work on what was named outside of this conversation.

    Only where nothing here could be meant: no structure is named, and none was outlined before.
    """
    facts = clause.facts
    named = any(t.in_lexicon for t in facts.question.targets) or facts.question.excluded
    if named or situation.found:
        return False
    if _POINTED_BESIDE.search(facts.folded):
        return facts.asks or facts.orders or facts.requested or bool({*facts.row[:2]} & _DOING)
    wanted = facts.orders or facts.requested or facts.question.measurements or clause.intent is Intent.UNKNOWN
    return bool(wanted) and _POINTED_OUTSIDE.search(facts.folded) is not None


def only_grows(clause: Read, situation: Situation) -> bool:
    """ "Bigger than last time or what": a change in size, of nothing that is named or was outlined before."""
    row = {*clause.facts.row}
    if situation.found or situation.answered or row & grammar().whole:
        return False
    sized = clause.facts.question.measurements and not points_at_prior(clause.text)  # "how large is it now"
    return bool(row & grammar().growth or sized)
