"""What stands before a colon and is no part of the wish: "The next one is waiting, so quick: gallbladder size?".

A clause with a preamble is near to what the preamble says. It is read again behind the colon where that names a
structure by itself; what stands before it stays only where it is a demand of its own that is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from agents.routing.background import only_tells_of_another, tells_of_another
from agents.routing.clauses import Clause
from agents.routing.joining import Part
from agents.routing.reading import ClauseReader, Read
from agents.routing.request import Intent, Situation
from agents.routing.safeguards import spares_safeguards
from agents.routing.slots.labels import labels_of

_COLON = re.compile(r"[:–—,](?=\s|¿|¡)|(?<=\s)-(?=\s)")
_WISHES = frozenset({Intent.FIND, Intent.COMPARE, Intent.CHEST_REPORT})
_NO_WORK = frozenset({Intent.REFUSE, Intent.UNKNOWN, Intent.CAPABILITIES, Intent.SIGN, Intent.DELIVER, Intent.GREETING})
LONGEST, MOST = 300, 3
"""Characters of the longest clause that is read again, and marks at which it is, so that the work is bounded."""
SHORTEST = 2
"""Words of the shortest preamble; "Indication:" and "Question:" are none."""


def without_preambles(each: Sequence[Part], reader: ClauseReader, situation: Situation) -> list[Part]:
    """The clauses, those with a preamble read without it."""
    return [found for part in each for found in _read_again(part, reader, situation)]


def _read_again(part: Part, reader: ClauseReader, situation: Situation) -> Iterator[Part]:
    clause, whole = part
    brief = whole.intent in _NO_WORK and len(clause.text) <= LONGEST
    for colon in islice(_COLON.finditer(clause.text), MOST) if brief else ():
        before, after = clause.text[: colon.start()].strip(), clause.text[colon.end() :].strip()
        if len(before.split()) < SHORTEST or not after or labels_of(clause.text):
            continue
        said = reader.read(before, situation)
        aside = only_tells_of_another(said)
        if said.facts.orders or any(t.in_lexicon for t in said.facts.question.targets):
            return (yield part)
        if (colon.group() == "," or tells_of_another(said)) and not aside:  # "Bed 4: spleen size" is asked of bed 4
            continue
        wish = reader.read(after, situation)
        if wish.intent not in _WISHES or not any(t.in_lexicon for t in wish.facts.question.targets):
            continue
        if _refused(said):
            yield replace(clause, text=before, end=clause.start + colon.start()), said
        start = clause.start + len(clause.text) - len(after)
        yield Clause(after, start, clause.end, clause.sentence), wish
        return
    yield part


def _refused(said: Read) -> bool:
    """A demand that is refused by itself; what is only told of somebody else, or sets no rule aside, is none."""
    demands = said.intent is Intent.REFUSE and said.sure and not spares_safeguards(said.facts)
    return demands and not only_tells_of_another(said)
