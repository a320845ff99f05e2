"""How a statement was meant: denied, possible, of the past, or planned.

The idea is NegEx's: a trigger word governs what follows (or precedes) it until a word that ends its scope, and some
phrases look like a trigger and are none. Source: Chapman et al., J Biomed Inform 2001;34:301-310, and for the past and
the uncertain Harkema et al. (ConText), J Biomed Inform 2009;42:839-851. Word lists and code are this project's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from tools.clinical_record.fact import Certainty
from tools.clinical_record.sentences import Sentence
from tools.clinical_record.vocabulary import Hit, triggers

_REACH_BEFORE = 90
_REACH_AFTER = 60
"""Characters between a trigger and what it governs: about a dozen words, a list of findings."""
_CLAUSE_END = re.compile(r"[;:]|\.\s")
_YES_NO = re.compile(r"^\s*:\s*(no|none|negative|denied|absent)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Assertion:
    """How something in a sentence was meant.

    Attributes:
        negated: denied.
        limited: only a kind of it is denied ("no large effusion"), so nothing is said of the rest.
    """

    certainty: Certainty
    negated: bool = False
    limited: bool = False


def assertion(sentence: Sentence, start: int, end: int) -> Assertion:
    """How the words from `start` to `end` of a sentence were meant (offsets in the sentence)."""
    text = sentence.text
    found = _triggers(text)
    before = [
        h
        for h in found.before
        if _governs(text, h.end, start, found.ends, _REACH_BEFORE)
        and not (h.name == "historical" and "," in text[h.end : start])
    ]
    after = [h for h in found.after if _governs(text, end, h.start, found.ends, _REACH_AFTER)]
    denials = [h for h in before if h.name == "negation"]
    negated = bool(denials or [h for h in after if h.name == "negation"] or _YES_NO.match(text[end:]))
    limited = any(triggers("limiting").first(text[h.end : start]) for h in denials)
    names = {h.name for h in (*before, *after)}
    if sentence.heading == "past":
        names.add("historical")
    order = (Certainty.PLANNED, Certainty.POSSIBLE, Certainty.HISTORICAL)
    return Assertion(next((c for c in order if c.value in names), Certainty.STATED), negated, limited)


@dataclass(frozen=True)
class _Found:
    before: tuple[Hit, ...]
    after: tuple[Hit, ...]
    ends: tuple[Hit, ...]


@lru_cache(maxsize=4)
def _triggers(text: str) -> _Found:
    fake = tuple(triggers("not_negation").find(text))

    def hits(direction: str) -> tuple[Hit, ...]:
        names = ("negation", "possible", "historical", "planned")
        return tuple(
            Hit(name, h.start, h.end)
            for name in names
            for h in triggers(f"{name}_{direction}").find(text)
            if direction == "after" or not any(f.start <= h.start < f.end for f in fake)
        )

    return _Found(hits("before"), hits("after"), tuple(triggers("ends_scope").find(text)))


def _governs(text: str, left: int, right: int, ends: tuple[Hit, ...], reach: int) -> bool:
    """Whether nothing between the trigger and the words ends the trigger's scope."""
    if not 0 <= right - left <= reach:
        return False
    return not _CLAUSE_END.search(text[left:right]) and not any(left <= e.start and e.end <= right for e in ends)
