"""One sentence read: which structures it names, on which side, and what it claims of each."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache

from prompts.statements.claim import Cue, Mention, Stance
from prompts.statements.cues import known_qualifier, statement_cues
from prompts.statements.mentions import mentions_of, sides_of, with_sides
from prompts.statements.quantities import Quantity, quantities
from prompts.statements.stance import denies_loosely, found_cues, segments_of, stance_of
from prompts.statements.text import plain
from prompts.words import PUNCTUATION, Word, words

__all__ = ["Cue", "Mention", "Stance", "Statement", "read"]


@dataclass(frozen=True)
class Statement:
    """A sentence as read.

    Attributes:
        text: plain, as the places refer to it. words: of it, numbers and names blanked.
        loose_denial: something that is no structure here is denied.
        loose_sides: sides that belong to no mention.
        sides: words for sides.
        states: of comparison: larger, smaller, stable, new, gone, changed, unlikened.
        times: words for now and before.
        unread: words that no cue, mention or number explains, without the vocabulary of reports.
    """

    text: str
    words: tuple[Word, ...]
    mentions: tuple[Mention, ...]
    quantities: tuple[Quantity, ...]
    loose_sides: frozenset[str]
    sides: tuple[Cue, ...]
    states: tuple[Cue, ...]
    measures: tuple[Cue, ...]
    times: tuple[Cue, ...]
    judgements: tuple[Cue, ...]
    verdicts: tuple[Cue, ...]
    roles: tuple[Cue, ...]
    unread: frozenset[str]
    loose_denial: bool = False
    _segments: tuple[int, ...] = field(default=(), repr=False)

    def stance_at(self, start: int, end: int) -> Stance:
        """What is claimed of the words start … end (end exclusive)."""
        if self.text.rstrip().endswith("?"):
            return Stance.ASKED
        return stance_of([w.folded for w in self.words], self.roles, self._segments, start, end)


_NAMES = re.compile(
    r"\[[^\]]*\]|\b(?:[smf]\d+|(?:series|prior)-\d+)\b|\S+@\S+|\b\w+-(?:ct|mr|cxr)[\w-]*", re.IGNORECASE
)
_UNIT_CODE = re.compile(r"\[hnsf'U\]", re.IGNORECASE)
_SHORT = (
    (re.compile(r"\bv\.\s?a\.", re.IGNORECASE), "verdacht auf"),
    (re.compile(r"\bz\.\s?n\.", re.IGNORECASE), "zustand nach"),
    (re.compile(r"\bz\.\s?a\.", re.IGNORECASE), "zum ausschluss"),
    (re.compile(r"\bo\.\s?b\.", re.IGNORECASE), "ohne befund"),
    (re.compile(r"\b(?:e\.\s?g|z\.\s?b|p\.\s?ej)\.", re.IGNORECASE), "for example"),
    (re.compile(r"\b(?:ca|approx|aprox|c)\.(?=\s*[-\d])", re.IGNORECASE), "about"),
    (re.compile(r"\bbzw\.", re.IGNORECASE), "und"),
)
"""Abbreviations whose points end no sentence."""


def blanked(text: str) -> str:
    """A plain sentence with spaces for ids, citations and model names, as long as before."""
    kept = _UNIT_CODE.sub(lambda m: "HU".ljust(len(m.group())), text)
    return _NAMES.sub(lambda m: " " * len(m.group()), kept)


def _month(word: Word, text: str) -> bool:
    """ "May 2023" doubts nothing."""
    return word.raw == "May" and text[word.end :].lstrip()[:1].isdigit()


@lru_cache(maxsize=2048)
def read(sentence: str) -> Statement:
    """Read one sentence."""
    text = blanked(plain(sentence))
    for short, long in _SHORT:
        text = short.sub(long, text)
    numbers = quantities(text)
    bare = text
    for number in numbers:
        bare = bare[: number.start] + " " * (number.end - number.start) + bare[number.end :]
    written = words(bare)
    folded = [w.folded for w in written]
    table = statement_cues()
    roles = tuple(c for c in found_cues(table.roles, folded) if not _month(written[c.start], text))
    segments = segments_of(folded, roles)
    named = mentions_of(written, folded)
    sides = sides_of(folded, named)
    sided, loose = with_sides(folded, segments, named, sides)
    asked = text.rstrip().endswith("?")
    mentions = tuple(
        replace(m, stance=Stance.ASKED if asked else stance_of(folded, roles, segments, m.start, m.end)) for m in sided
    )
    groups: list[tuple[Cue, ...]] = [
        tuple(found_cues(terms, folded))
        for terms in (table.states, table.measures, table.times, table.judgements, table.verdicts)
    ]
    starts = {m.start for m in named}
    # "ein kleiner Pleuraerguss" is small, not smaller.
    groups[0] = tuple(c for c in groups[0] if c.end not in starts or not known_qualifier(folded[c.start]))
    states, measures, times, judgements, verdicts = groups
    spans = [(m.start, m.end) for m in mentions]
    spans += [(cue.start, cue.end) for group in (sides, roles, *groups) for cue in group]
    covered = {i for start, end in spans for i in range(start, end)}
    unread = frozenset(f for i, f in enumerate(folded) if i not in covered and f not in PUNCTUATION)
    loosely = denies_loosely(roles, segments, (m.start for m in named))
    return Statement(
        text=text,
        words=written,
        mentions=mentions,
        quantities=numbers,
        loose_sides=loose,
        sides=tuple(sides),
        states=states,
        measures=measures,
        times=times,
        judgements=judgements,
        verdicts=verdicts,
        roles=roles,
        unread=unread,
        loose_denial=loosely,
        _segments=segments,
    )
