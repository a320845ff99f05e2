"""From items to mentions: which structures a text names, on which side, and whether it wants them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from prompts.cues import NotImaging, Sign
from prompts.lexicon import Concept, lexicon
from prompts.question.ahead import list_goes_on, names_ahead, numbered
from prompts.question.composition import Composed, compose
from prompts.question.ellipsis import last_paired, stands_alone, without
from prompts.question.examination import in_examination, is_region, measured_after, symptom_at
from prompts.question.items import BREAKS, PLACES, Item, items
from prompts.question.reading import NEGATED, Mention, Place, Polarity, Reading
from prompts.words import Word

_MODES = {
    "leave_out": Polarity.LEFT_OUT,
    "absent": Polarity.ABSENT,
    "known": Polarity.KNOWN,
    "history": Polarity.PAST,
}
_SIDES = {"left": ("left",), "right": ("right",), "both": ("left", "right")}
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


@dataclass
class _Reader:
    written: tuple[Word, ...]
    row: tuple[Item, ...]
    folded: list[str]
    at: int = 0
    mode: Polarity = Polarity.ASKED
    excluding: bool = False
    outer: list[tuple[Polarity, bool]] = field(default_factory=list)
    cue_at: int = -100
    cue_word: str = ""
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

    def step(self) -> None:
        """Take the next item."""
        item = self.row[self.at]
        self.at += 1
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
        elif isinstance(item.value, Sign):
            self._sign(item, item.value)
        elif isinstance(item.value, NotImaging):
            self._place(item, item.value)
        elif self.mode is Polarity.PAST and self.folded[item.start] == "with":
            self.mode = Polarity.ASKED
        elif item.role == "inert":
            self.covered.update(range(item.start, item.end))

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
        if not negated or len(self.mentions) > self.named_before_cue:
            self.mode, self.excluding, self.requested = Polarity.ASKED, False, True
            self.requests.append((item.end, item.role))
            self.named_before_request = len(self.mentions)
        self.covered.update(range(item.start, item.end))

    def _turn(self, item: Item) -> None:
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
        if self._elliptic(item, sides):
            return
        if names_ahead(self.row, self.at) or self._fresh_negation() or not self._give_side(sides):
            self.pending = tuple(dict.fromkeys((*self.pending, *sides)))

    def _elliptic(self, item: Item, sides: tuple[str, ...]) -> bool:
        """ "…, not the left": the side of the last paired structure, against what was said of it before."""
        place = last_paired(self.mentions, item.start)
        if place is None or not stands_alone(self.row, self.at):
            return False
        last = self.mentions[place]
        turned = self._fresh_negation()
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

    def _name(self, item: Item) -> None:
        composition = compose(self.row, self.at - 1, self.written)
        if composition is None:
            self.covered.update(range(item.start, item.end))
            return
        for one in composition.parts:
            self._mention(one, item)
        self.at = composition.next
        self.pending = ()

    def _mention(self, one: Composed, item: Item) -> None:
        concept = one.concept
        if (
            concept.kind in PLACES
            and one.in_lexicon
            and (symptom_at(self.written, one.end) or self._examined(one, item))
        ):
            self.covered.update(range(one.start, one.end))
            return
        sides = one.sides or self.pending
        self._add(concept, sides, one.start, one.end, one.in_lexicon, ())
        self._strand(self.mentions[-1])

    def _strand(self, mention: Mention) -> None:
        """ "Left, not right kidney": the side before the negation is wanted."""
        stranded, self.stranded = self.stranded, ()
        if stranded and mention.polarity in NEGATED and mention.sides and not {*stranded} & {*mention.sides}:
            self.mentions.append(replace(mention, polarity=Polarity.ASKED, sides=stranded))

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
        first = len(self.mentions) - 1 if self.requested else self.segment
        for place in range(max(first, self.segment), len(self.mentions)):
            self.mentions[place] = replace(self.mentions[place], polarity=Polarity.LEFT_OUT)

    def _ask_last(self) -> None:
        if len(self.mentions) > self.segment and self.mentions[-1].polarity is not Polarity.LEFT_OUT:
            self.mentions[-1] = replace(self.mentions[-1], polarity=Polarity.ASKED)

    def _place(self, item: Item, value: NotImaging) -> None:
        self.not_imaging.append(Place(self.written[item.start].start, self.written[item.end - 1].end, value.what))
        self.covered.update(range(item.start, item.end))
