"""A message as clauses that each want one thing. Quoted text is data and stands in no clause."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agents.routing.grammar import grammar
from prompts.words import Word, readable, words

SHORT_QUOTE = 3
"""Words in quotation marks that still belong to the sentence: segment the "left kidney"."""
LONGEST = 200
"""Words of the longest sentence that is split: work stays linear in the text."""
MOST_CLAUSES = 24
"""Clauses that are read one by one; what follows is read as one."""

_QUOTE = re.compile(
    r"\"[^\"\n]{1,4000}\"|“[^”\n]{1,4000}”|„[^“”\n]{1,4000}[“”]|«[^»\n]{1,4000}»|»[^«\n]{1,4000}«"
    r"|(?<![^\W_])'(?=[^'\n]{12})[^\n]{1,4000}?'(?![^\W_])|```.{1,4000}?```|^>[^\n]{1,4000}$",
    re.DOTALL | re.MULTILINE,
)
_SAYS = (
    r"\b(?:says?|said|states?|stated|reads?|writes?|wrote|written|schreibt|schrieb|steht|sagt|lautet|heißt|dice|pone|"
    r"escribe|pide|asks?|indication|indikation|order)\b"
)
_SOURCE = (
    r"(?:note|letter|referral|referrer|email|message|comment|arztbrief|brief|zuweiser|überweisung|notiz|nota|carta"
    r"|volante)"
)
_LEAD_IN = re.compile(rf"[^.?!;\n]{{0,200}}(?:{_SAYS}|\b{_SOURCE}\b)[^.?!;\n]{{0,80}}$", re.IGNORECASE)
_REPORTED = re.compile(rf"\b{_SOURCE}\b[^.?!;:\n]{{0,60}}:(?=[^\n]{{1,4000}})", re.IGNORECASE)
_ENDS = frozenset({"?", "!", ";", "\n"})


@dataclass(frozen=True)
class Clause:
    """Some words of a message.

    Attributes:
        start, end: place in the text, in characters.
        sentence: number of its sentence.
    """

    text: str
    start: int
    end: int
    sentence: int


@dataclass(frozen=True)
class Message:
    """The user's own words, with spaces where others' stood, and those of others."""

    own: str
    quoted: tuple[str, ...]


def message(text: str) -> Message:
    """A text with what it quotes taken out, together with the words that lead to a quotation."""
    own, quoted = readable(text), []
    for found in list(_QUOTE.finditer(own)):
        inside = found.group().strip("\"“”„«»`>\n' ")
        if len(inside.split()) <= SHORT_QUOTE:
            continue
        quoted.append(inside)
        lead = _LEAD_IN.search(own[max(0, found.start() - 300) : found.start()])
        start = found.start() - len(lead.group()) if lead else found.start()
        own = own[:start] + " " * (found.end() - start) + own[found.end() :]
    reported = _REPORTED.search(own)
    if reported and re.search(_SAYS, reported.group(), re.IGNORECASE):
        start = max(own.rfind(mark, 0, reported.start()) + 1 for mark in ".?!;\n")
        end = next((i for i in [own.find("\n", reported.end())] if i >= 0), len(own))
        quoted.append(own[reported.end() : end].strip())
        own = own[:start] + " " * (end - start) + own[end:]
    return Message(own, tuple(quoted))


def clauses(text: str) -> tuple[Clause, ...]:
    """The clauses of a text in order; words that say nothing are in none."""
    made: list[Clause] = []
    for number, sentence in enumerate(_sentences(words(text))):
        for part in _split(sentence):
            if any(w.folded[0].isalnum() for w in part):
                made.append(_clause(text, part, number))
    if len(made) > MOST_CLAUSES:
        start = made[MOST_CLAUSES - 1].start
        rest = Clause(text[start : made[-1].end], start, made[-1].end, made[MOST_CLAUSES - 1].sentence)
        return (*made[: MOST_CLAUSES - 1], rest)
    return tuple(made)


def _clause(text: str, part: list[Word], number: int) -> Clause:
    place = [w for w in part if w.folded[0].isalnum() or w.folded in _ENDS]
    start, end = place[0].start, place[-1].end
    return Clause(" ".join(text[start:end].split()), start, end, number)


def _sentences(written: tuple[Word, ...]) -> Iterator[list[Word]]:
    """Words up to and with the mark that ends a sentence."""
    sentence: list[Word] = []
    for place, word in enumerate(written):
        sentence.append(word)
        if word.folded in _ENDS or (word.folded == "." and not _abbreviated(written, place)):
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def _abbreviated(written: tuple[Word, ...], place: int) -> bool:
    if place == 0 or written[place - 1].end != written[place].start:
        return False
    before = written[place - 1].folded
    follows = place + 1 < len(written) and written[place + 1].start == written[place].end
    return before in grammar().abbreviations or follows


def _split(sentence: list[Word]) -> Iterator[list[Word]]:
    """Parts of a sentence at coordinators after which another clause begins."""
    start = 0
    for place, word in enumerate(sentence if len(sentence) <= LONGEST else ()):
        if word.folded != "," and word.folded not in grammar().coordinators:
            continue
        if _content(sentence[start:place]) and _begins(sentence, start, place):
            yield sentence[start:place]
            start = place + (word.folded == ",")
    yield sentence[start:]


def _content(part: list[Word]) -> bool:
    """Whether a part wants something itself: "tell me," and "on the axial images," do not."""
    if part and part[0].folded in grammar().prepositions:
        return False
    skipped = grammar().leading | grammar().coordinators
    return any(w.folded not in skipped and w.folded[0].isalnum() for w in part)


def _begins(sentence: list[Word], start: int, place: int) -> bool:
    """Whether a clause of its own begins after the coordinator at `place`."""
    known = grammar()
    after = place + 1
    while after < len(sentence) and sentence[after].folded in known.courtesy | known.coordinators:
        after += 1
    if after >= len(sentence):
        return False
    first = sentence[after].folded
    if first in known.openers:
        return True
    if first in known.auxiliaries:
        asked = next((w.folded for w in sentence[start:place] if w.folded not in known.coordinators), "")
        subject = sentence[after + 1].folded if after + 1 < len(sentence) else ""
        return sentence[-1].folded == "?" and (asked in known.questions or subject in known.subjects)
    return _infinitive(sentence[after:]) and (
        _infinitive(sentence[start:place]) or any(w.folded in known.openers for w in sentence[start:place])
    )


def _infinitive(part: list[Word]) -> bool:
    last = next((w.folded for w in reversed(part) if w.folded[0].isalpha()), "")
    return last in grammar().infinitives
