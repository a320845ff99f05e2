"""Sentences of a note, each with its heading and with the dated line or list that it belongs to.

Clinical notes are half prose and half lists: a line is never longer than its meaning, so a line's end ends a sentence,
and so does a heading inside a line ("Comparison: … findings: …"). A line such as "2021-02-15 CT chest impression:"
dates the list below it, until a blank line or a line of the opener's own kind ends the list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cache

from tools.clinical_record.dates import DateHit, find_dates
from tools.clinical_record.vocabulary import Hit, lexicon, pattern_of, words

_BREAK = re.compile(r"[.!?]+[\"')]*\s+(?=[\"'(*-]?[A-Z0-9])")
_NO_BREAK = re.compile(
    r"(?:\b(?:dr|mr|mrs|ms|st|no|approx|vs|e\.g|i\.e|pt|fig|y\.o|jr|ste|dept|inc)\.|(?-i:\b[A-Z])\."
    r"|:\s{0,3}(?:\d{1,2}|[a-z])[.)])\s*$",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"\s{0,8}\W{0,2}(?:\d{1,2}|[a-z])[.)]\s{1,8}", re.IGNORECASE)
_TAIL = 16
"""Characters before a full stop that can show it to be none."""
_LONGEST = 4000
"""Characters of a sentence; flow sheets without a full stop are cut there."""
_LINE_ONLY = frozenset({"exam", "labs", "plan", "conclusion", "medications", "symptoms", "specimens"})
"""Headings that are words of ordinary sentences too: they count at the start of a sentence only."""
_LINE = re.compile(r"[^\n]+")
_ITEM = re.compile(r"\s*(?:(?P<bullet>[-*•])|(?P<number>\d{1,2}[.)](?!\d))|(?P<letter>[A-Za-z][.)](?=\s)))\s*")
_OPENER_DATE_WITHIN = 3
"""A date this near to a line's first word dates the whole line."""


@dataclass(frozen=True)
class Sentence:
    """A stretch of a document.

    Attributes:
        text: exactly `document.text[start:end]`.
        heading: class of the heading above, e.g. "family", "impression"; "" where there is none.
        context: date that the line, or the list that it is in, starts with.
        modality: imaging modality that the same line names.
        block: start of that line.
        paragraph: start of the sentence's own line.
    """

    text: str
    start: int
    end: int
    heading: str = ""
    context: DateHit | None = None
    modality: str = ""
    block: int = 0
    paragraph: int = 0


@dataclass
class _State:
    heading: str = ""
    context: DateHit | None = None
    modality: str = ""
    block: int = 0
    kind: str = ""
    is_list: bool = False
    followed: bool = False

    def close(self) -> None:
        self.context, self.modality, self.kind, self.is_list, self.followed = None, "", "", False, False


def sentences(text: str, written: date | None = None) -> tuple[Sentence, ...]:
    """Sentences of a text in order; together they hold everything but white space."""
    return tuple(_walk(text, written))


def _walk(text: str, written: date | None) -> Iterator[Sentence]:
    state, end = _State(), 0
    for line in _LINE.finditer(text):
        blank = "\n" in text[end : line.start()].replace("\n", "", 1) if end else False
        end = line.end()
        if not line[0].strip():
            continue
        if blank and state.heading == "family":
            state.heading = ""
        if blank and state.followed:
            state.close()
        yield from _line(line, state, written)


def _line(line: re.Match[str], state: _State, written: date | None) -> Iterator[Sentence]:
    item = _ITEM.match(line[0])
    kind = (item.lastgroup or "") if item else ""
    lead = item.end() if item else len(line[0]) - len(line[0].lstrip())
    pieces = list(_pieces(line[0]))
    goes_on = line[0].rstrip().endswith(":")
    last = pieces[-1][0] if pieces else 0
    openers = {
        a: _opener(
            line[0][a:b],
            written,
            within=_OPENER_DATE_WITHIN if a == pieces[0][0] else 0,
            announces=goes_on and a == last,
        )
        for a, b in pieces
    }
    opener = next((day for day in openers.values() if day), None)
    headed = _heading(line[0][lead:].lstrip())
    ends = (bool(kind) and kind == state.kind) or (state.is_list and not kind)
    if state.followed and ends and not (headed and headed.name in {"impression", "findings"}):
        state.close()
    if opener is not None:
        state.close()
    elif not state.followed:
        state.is_list = bool(kind)
    for start, stop in pieces:
        if openers[start] is not None:
            modality = lexicon("modalities").first(line[0][start:stop])
            state.context, state.modality = openers[start], modality.name if modality else ""
            state.block, state.kind = line.start() + start, kind
        at = state.block if state.context else line.start()
        found = _heading(line[0][start:stop].lstrip(" \t-*•"))
        state.heading = found.name if found else state.heading
        yield Sentence(
            line[0][start:stop],
            line.start() + start,
            line.start() + stop,
            state.heading,
            state.context,
            state.modality,
            at,
            line.start(),
        )
    if opener is not None and not goes_on:
        state.close()
    elif opener is None and state.context is not None and not (headed and goes_on):
        state.followed = True


def _opener(piece: str, written: date | None, *, within: int, announces: bool) -> DateHit | None:
    """The date that a sentence starts with, or, where it announces a list, ends with."""
    hits = list(find_dates(piece, written))
    item = _ITEM.match(piece)
    lead = item.end() if item else 0
    first = next((d for d in hits if d.start - lead <= within), None)
    return first or (hits[-1] if announces and hits else None)


def _pieces(line: str) -> Iterator[tuple[int, int]]:
    """Start and end of the sentences in a line, without the white space around them."""
    cuts = sorted({len(line), *_full_stops(line), *_inner_headings(line)})
    start = 0
    for cut in cuts:
        if cut < len(line) and _not_an_end(line, start, cut):
            continue
        for a, b in _short(line, start, cut):
            stripped = line[a:b].strip()
            if stripped:
                begin = a + line[a:b].index(stripped)
                yield begin, begin + len(stripped)
        start = cut


def _not_an_end(line: str, start: int, cut: int) -> bool:
    """Whether a full stop belongs to an abbreviation, an initial, or the number of a list's item."""
    return bool(_NUMBERED.fullmatch(line, start, cut) or _NO_BREAK.search(line[max(start, cut - _TAIL) : cut]))


def _short(line: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The stretch in parts of bounded length, cut at blanks: no text may cost more than its length."""
    while end - start > _LONGEST:
        blank = line.rfind(" ", start + _LONGEST // 2, start + _LONGEST)
        cut = blank if blank > 0 else start + _LONGEST
        yield start, cut
        start = cut
    yield start, end


def _full_stops(line: str) -> Iterator[int]:
    return (match.end() for match in _BREAK.finditer(line))


def _inner_headings(line: str) -> Iterator[int]:
    for match in _heading_pattern().finditer(line):
        if match[0].rstrip(" :").lower() not in _LINE_ONLY:
            yield match.start()


@cache
def _heading_pattern() -> re.Pattern[str]:
    names = sorted((h for many in words()["headings"].values() for h in many), key=len, reverse=True)
    branches = "|".join(pattern_of(name) for name in names)
    return re.compile(rf"(?<![\w/])(?:{branches})(?:\s*\([^)\n]*\))?\s*:", re.IGNORECASE)


def _heading(text: str) -> Hit | None:
    match = _heading_pattern().match(text)
    if match is None:
        return None
    hit = lexicon("headings").first(match[0])
    return replace(hit, end=match.end()) if hit else None
