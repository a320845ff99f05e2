"""Lists of different wishes: "gland volume + last PSA", "zone volumes, earlier biopsy and the PI-RADS rule".

Members that are about the same kind of thing stay together: a list of organs is one wish.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from agents.routing.cues import cue_phrases, folded_text
from agents.routing.grammar import grammar
from agents.routing.slots.kinds import kinds_of
from agents.routing.slots.side import untold
from prompts.cues import cues
from prompts.lexicon import lexicon
from prompts.question.wording import worded
from prompts.words import Word

LONGEST = 60
"""Words of the longest sentence that is read as a list."""
_CHANGES = frozenset(
    (
        *("change", "changes", "growth", "difference", "comparison", "compare", "compared", "progression", "versus"),
        *("verlauf", "veranderung", "vergleich", "vergleichen", "cambio", "cambios", "comparacion", "evolucion"),
    )
)
"""Words of what is compared: it belongs to what it is said of."""
_PURPOSES = frozenset({"so", "because", "damit", "porque"})
"""Words after which it is said what a wish is for."""
ASKS = 2
"""Words in which a member of a list turns out to be a question."""
BARE = 3
"""Words of the longest name of a part of the record that asks for it with nothing else ("and PSA")."""


class _Topic(StrEnum):
    IMAGE = "image"
    RECORD = "record"
    RULES = "rules"


@dataclass(frozen=True)
class _Member:
    """Words `start` to `end` of a sentence.

    Attributes:
        plain: it asks for its topic in so many words; what is not may be told as a reason ("previous surgery").
    """

    start: int
    end: int
    topic: _Topic | None
    plain: bool = False


def wish_starts(sentence: Sequence[Word]) -> frozenset[int]:
    """Separators of a sentence after which a wish of another kind begins; none in an indication."""
    if len(sentence) > LONGEST or not any(_separates(w) for w in sentence):
        return frozenset()
    members = list(_members(sentence))
    topics = [m.topic for m in members if m.topic is not None]
    if len({*topics}) < 2 or any(_complains(sentence, m) for m in members if m.topic is None):
        return frozenset()
    measured = next((m.start for m in members if m.topic is _Topic.IMAGE and m.plain), len(sentence))
    starts: set[int] = set()
    current: _Topic | None = None
    for member in members:
        wanted = member.topic is not _Topic.RECORD or member.plain or member.start > measured
        topic = member.topic if wanted else None
        if topic is not None and current is not None and topic is not current:
            starts.add(member.start - 1)
        current = topic or current
    return frozenset(starts)


def _separates(word: Word) -> bool:
    return word.folded in {",", "/", "plus", "and", "und", "y", "e", "sowie"}


def _members(sentence: Sequence[Word]) -> Iterator[_Member]:
    start = 0
    for place in range(len(sentence) + 1):
        if place == len(sentence) or _separates(sentence[place]):
            if place > start:
                yield _member(sentence, start, place)
            start = place + 1


def _member(sentence: Sequence[Word], start: int, end: int) -> _Member:
    purpose = next((at for at in range(start + 1, end) if sentence[at].folded in _PURPOSES), end)
    text = " ".join(w.raw for w in sentence[start:purpose])
    said = [w.folded for w in worded(text) if w.folded[0].isalnum()]
    named = any(lexicon().names.longest(said, at) or cues().signs.longest(said, at) for at in range(len(said)))
    sized = any(cues().measurements.longest(said, at) for at in range(len(said)))
    numbered = any(w[0].isdigit() for w in said)
    rules = cue_phrases()["guidance"].sure
    if rules is not None and rules.search(folded_text(text)) and not (named and sized):
        return _Member(start, end, _Topic.RULES, plain=True)
    if _CHANGES & {*said} or untold(text):  # "one lung, the operated side": what tells a side is no wish
        return _Member(start, end, None)
    if kinds_of(text) and not sized and not numbered and not grammar().told & {*said}:
        bare = len(said) <= BARE and not named and not grammar().past & {*said}
        return _Member(start, end, _Topic.RECORD, plain=bare or bool(grammar().asked_of_record & {*said}))
    if named or sized:
        return _Member(start, end, _Topic.IMAGE, plain=sized or bool(grammar().commands & {*said}))
    return _Member(start, end, None)


def _complains(sentence: Sequence[Word], member: _Member) -> bool:
    said = [w.folded for w in sentence[member.start : member.end]]
    asks = grammar().questions & {*said[:ASKS]}  # "then what the biopsy found"
    return not asks and any(cues().indication.longest(said, at) for at in range(len(said)))
