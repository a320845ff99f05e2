"""From items to mentions: which structures a text names, on which side, and whether it wants them."""

from __future__ import annotations

from dataclasses import replace

from prompts.cues import NotImaging, Sign
from prompts.lexicon import lexicon
from prompts.question.ahead import list_goes_on, names_ahead, numbered
from prompts.question.composition import Composed, compose
from prompts.question.examination import in_examination, is_region, measured_after, symptom_at
from prompts.question.items import BREAKS, PLACES, Item, items
from prompts.question.reading import NEGATED, Place, Polarity, Reading
from prompts.question.repairs import DENIALS, aches, denies, vague, wished
from prompts.question.revising import Revisable
from prompts.words import Word

_MODES = {
    "leave_out": Polarity.LEFT_OUT,
    "instead": Polarity.LEFT_OUT,
    "absent": Polarity.ABSENT,
    "known": Polarity.KNOWN,
    "history": Polarity.PAST,
}
_SIDES = {"left": ("left",), "right": ("right",), "both": ("left", "right")}
_AFTER = {"past_after": Polarity.PAST, "known_after": Polarity.KNOWN}
GUARD = 3
"""Items between a negation and a verb that still belong together ("no need at all to measure")."""


def read(written: tuple[Word, ...]) -> Reading:
    """Read a text once, left to right."""
    reader = _Reader(written, items(written), [w.folded for w in written])
    while reader.at < len(reader.row):
        reader.step()
    return Reading(
        tuple(m for m in reader.mentions if m.concept.kind != "region"),
        tuple(reader.not_imaging),
        tuple(reader.requests),
        frozenset(reader.covered),
    )


