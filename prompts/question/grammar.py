"""From items to mentions: which structures a text names, on which side, and whether it wants them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from prompts.cues import NotImaging, Sign, cues
from prompts.lexicon import Concept, lexicon
from prompts.question.composition import Composed, compose
from prompts.question.items import BREAKS, PLACES, Item, items
from prompts.question.reading import Mention, Place, Polarity, Reading
from prompts.words import Word

_NUMERAL = re.compile(r"[ivx]{1,4}[ab]?|\d[ab]")

_MODES = {
    "leave_out": Polarity.LEFT_OUT,
    "absent": Polarity.ABSENT,
    "known": Polarity.KNOWN,
    "history": Polarity.PAST,
}
_LISTED = frozenset({Polarity.LEFT_OUT, Polarity.ABSENT})
_SIDES = {"left": ("left",), "right": ("right",), "both": ("left", "right")}
_LIST_ROLES = frozenset({"concept", "adjective", "filler", "and", "or", "left", "right", "both", "joining", "comma"})
LONGEST_LIST = 24
"""Items in which a negated list must come to its "or"."""

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
    pending: tuple[str, ...] = ()
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
        self.segment, self.requested, self.pending = len(self.mentions), False, ()

    def _list_goes_on(self) -> bool:
        """Whether a comma separates members of what is negated ("no a, b or c"); in doubt the next one is asked for."""
        if not (self.mode in _LISTED or self.excluding) or self.cue_word == "not" or len(self.mentions) == self.segment:
            return False
        links = {"or"} if self.mode is Polarity.ABSENT else {"or", "and"}
        if self.at < len(self.row) and self.row[self.at].role in links:
            return True
        named = False
        for item in self.row[self.at : self.at + LONGEST_LIST]:
            if named and item.role in links:
                return True
            if item.role not in _LIST_ROLES:
                return False
            named = named or item.concept is not None
        return False

    def _request(self, item: Item) -> None:
        if self._is_noun(item):
            self.covered.update(range(item.start, min(item.end + 1, len(self.written))))
            return
        negated = self.mode in _LISTED and self.at - self.cue_at <= GUARD + 1 and item.role != "but"
        if not negated or len(self.mentions) > self.named_before_cue:
            self.mode, self.excluding, self.requested = Polarity.ASKED, False, True
            self.requests.append((item.end, item.role))
        self.covered.update(range(item.start, item.end))

    def _is_noun(self, item: Item) -> bool:
        """ "Segment VI" and "mark 2" are names, not wishes."""
        following = self.folded[item.end] if item.end < len(self.folded) else ""
        return item.role == "outline" and (following.isdigit() or bool(_NUMERAL.fullmatch(following)))

    def _turn(self, item: Item) -> None:
        self.mode = _MODES.get(item.role, Polarity.ASKED)
        self.excluding = item.role == "exclude"
        self.cue_at, self.cue_word = self.at, self.written[item.start].folded
        self.segment = self.named_before_cue = len(self.mentions)
        self.pending = ()
        self.covered.update(range(item.start, item.end))

    def _side(self, item: Item, sides: tuple[str, ...]) -> None:
        if item.role == "both":
            self.covered.update(range(item.start + 1, item.end))
        if self._names_ahead() or not self._give_side(sides):
            self.pending = tuple(dict.fromkeys((*self.pending, *sides)))

    def _names_ahead(self) -> bool:
        for item in self.row[self.at : self.at + 6]:
            if item.concept:
                return True
            if item.role in BREAKS:
                return False
        return False

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
            self._mention(one)
        self.at = composition.next
        self.pending = ()

    def _mention(self, one: Composed) -> None:
        concept = one.concept
        if concept.kind in PLACES and one.in_lexicon and self._symptom_at(one.end):
            self.covered.update(range(one.start, one.end))
            return
        self._add(concept, one.sides or self.pending, one.start, one.end, one.in_lexicon, ())

    def _symptom_at(self, word: int) -> bool:
        return word < len(self.folded) and cues().symptom.longest(self.folded, word) is not None

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
