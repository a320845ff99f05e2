"""A message's own words as clauses that each want one thing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from agents.routing.grammar import grammar
from agents.routing.wishes import wish_starts
from prompts.lexicon import lexicon
from prompts.words import Word, words

LONGEST = 200
"""Words of the longest sentence that is split: work stays linear in the text."""
MOST_CLAUSES = 24
"""Clauses that are read one by one; what follows is read as one."""

_THERE = frozenset({"there", "he", "she"})
_OR = frozenset({"or", "oder", "o", "u", "vs", "versus", "/"})
_BETWEEN = frozenset({"between", "zwischen", "entre"})
_CHOOSE = frozenset({"classify", "rank", "klassifiziere", "klassifizieren", "clasifica", "decide", "entscheide"})
_TAIL = 12
"""Words of the longest question that asks to choose from labels before it."""
_MEMBER = 6
"""Words of the longest member of a list after a colon whose members stand between semicolons."""
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
        if word.folded == ";" and _listed(sentence):
            sentence[-1] = replace(word, folded=",")
        elif word.folded == "?" and _goes_on(written[place + 1 :]):
            continue
        elif word.folded in _ENDS or (word.folded == "." and not _abbreviated(written, place)):
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def _goes_on(after: tuple[Word, ...]) -> bool:
    """Whether a question mark stands in a choice: "would you call this TB? Or rather sarcoid"."""
    if not after or after[0].folded not in _OR:
        return False
    end = next((at for at, w in enumerate(after) if w.folded in _ENDS or w.folded == "."), len(after))
    return end <= _MEMBER and not any(w.folded in grammar().openers for w in after[1:end])


def _listed(sentence: list[Word]) -> bool:
    """Whether a semicolon stands between members of a list of names: "classify: nevus; melanoma"."""
    colon = next((place for place in range(len(sentence) - 1, -1, -1) if sentence[place].folded == ":"), -1)
    return colon >= 0 and all(len(part) <= _MEMBER and part for part in _by_comma(sentence[colon + 1 : -1]))


def _by_comma(row: list[Word]) -> Iterator[list[Word]]:
    part: list[Word] = []
    for word in row:
        if word.folded == ",":
            yield part
            part = []
        else:
            part.append(word)
    yield part


def _abbreviated(written: tuple[Word, ...], place: int) -> bool:
    if place == 0 or written[place - 1].end != written[place].start:
        return False
    before = written[place - 1].folded
    follows = place + 1 < len(written) and written[place + 1].start == written[place].end
    return before in grammar().abbreviations or follows


def _split(sentence: list[Word]) -> Iterator[list[Word]]:
    """Parts of a sentence at coordinators after which another clause begins."""
    start, wishes = 0, wish_starts(sentence)
    for place, word in enumerate(sentence if len(sentence) <= LONGEST else ()):
        if place in wishes:
            yield sentence[start:place]
            start = place + 1
            continue
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
    following = sentence[after + 1].folded if after + 1 < len(sentence) else ""
    noun = first == "change" and following in known.prepositions  # "change from the last CT"
    if noun or following == ",":  # "surgeon on call, who, phone number"
        return False
    if first in known.openers:
        return not (first in known.questions | _CHOOSE and _tail_of_choice(sentence, start, place, after))
    if first in known.auxiliaries:
        if sentence[place].folded != "," and after + 1 < len(sentence) and sentence[after + 1].folded in _THERE:
            return True
        asked = next((w.folded for w in sentence[start:place] if w.folded not in known.coordinators), "")
        subject = sentence[after + 1].folded if after + 1 < len(sentence) else ""
        return sentence[-1].folded == "?" and (asked in known.questions or subject in known.subjects)
    return _infinitive(sentence[after:]) and (
        _infinitive(sentence[start:place]) or any(w.folded in known.openers for w in sentence[start:place])
    )


def _tail_of_choice(sentence: list[Word], start: int, place: int, after: int) -> bool:
    """Whether a question only asks to choose from what stands before it: "FNH or adenoma, which does it look like?"."""
    chosen = any(w.folded in _OR | _BETWEEN for w in sentence[start:place])
    end = next((at for at in range(after, len(sentence)) if sentence[at].folded == ","), len(sentence))
    tail = [w.folded for w in sentence[after:end] if w.folded[0].isalnum()]
    named = any(lexicon().names.longest(tail, at) for at in range(len(tail)))
    return chosen and len(tail) <= _TAIL and not named


def _infinitive(part: list[Word]) -> bool:
    last = next((w.folded for w in reversed(part) if w.folded[0].isalpha()), "")
    return last in grammar().infinitives
