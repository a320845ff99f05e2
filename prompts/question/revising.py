"""What has been read so far of a text, and how later words revise it: sides, corrections, pronouns."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from prompts.lexicon import Concept
from prompts.question.ellipsis import last_paired, stands_alone, without
from prompts.question.items import PLACES, Item
from prompts.question.parts import part_instead
from prompts.question.reading import NEGATED, Mention, Place, Polarity
from prompts.question.repairs import AHEAD, ALL, BACK, other_ahead, pointed, points, replaced
from prompts.words import Word

_PEOPLE = frozenset({"patient", "patients", "pt", "pts", "patientin", "paciente", "survivor"})
NEAR = 4
"""Words between a structure and what is said of it ("tube on the right in place")."""


@dataclass
class Revisable:
    """Items up to `at` as mentions; what the last cue says of the next ones."""

    written: tuple[Word, ...]
    row: tuple[Item, ...]
    folded: list[str]
    at: int = 0
    mode: Polarity = Polarity.ASKED
    excluding: bool = False
    outer: list[tuple[Polarity, bool]] = field(default_factory=list)
    cue_at: int = -100
    cue_word: str = ""
    once: bool = False
    taken_back: bool = False
    named_before_cue: int = 0
    segment: int = 0
    requested: bool = False
    named_before_request: int = 0
    pending: tuple[str, ...] = ()
    stranded: tuple[str, ...] = ()
    mentions: list[Mention] = field(default_factory=list)
    not_imaging: list[Place] = field(default_factory=list)
    requests: list[tuple[int, str]] = field(default_factory=list)
    covered: set[int] = field(default_factory=set)
    whereabouts: set[int] = field(default_factory=set)

    def _take_up(self, item: Item, negated: bool) -> bool:
        """ "There should be no X, can you exclude one?": what was said not to be there is asked for by a pronoun."""
        stands = points(self.row, self.at, self.written) or pointed(self.row, self.at - 1, self.written)
        stands = stands or (item.end - item.start == 3 and self.folded[item.start] == "rule")
        if not stands or not self.mentions or (self.mentions[-1].polarity is Polarity.ASKED) is not negated:
            return False
        if negated:  # "the effusion is old, no need to measure that one"
            self.mentions[-1] = replace(self.mentions[-1], polarity=Polarity.LEFT_OUT)
            return True
        self.mentions[-1] = replace(self.mentions[-1], polarity=Polarity.ASKED)
        self.mode, self.excluding = Polarity.ASKED, False
        return True

    def _take_back(self, item: Item) -> None:
        """ "The left, no, the right kidney": what was said last is not wanted, where another is named instead."""
        self.covered.update(range(item.start, item.end))
        if not replaced(self.row, self.at):
            return
        last = self.mentions[-1] if self.mentions else None
        self.mode, self.excluding = Polarity.ASKED, False
        if not self.pending and last is not None and item.start - last.words[1] <= BACK:
            self.mentions[-1] = replace(last, polarity=Polarity.LEFT_OUT)
            self.taken_back = True
        self.pending = self.stranded = ()

    def _say_of_last(self, item: Item, polarity: Polarity) -> None:
        """ "Breast cancer patient", "spleen removed": what was named last is known or past."""
        self.covered.update(range(item.start, item.end))
        last = self.mentions[-1] if len(self.mentions) > self.segment else None
        if last is None or last.polarity is not Polarity.ASKED or self.requested:
            return
        if self.folded[item.start : item.end] == ["in", "situ"] and last.concept.kind == "lesion":
            return
        near = 0 if self.folded[item.start] in _PEOPLE else NEAR
        if item.start - last.words[1] <= near:
            self.mentions[-1] = replace(last, polarity=polarity)

    def _told_of_other(self, item: Item) -> bool:
        """ "The left kidney, the right one was removed": the other side, and that it is no longer there."""
        after = self.row[self.at : self.at + AHEAD]
        told = next((i.role for i in after if i.role not in {"filler", "word"}), "") in {"past_after", "left_out_after"}
        return told and last_paired(self.mentions, item.start) is not None and stands_alone(self.row, self.at + 1)

    def _linked(self) -> bool:
        """Whether the side that was just taken is in a list with what stands before it."""
        return self.at > 1 and self.row[self.at - 2].role in {"and", "or"}

    def _elliptic(self, item: Item, sides: tuple[str, ...]) -> bool:
        """ "…, not the left": the side of the last paired structure, against what was said of it before."""
        place = last_paired(self.mentions, item.start)
        if place is None or not stands_alone(self.row, self.at):
            return False
        last = self.mentions[place]
        turned = self._fresh_negation() or self.taken_back
        if not turned and not self._negated() and last.polarity in NEGATED and {*sides} < {*last.sides}:
            left = tuple(side for side in last.sides if side not in sides)  # "not both lungs, just the left one"
            self.mentions[place] = last = replace(last, sides=left)
        back = not self._negated() and last.polarity in NEGATED and bool(last.sides) and not {*last.sides} & {*sides}
        if not turned and not back:
            return False
        self._add(last.concept, sides, item.start, item.end, last.in_lexicon, ())
        if self.mentions[-1].polarity in NEGATED:
            kept = without(last, sides)
            self.mentions[place : place + 1] = [kept] if kept else []
        return True

    def _fresh_negation(self) -> bool:
        """Whether nothing was named since a negation: a side then is not that of what stood before it."""
        return self._negated() and len(self.mentions) == self.named_before_cue

    def _negated(self) -> bool:
        return self.mode in NEGATED or self.excluding

    def _give_side(self, sides: tuple[str, ...]) -> bool:
        last = self.mentions[-1] if self.mentions else None
        if last is None or not last.concept.paired or self.row[self.at - 1].start - last.words[1] > 4:
            return False
        self.mentions[-1] = replace(last, sides=tuple(dict.fromkeys((*last.sides, *sides))))
        return True

    def _add(
        self,
        concept: Concept,
        sides: tuple[str, ...],
        start: int,
        end: int,
        in_lexicon: bool,
        measurements: tuple[str, ...],
    ) -> None:
        polarity = self.mode
        if self.excluding:
            polarity = Polarity.LEFT_OUT if concept.kind in PLACES else Polarity.ASKED
        self.mentions.append(
            Mention(
                concept,
                polarity,
                sides if concept.paired else (),
                self.written[start].start,
                self.written[end - 1].end,
                (start, end),
                in_lexicon,
                measurements,
            )
        )
        self.covered.update(range(start, end))

    def _leave_out_before(self) -> None:
        if self._all_but_last():  # "all but the spleen is done": the spleen is what is left to do
            self.mentions[-1] = replace(self.mentions[-1], polarity=Polarity.ASKED)
            return
        first = len(self.mentions) - 1 if self.requested else self.segment
        for place in range(max(first, self.segment), len(self.mentions)):
            self.mentions[place] = replace(self.mentions[place], polarity=Polarity.LEFT_OUT)

    def _all_but_last(self) -> bool:
        """Whether what was named last was left out of everything: "everything except the spleen"."""
        cue = next((i for i in reversed(self.row[: self.at]) if i.role == "leave_out"), None)
        if cue is None or len(self.mentions) != self.segment + 1 or self.mentions[-1].polarity is not Polarity.LEFT_OUT:
            return False
        return bool(ALL & {*self.folded[max(cue.start - 1, 0) : cue.end]})

    def _take_other(self) -> bool:
        """ "The left kidney, no, the other one": the other side of what was said last."""
        last = self.mentions[-1] if self.mentions else None
        end = other_ahead(self.row, self.at, self.written)
        if not end or last is None or len(last.sides) != 1 or self.row[self.at - 1].start - last.words[1] > BACK:
            return False
        other = "right" if last.sides == ("left",) else "left"
        self.mentions[-1] = replace(last, polarity=Polarity.ASKED, sides=(other,))
        self.at = end
        return True

    def _take_part(self) -> bool:
        """ "Hippocampus, not the anterior part, the posterior one": a part in the user's own words."""
        part = part_instead(self.row, self.at, self.written)
        last = self.mentions[-1] if self.mentions else None
        if part is None or last is None or last.concept.kind not in PLACES or last.polarity is not Polarity.ASKED:
            return False
        concept = replace(last.concept, text=f"{part[0]} {last.concept.text}", kind="unknown")
        self.mentions[-1] = replace(last, concept=concept, in_lexicon=False)
        self.at = part[1]
        return True

    def _ask_last(self) -> None:
        last = len(self.mentions) - 1
        if (
            last >= self.segment
            and self.mentions[-1].polarity is not Polarity.LEFT_OUT
            and last not in self.whereabouts
        ):
            self.mentions[-1] = replace(self.mentions[-1], polarity=Polarity.ASKED)

    def _strand(self, mention: Mention) -> None:
        """ "Left, not right kidney": the side before the negation is wanted."""
        stranded, self.stranded = self.stranded, ()
        if stranded and mention.polarity in NEGATED and mention.sides and not {*stranded} & {*mention.sides}:
            self.mentions.append(replace(mention, polarity=Polarity.ASKED, sides=stranded))
