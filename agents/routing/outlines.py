"""Which outlines a complaint means, and which of the structures in it are another wish."""

from __future__ import annotations

from dataclasses import dataclass

from agents.routing.cues import cue_phrases
from agents.routing.facts import understood
from agents.routing.objects import FINDINGS, among, beyond, targets_of
from agents.routing.reading import Read
from agents.routing.request import Intent, Situation
from agents.routing.slots.complaint import Complained, complaint_words, speaks_of, whose_outline
from domain.analysis import Complaint
from prompts.words import phrase
from tools.anatomy import anatomy


@dataclass(frozen=True)
class Meant:
    """What a complaint is about.

    Attributes:
        outlines: targets whose outlines are to be made again. named: the words name them.
        new: targets that are to be looked for instead.
    """

    outlines: tuple[str, ...] = ()
    named: bool = False
    new: tuple[str, ...] = ()


def outlines_meant(clause: Read, said: Complained, situation: Situation) -> Meant:
    """Whose outlines are complained of.

    A structure that an outline runs into, or a part of an outlined one, is no wish of its own: "you missed the
    caudate lobe" is about the liver, "you missed the spleen" about the spleen. Without a name those that the turn
    before was about are meant.
    """
    named = targets_of(clause, situation)
    own = tuple(t.text for t in understood(whose_outline(clause.text), situation).targets if t.in_lexicon)
    meant = among(own, situation.found) or among(named, situation.found)
    if meant:
        return Meant(meant, named=True)
    last = among(situation.last or situation.found, situation.found)
    new = beyond(named, situation.found)
    if new and not _about_the_last(clause, new, said, last):
        return Meant(new=new)
    return Meant(last)


def about_an_outline(clause: Read) -> bool:
    """Whether the words are about an outline, where none was made yet: a leak may be the patient's."""
    return not clause.facts.question.targets or speaks_of("spoken", clause.facts.folded)


def looks_at_an_outline(clause: Read, situation: Situation) -> bool:
    """Whether a clause that seems to look for something tells what is wrong with an outline that is there."""
    seen = bool(situation.found) and _seen(clause) and not clause.facts.inquires
    return seen and not among(targets_of(clause, situation), situation.found)


def surely_complains(clause: Read, situation: Situation) -> bool:
    """Whether a cue phrase tells a complaint, where an outline is there to be complained of."""
    sure = cue_phrases()[Intent.REFINE.value].sure
    return bool(situation.found) and sure is not None and sure.search(clause.facts.folded) is not None


def only_asks(clause: Read) -> str:
    """The topic of RECALL of a clause that wants to know of an outline, not another one; "" for a complaint."""
    row = clause.facts.row
    if complaint_words("shows") & {*row[:3]} and not clause.facts.complains:
        return FINDINGS
    asks = clause.facts.inquires and clause.text.rstrip().endswith("?") and not complaint_words("polite") & {*row[:1]}
    return "quality" if asks else ""


def ambiguous(clause: Read, said: Complained, meant: Meant) -> bool:
    """Whether one outline is complained of, of several that may be meant."""
    if len(meant.outlines) < 2 or meant.named or said.what is Complaint.POOR:
        return False
    return not complaint_words("several") & {*clause.facts.row}


def _about_the_last(clause: Read, new: tuple[str, ...], said: Complained, last: tuple[str, ...]) -> bool:
    """Whether structures that were never outlined are what an outline runs into, or parts that it lacks."""
    if said.what is Complaint.TOO_LARGE or said.change:
        return True
    if last and _seen(clause) and speaks_of("noun", clause.facts.folded):
        return True
    if said.what is not Complaint.TOO_SMALL:
        return bool(last) and speaks_of("instead", clause.facts.folded) and not clause.facts.asks
    if last and not speaks_of("lacks", clause.facts.folded):  # "it stops before the hilum"
        return True
    words = {*clause.facts.row, *(w for t in new for w in phrase(t))}
    return bool(complaint_words("parts") & words) or all(_part_of(t, whole) for t in new for whole in last[:1])


def _part_of(target: str, whole: str) -> bool:
    """Whether a structure lies within another, by the anatomy table."""
    known = anatomy(target)
    plain = {*phrase(whole)} - {"left", "right"}
    return known is not None and any(plain <= {*phrase(container)} for container in known.part_of)


def _seen(clause: Read) -> bool:
    """Whether the words are of a reader who looks at an outline; "the contour of the spleen" wants one."""
    return speaks_of("seen", clause.facts.folded) and not speaks_of("wanted", clause.facts.folded)