class _Reader(Revisable):
    def step(self) -> None:
        """Take the next item."""
        item = self.row[self.at]
        self.at += 1
        if self._corrects(item):
            return
        if item.role in BREAKS:
            self._break(item.role)
        elif item.role in {"concept", "adjective"}:
            self._name(item)
        elif item.role in _SIDES:
            self._side(item, _SIDES[item.role])
        elif item.role in {"outline", "assess", "rule_out", "but"}:
            self._request(item)
        elif item.role in _MODES or item.role == "exclude":
            self._turn(item)
        elif item.role == "left_out_after":
            self._leave_out_before()
        elif item.role in _AFTER:
            self._say_of_last(item, _AFTER[item.role])
        elif isinstance(item.value, Sign):
            self._sign(item, item.value)
        elif isinstance(item.value, NotImaging):
            self._place(item, item.value)
        elif self.mode is Polarity.PAST and self.folded[item.start] == "with":
            self.mode = Polarity.ASKED
        elif item.role == "inert":
            self.covered.update(range(item.start, item.end))

    def _corrects(self, item: Item) -> bool:
        """Whether an item took back what was said last."""
        certain = item.role == "correction" or denies(self.row, self.at - 1, self.written)
        if (certain or self.folded[item.start] in DENIALS) and self._take_other():
            self.covered.update(range(item.start, item.end))
            return True
        if certain:
            self._take_back(item)
        return certain

    def _break(self, role: str) -> None:
        if role == "question":
            self._ask_last()
        if role == "open":
            self.outer.append((self.mode, self.excluding))
        elif role == "close" and self.outer:
            self.mode, self.excluding = self.outer.pop()
        elif role != "comma" or not self._list_goes_on():
            self.mode, self.excluding = Polarity.ASKED, False
        if role in {"stop", "question"}:
            self.outer.clear()
        self.stranded = (self.pending or self.stranded) if role == "comma" else ()
        self.segment, self.requested, self.pending = len(self.mentions), False, ()

    def _list_goes_on(self) -> bool:
        """Whether a comma separates members of what is negated ("no a, b or c"); in doubt the next one is asked for."""
        if not self._negated() or self.cue_word == "not" or len(self.mentions) == self.segment:
            return False
        links = {"or"} if self.mode is Polarity.ABSENT else {"or", "and"}
        return list_goes_on(self.row, self.at, links)

    def _request(self, item: Item) -> None:
        if item.role == "outline" and numbered(self.folded, item.end):
            self.covered.update(range(item.start, min(item.end + 1, len(self.written))))
            return
        negated = self.mode in NEGATED and self.at - self.cue_at <= GUARD + 1 and item.role != "but"
        if item.role != "but" and self._take_up(item, negated):
            self.covered.update(range(item.start, item.end))
            return
        if not negated or len(self.mentions) > self.named_before_cue:
            if self._fresh_negation():
                self.pending = ()
            self.mode, self.excluding, self.requested = Polarity.ASKED, False, True
            self.requests.append((item.end, item.role))
            self.named_before_request = len(self.mentions)
        self.covered.update(range(item.start, item.end))

    def _turn(self, item: Item) -> None:
        if item.role == "exclude" and self._take_up(item, self._negated()):
            self.covered.update(range(item.start, item.end))
            return
        if self._take_part():
            return
        self.once = item.role == "instead"
        self.mode = _MODES.get(item.role, Polarity.ASKED)
        self.excluding = item.role == "exclude"
        self.cue_at, self.cue_word = self.at, self.written[item.start].folded
        self.segment = self.named_before_cue = len(self.mentions)
        self.stranded = (self.pending or self.stranded) if self._negated() else ()
        self.pending = ()
        self.covered.update(range(item.start, item.end))

    def _side(self, item: Item, sides: tuple[str, ...]) -> None:
        if item.role == "both":
            self.covered.update(range(item.start + 1, item.end))
        if self._elliptic(item, sides) or self._told_of_other(item):
            return
        if self._fresh_negation() and self.pending and not {*self.pending} & {*sides} and not self._linked():
            self.mode, self.excluding, self.pending = Polarity.ASKED, False, ()  # "instead of the left the right one"
        if names_ahead(self.row, self.at) or self._fresh_negation() or not self._give_side(sides):
            self.pending = tuple(dict.fromkeys((*self.pending, *sides)))

    def _name(self, item: Item) -> None:
        composition = compose(self.row, self.at - 1, self.written)
        if composition is None:
            self.covered.update(range(item.start, item.end))
            return
        for one in composition.parts:
            self._mention(one, item)
        self.at = composition.next
        self.pending = ()
        self.taken_back = False
        if self.once and self._negated() and not self._goes_on():
            self.mode, self.excluding, self.once = Polarity.ASKED, False, False

    def _goes_on(self) -> bool:
        return self.at < len(self.row) and self.row[self.at].role in {"and", "or"}

    def _mention(self, one: Composed, item: Item) -> None:
        concept = one.concept
        if (
            concept.kind in PLACES
            and one.in_lexicon
            and (symptom_at(self.written, one.end) or self._examined(one, item))
        ):
            self.covered.update(range(one.start, one.end))
            return
        if concept.kind in PLACES and aches(self.row, self.at - 1, self.written):
            self.covered.update(range(one.start, one.end))
            return
        sides = one.sides or self.pending
        self._add(concept, sides, one.start, one.end, one.in_lexicon, ())
        last = self.mentions[-1]
        if last.polarity is Polarity.ASKED and concept.kind in PLACES and vague(self.row, self.at - 1, self.written):
            self.mentions[-1] = replace(self.mentions[-1], polarity=Polarity.KNOWN)
            self.whereabouts.add(len(self.mentions) - 1)
        self._strand(self.mentions[-1])

    def _examined(self, one: Composed, item: Item) -> bool:
        """Whether a name only says what was examined: a region, or an organ of an examination that was not made."""
        at = self.at - 1
        alone = (one.start, one.end) == (item.start, item.end)
        if not alone or not in_examination(self.row, at, self.written):
            return False
        if self.mode in {Polarity.ABSENT, Polarity.PAST}:
            return True
        return is_region(one.concept) and not (self._outlined() or measured_after(self.row, at, self.written))

    def _outlined(self) -> bool:
        """Whether the last verb ("segment", "size of") still lacks its object."""
        verb = self.requests[-1][1] if self.requested else ""
        return verb == "outline" and len(self.mentions) == self.named_before_request

    def _sign(self, item: Item, sign: Sign) -> None:
        for target in sign.targets:
            self._add(lexicon().concepts[target], self.pending, item.start, item.end, True, sign.measurements)
        self.pending = ()

    def _place(self, item: Item, value: NotImaging) -> None:
        start, end = self.written[item.start].start, self.written[item.end - 1].end
        self.not_imaging.append(
            Place(start, end, value.what, self.requested or wished(self.row, self.at, self.written))
        )
        self.covered.update(range(item.start, item.end))
