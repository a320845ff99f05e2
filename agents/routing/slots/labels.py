"""Labels that an image is to be ranked for: "pneumonia or effusion", "A vs B vs C", "classify as …".

A choice is a row of noun phrases with "or", "versus", a comma between them. Where each ends is told by closed classes
of words (prompts/intents/labels.yaml): those that lead to labels, those that no label has, those that stand at its
edges.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache, lru_cache

from agents.routing.grammar import grammar
from agents.routing.slots.dates import names_day
from agents.routing.slots.prior import mentions_month, names_modality
from prompts.data import read_yaml, strings
from prompts.lexicon import lexicon
from prompts.words import fold, phrase

READ = 300
"""Characters of a clause that are read for labels."""
LONGEST = 6
"""Words of the longest label."""
_TOKEN = re.compile(
    r"\d+(?:[.,/]\d+)*|[^\W_]{1,2}/[^\W_]*|[^\W\d_][^\W_]*(?:['’-][^\W_]+)*(?:/[^\W_]{1,2}(?![^\W_])|-(?=\s))?"
    r"|(?<=\s)[-–—](?=\s)|[,;:?.!()/–—]"
)
_SHORT = re.compile(r"\b(vs?|versus)\.", re.IGNORECASE)
BRIEF = 3
"""Words of the longest label that makes a choice with nothing said besides."""
_LISTED = re.compile(r"(?:^|(?<=[\s,;]))\(?[A-Da-d]\)\s")
_YEAR = re.compile(r"(?:19|20)\d\d")
_DELIBERATES = re.compile(
    r"\b(?:shall|should|must|do|can|may) (?:i|we)\b(?! (?:call|label|classify|file|rank))"
    r"|\b(?:is|would|will) (?:he|she|they)\b"
    r"|\bsoll(?:en|te|ten)? (?:ich|wir|er|sie|man)\b|\b(?:debo|debemos|deberiamos|hay que)\b"
)
"""Choices between things to do: "shall I take it off hot or cold", "is he better off with A or B"."""
_OPENS = frozenset({":", "-", "–", "—"})
_PLACES = frozenset({"organ", "substructure", "region"})


class _Link(Enum):
    """What stands before a segment."""

    NONE = auto()
    OR = auto()
    VERSUS = auto()
    COMMA = auto()
    HARD = auto()


_ALTERNATIVE = frozenset({_Link.OR, _Link.VERSUS})


@dataclass(frozen=True)
class _Segment:
    link: _Link
    words: tuple[str, ...]


class _Class:
    """A class of folded words, some with any ending."""

    def __init__(self, words: Sequence[str]) -> None:
        self._whole = frozenset(fold(w) for w in words if not w.endswith("*"))
        self._stems = tuple(fold(w[:-1]) for w in words if w.endswith("*"))

    def __contains__(self, word: str) -> bool:
        return word in self._whole or (bool(self._stems) and word.startswith(self._stems))

    def among(self, words: Sequence[str]) -> bool:
        """Whether any of some words is of the class."""
        return any(w in self for w in words)


@cache
def _class(name: str) -> _Class:
    return _Class(strings(read_yaml("intents/labels.yaml")[name]))


@lru_cache(maxsize=512)
def labels_of(text: str) -> tuple[str, ...]:
    """Two labels or more in the words of the clause, in lower case; () when it does not name as many.

    A German or Spanish label that the lexicon knows is given in its canonical English: the model reads English. "Is A
    or B visible?" names none: both are looked for.
    """
    tokens = _tokens(text)
    folded = [fold(t) for t in tokens]
    if _DELIBERATES.search(" ".join(folded)) is not None:
        return ()
    looks = _class("looking").among(folded) and not _class("choosing").among(folded)
    if looks or _class("ordering").among(folded):
        return ()
    segments = tuple(_segments(tokens))
    colon = next((n for n in range(len(segments) - 1, 0, -1) if segments[n].words[:1] == (":",)), 0)
    after = [_Segment(s.link, s.words[1:]) if s.words[:1] == (":",) else s for s in segments[colon:]]
    named = _named(after, text) if colon else ()
    return named or _named([_Segment(s.link, tuple(w for w in s.words if w != ":")) for s in segments], text)


def asks_to_choose(text: str) -> bool:
    """Whether a clause names labels and says that one of them is to be chosen: "sort it: A / B", "A or B, which?"."""
    return bool(labels_of(text)) and _class("choosing").among([fold(t) for t in _tokens(text)])


def only_labels(text: str) -> bool:
    """Whether a clause, or what stands behind its last colon or dash, is nothing but labels: "A or B?"."""
    labels = labels_of(text)
    folded = [fold(t) for t in _tokens(text)]
    opening = next((at + 1 for at in range(len(folded) - 1, -1, -1) if folded[at] in _OPENS), 0)
    said = [w for w in folded[opening:] if w.isalnum() or "-" in w]
    spare = [w for w in said if w not in _class("edges") and w not in _class("or") and w not in _class("versus")]
    brief = all(len(label.split()) <= BRIEF for label in labels)
    return bool(labels) and brief and len(spare) <= sum(len(label.split()) for label in labels)


def _tokens(text: str) -> list[str]:
    read = _SHORT.sub(r"\1", _LISTED.sub(", ", text[:READ]))
    return [t.rstrip("-") or "-" for t in _TOKEN.findall(read.replace(" , ", " – ")) if t not in "()"]


def _segments(tokens: Sequence[str]) -> Iterator[_Segment]:
    """Parts between connectors; a colon opens the segment after it."""
    folded = [fold(t) for t in tokens]
    lists = comparing = apart = False
    link: _Link = _Link.NONE
    part: list[str] = []
    for token, word in zip(tokens, folded, strict=True):
        found = _link(word, lists, comparing, apart)
        lists |= word in _class("listing")
        comparing |= word in _class("comparing")
        apart |= word in _class("apart")
        if found is None:
            part.append(token)
            continue
        if found in _ALTERNATIVE and not part and link is not _Link.NONE:  # ", or", "? or": the later tells more
            link = found
            continue
        if word in _class("than") and found in _ALTERNATIVE and part and fold(part[-1]) in _class("comparing"):
            part.pop()  # "a cyst better than an abscess"
        yield _Segment(link, tuple(part))
        link, part = found, [":"] if word == ":" else []
    yield _Segment(link, tuple(part))


def _link(word: str, lists: bool, comparing: bool, apart: bool) -> _Link | None:
    if word in _class("or") or (word in _class("than") and comparing) or (word in _class("from") and apart):
        return _Link.OR
    if word in _class("versus"):
        return _Link.VERSUS
    if word in {",", ";"} or (word in _class("and") and lists):
        return _Link.COMMA
    return _Link.HARD if word in {":", "?", ".", "!", "-", "–", "—"} else None


def _named(segments: Sequence[_Segment], text: str) -> tuple[str, ...]:
    """The labels of the first row of segments that is a choice."""
    for first, last in _rows(segments, text):
        row = segments[first : last + 1]
        said = [_opening(row[0].words), *(_following(s.words) for s in row[1:])]
        if not all(said):
            continue
        labels = tuple(dict.fromkeys(_canonical(label, text) for label in _numbered(said)))
        if len(labels) > 1 and _are_labels(labels):
            return labels
    return ()


def _numbered(said: Sequence[str]) -> Iterator[str]:
    """ "Grade 1, 2 or 3": the noun of the first number belongs to all."""
    noun = said[0].rpartition(" ")[0]
    for label in said:
        yield f"{noun} {label}" if label.isdigit() and noun else label


def _rows(segments: Sequence[_Segment], text: str) -> Iterator[tuple[int, int]]:
    """First and last segment of each row that may be a choice."""
    place = 1
    while place < len(segments):
        if segments[place].link in _ALTERNATIVE:
            last = _end(segments, place)
            yield _start(segments, place), last
            place = last
        place += 1
    if any(s.link in _ALTERNATIVE for s in segments) or not _class("listing").among([fold(t) for t in _tokens(text)]):
        return
    for place in range(1, len(segments)):
        if segments[place].link is _Link.COMMA:
            last = place
            while last + 1 < len(segments) and segments[last + 1].link is _Link.COMMA:
                last += 1
            while last > place and not _following(segments[last].words):
                last -= 1
            yield _start(segments, place), last
            return


def _end(segments: Sequence[_Segment], place: int) -> int:
    """The last segment of a row that has an alternative at `place`: commas join what another alternative follows."""
    last = place
    for at in range(place + 1, len(segments)):
        if segments[at].link is _Link.HARD:
            break
        if segments[at].link in _ALTERNATIVE:
            last = at
    return last


def _start(segments: Sequence[_Segment], place: int) -> int:
    """The first member: "A, B or C" goes on to the left, "X, A vs B" does not."""
    first = place - 1
    while (
        segments[place].link is not _Link.VERSUS
        and segments[first].link is _Link.COMMA
        and not _led(segments[first].words)
        and _member(segments[first - 1].words)
    ):
        first -= 1
    return first


def _led(words: Sequence[str]) -> bool:
    """Whether a label is introduced within a segment: no label of the same row stands before it."""
    return any(fold(w) in _class("leads") and fold(w) not in _class("edges") for w in words[:-1])


def _member(words: Sequence[str]) -> bool:
    """Whether what stands before a comma may be a label of the row after it, or end with one."""
    last = next((place for place in range(len(words) - 1, -1, -1) if _breaks(words[place])), -1)
    if last > 0 and fold(words[last]) in _class("prepositions"):  # "in keeping with", "goes with"
        last -= 1
    opening = _opening(words)
    leads = last < 0 or fold(words[last]) in _class("leads")
    return bool(opening) and leads and len(opening.split()) <= LONGEST - 2


def _breaks(word: str) -> bool:
    folded = fold(word)
    return (folded in _class("leads") or folded in _class("stops")) and folded not in _INSIDE


_INSIDE = frozenset({"of", "de", "del", "der", "des"})
"""Words of a label ("fracture of the hip") that may lead to one as well."""


def _opening(words: Sequence[str]) -> str:
    """The label at the end of some words."""
    place = next((at for at in range(len(words) - 1, -1, -1) if _breaks(words[at])), -1)
    after = _bare(words[place + 1 :])
    if after and place >= 0 and all(w.isdigit() for w in after) and fold(words[place]) in _class("numbered"):
        after = [words[place], *after]
    if len(after) > 1 and place >= 0 and fold(after[0]) in _class("things"):
        after = after[1:]
    return " ".join(after).lower()


def _following(words: Sequence[str]) -> str:
    """The label at the beginning of some words."""
    kept = list(words)
    if kept and fold(kept[0]) in _class("prepositions") and fold(kept[0]) not in _class("edges"):
        return ""
    while len(kept) > 1 and _before_label(kept[0]):
        if fold(kept[0]) in _class("numbered") and kept[1].isdigit():
            break
        kept.pop(0)
    place = next((at for at, w in enumerate(kept) if at and _breaks(w)), len(kept))
    return " ".join(_bare(kept[:place])).lower()


def _before_label(word: str) -> bool:
    return (_breaks(word) or fold(word) in _class("edges")) and fold(word) not in _class("absent")


def _bare(words: Sequence[str]) -> list[str]:
    kept = list(words)
    while kept and fold(kept[0]) in _class("edges"):
        kept.pop(0)
    while kept and fold(kept[-1]) in _class("edges"):
        kept.pop()
    return kept


def _are_labels(labels: Sequence[str]) -> bool:
    """Whether all name something that an image may look like: no time, no measure, and not places only."""
    if not all(_is_label(label, labels) for label in labels):
        return False
    if len({names_modality(label) for label in labels}) > 1:
        return False
    concepts = [lexicon().named(label) for label in labels]
    return not all(c is not None and c.kind in _PLACES for c in concepts)


def _is_label(label: str, labels: Sequence[str]) -> bool:
    said = [fold(w) for w in label.split()]
    if not said or len(said) > LONGEST or not any(w[0].isalpha() for w in said) or any(map(_YEAR.fullmatch, said)):
        return False
    if mentions_month(label) or names_day(label):
        return False
    others = {fold(w) for other in labels if other != label for w in other.split()}
    absent = said[0] in _class("absent") and bool({*said[1:]} & others)
    return not _class("never").among(said[1:] if absent else said)


def _canonical(label: str, text: str) -> str:
    """The lexicon's English for a foreign label, unless it says less ("tumor" for "Karzinom")."""
    if text.isascii() and not {*phrase(text)} & grammar().foreign:
        return label
    concept = lexicon().named(label)
    if concept is None or {*phrase(concept.text)} & {*phrase(label)}:
        return label
    return label if concept.text in _GENERAL and fold(label) not in _GENERAL_NAMES else concept.text


_GENERAL = frozenset({"tumor", "lesion"})
_GENERAL_NAMES = frozenset({"tumor", "tumoren", "tumores", "lasion", "lesion", "lasionen"})
