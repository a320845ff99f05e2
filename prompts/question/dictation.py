"""What was dictated, out of what speech recognition wrote: spoken marks, broken and wrongly heard words.

The table (question_dictation.yaml) has what is made of real words only. Where one of some neighbours is no word, they
are put together when that gives a term of the lexicon, as it is written or as it sounds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from prompts.data import read_yaml, strings
from prompts.question.sounds import sound
from prompts.question.spelling import SHORTEST, is_word, mistakes, terms
from prompts.terms import Terms
from prompts.words import PUNCTUATION, Word, words

WIDEST = 4
"""Pieces of a word that are put together."""
CERTAIN = 5
"""Sounds of a term that are enough by themselves; with fewer the letters must be alike, too."""
ALIKE = 2
"""Mistakes in the letters of what sounds alike."""

_DASH = re.compile(r"(?<=[^\d\s]\s)[-–—](?=\s)|(?<=\s)[-–—](?=\s\D)|—|(?<=\w)--(?=\s?\w)|(?<=\s)--(?=\s)")
_SCORES = frozenset({"rads"})
"""Second parts of names that are written with a hyphen: PI-RADS."""
_NEXT = frozenset(
    (
        *("is", "are", "does", "do", "measure", "segment", "outline", "please", "then", "also", "how", "what", "there"),
        *("no", "compare", "any", "bitte", "ist", "wie", "gibt", "hay", "mide", "the"),
    )
)
"""Words with which a sentence goes on after a spoken full stop."""
_NOT_THE_MARK = frozenset({"a", "the", "this", "that", "follow-up", "up", "time", "long", "short", "der", "dem", "el"})
"""Words after which "period", "Punkt" and "stop" are words."""

_JOINTS = frozenset(
    (
        *(
            "i",
            "you",
            "he",
            "she",
            "it",
            "we",
            "they",
            "me",
            "my",
            "your",
            "his",
            "her",
            "the",
            "this",
            "that",
            "there",
        ),
        *("is", "are", "was", "were", "be", "been", "has", "have", "had", "do", "does", "did", "can", "could", "will"),
        *("would", "should", "to", "of", "on", "at", "by", "for", "from", "with", "and", "or", "but", "if", "so", "as"),
        *("what", "who", "how", "when", "why", "where", "any", "some", "all", "not", "no", "yes", "ich", "er", "sie"),
        *(
            "lo",
            "la",
            "los",
            "las",
            "le",
            "les",
            "mide",
            "es",
            "wir",
            "ist",
            "hat",
            "und",
            "oder",
            "zu",
            "von",
            "mit",
            "auf",
            "kann",
            "que",
            "de",
            "en",
            "con",
            "se",
        ),
    )
)
"""Words that hold a sentence together: what only sounds like a term is none across them ("can I trust")."""


@dataclass(frozen=True)
class _Repair:
    """Words `start` to `end` stand for `text`."""

    start: int
    end: int
    text: str


def dashed(text: str) -> str:
    """A text as long as before, with commas for dashes between words: "left lung - sorry, right"."""
    return _DASH.sub(lambda found: ",".ljust(len(found.group())), text)


def heard(written: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words that were meant; each keeps the place of those that it stands for."""
    made: list[Word] = []
    at = 0
    for repair in _repairs(written):
        made += written[at : repair.start]
        start, end = written[repair.start].start, written[repair.end - 1].end
        made += [Word(w.folded, w.raw, start, end) for w in words(repair.text)]
        at = repair.end
    return (*made, *written[at:])


def spoken(text: str) -> str:
    """A text with what was meant in place of what was heard."""
    text = dashed(text)
    written = words(text)
    pieces: list[str] = []
    at = 0
    for repair in _repairs(written):
        start = written[repair.start].start
        pieces += [text[at:start].rstrip(" ") if repair.text in PUNCTUATION else text[at:start], repair.text]
        at = written[repair.end - 1].end
    return "".join(pieces) + text[at:]


def _repairs(written: tuple[Word, ...]) -> Iterator[_Repair]:
    folded = tuple(w.folded for w in written)
    place = 0
    while place < len(folded):
        repair = _repair(folded, place)
        if repair is not None:
            yield repair
        place = repair.end if repair is not None else place + 1


def _repair(folded: Sequence[str], place: int) -> _Repair | None:
    found = _table().longest(folded, place)
    if found is not None:
        return _Repair(place, place + found[0], found[1])
    mark = _last_marks().longest(folded, place)
    if mark is not None and _ends(folded, place + mark[0]) and place and folded[place - 1] not in _NOT_THE_MARK:
        return _Repair(place, place + mark[0], mark[1])
    if not folded[place].isalpha():
        return None
    if place and folded[place] == folded[place - 1] and len(folded[place]) > 1 and folded[place] != "no":
        return _Repair(place, place + 1, "")
    for width in range(min(WIDEST, len(folded) - place), 1, -1):
        meant = _put_together(tuple(folded[place : place + width]))
        if meant:
            return _Repair(place, place + width, meant)
    return None


def _ends(folded: Sequence[str], at: int) -> bool:
    """Whether nothing follows but another mark or a new sentence."""
    return at >= len(folded) or folded[at] in PUNCTUATION | _NEXT or _table().longest(folded, at) is not None


@lru_cache(maxsize=8192)
def _put_together(pieces: tuple[str, ...]) -> str:
    """The term that neighbours make, "" when they make none."""
    if not all(p.isalpha() for p in pieces) or pieces[-1] in _SCORES:
        return ""
    whole = "".join(pieces)
    strange = [not is_word(p) for p in pieces]
    if whole in terms() and (any(strange) or len(whole) > SHORTEST) and not _term(pieces):
        return whole
    if not (strange[0] or strange[-1]) or len(whole) < SHORTEST or _JOINTS & {*pieces}:
        return ""
    meant = [t for t in _by_sound().get(sound(whole), ()) if _same(whole, t)]
    return meant[0] if len(meant) == 1 else ""


def _same(whole: str, term: str) -> bool:
    if len(sound(term)) >= CERTAIN:
        return abs(len(whole) - len(term)) <= 2 * ALIKE
    return len(sound(term)) > ALIKE and mistakes(whole, term, ALIKE) <= ALIKE


def _term(pieces: tuple[str, ...]) -> bool:
    """Whether one of the pieces is a term itself ("lower lobe")."""
    return any(len(p) > 2 and p in terms() for p in pieces)


@cache
def _by_sound() -> dict[str, tuple[str, ...]]:
    sounds: dict[str, list[str]] = {}
    for term in sorted(terms()):
        sounds.setdefault(sound(term), []).append(term)
    return {key: tuple(found) for key, found in sounds.items()}


@cache
def _table() -> Terms[str]:
    raw = read_yaml("question_dictation.yaml")
    table: Terms[str] = Terms()
    for group in ("marks", "heard"):
        for meant, texts in raw[group].items():
            table.add(strings(texts), meant)
    return table


@cache
def _last_marks() -> Terms[str]:
    marks: Terms[str] = Terms()
    for mark, texts in read_yaml("question_dictation.yaml")["last_marks"].items():
        marks.add(strings(texts), mark)
    return marks
