"""Short forms of a side that are words elsewhere: "Erguss re", "Niere li.", "re: your letter"."""

from __future__ import annotations

from dataclasses import replace

from prompts.lexicon import lexicon
from prompts.words import PUNCTUATION, Word

_SHORT = {"re": "rechts", "li": "links", "lks": "links", "bds": "beidseits", "bil": "bilateral", "bilat": "bilateral"}
_SHORT |= {"lft": "left", "lef": "left", "rght": "right", "rgt": "right", "rigt": "right"}
_SHORT |= {"izq": "izquierdo", "izqdo": "izquierdo", "dcho": "derecho", "der": "derecho", "dch": "derecho"}
_LINKS = frozenset({"oder", "und", "or", "and", "o", "y"})
_STOPPED = frozenset({*_SHORT, "lt", "rt", "l", "r"})
_ARTICLE = frozenset({"der"})
"""Those that are an article before a noun: a side only where nothing follows."""


def with_sides(written: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words, with the short forms of a side spelled out where they stand beside a structure."""
    written = _without_stops(written)
    made = list(written)
    for place, word in enumerate(written):
        side = _SHORT.get(word.folded)
        if side is not None and _beside(written, place):
            made[place] = replace(word, folded=side)
    return tuple(made)


def _without_stops(written: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words without the full stop of a short form before a noun ("bil. effusions")."""
    stops = {
        place
        for place, word in enumerate(written[:-1])
        if word.folded == "." and place and written[place - 1].folded in _STOPPED and written[place + 1].raw.islower()
    }
    return tuple(word for place, word in enumerate(written) if place not in stops)


def _beside(written: tuple[Word, ...], place: int) -> bool:
    after = written[place + 1].folded if place + 1 < len(written) else "."
    if written[place].folded in _ARTICLE and after not in PUNCTUATION:
        return False
    before = place - 1
    while before >= 0 and written[before].folded in PUNCTUATION - {"?", "\n"} and place - before < 3:
        before -= 1
    ends = after in PUNCTUATION or after in _SHORT or after in {"and", "und", "y"}
    while before > 0 and written[before].folded in _LINKS | {*_SHORT}:
        before -= 1
    return (before >= 0 and _known(written[before])) or (_known_word(after) and not ends)


def _known(word: Word) -> bool:
    return _known_word(word.folded)


def _known_word(folded: str) -> bool:
    names = lexicon().names
    return names.longest((folded,), 0) is not None or folded in names.vocabulary or _measures(folded)


def _measures(folded: str) -> bool:
    return folded in {"volumen", "grosse", "durchmesser", "lange", "volume", "size", "length", "tamano"}
