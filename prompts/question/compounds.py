"""Words that were written as one: "Lebervolumen" is a liver and a volume, "leftkidney" a side and a kidney."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from prompts.cues import cues
from prompts.lexicon import lexicon
from prompts.question.spelling import is_word, nearest
from prompts.words import Word

ENDS = {
    **{end: end for end in ("volumen", "volumina", "grosse", "durchmesser", "lange", "breite", "dicke", "flache")},
    **{end: end for end in ("umfang", "dichte", "tumor", "tumoren", "karzinom", "metastase", "metastasen", "zyste")},
    **{end: end for end in ("zysten", "lasion", "lasionen", "stein", "steine", "hamatom", "infarkt", "blutung")},
    **{end: end for end in ("abszess", "odem", "erguss", "ergusse", "adenom", "adenome", "knoten", "rundherd")},
    **{end: end for end in ("rundherde", "raumforderung", "raumforderungen", "fraktur", "frakturen", "thrombose")},
    **{end: end for end in ("thrombus", "aneurysma", "embolie", "verkalkung", "verkalkungen", "dissektion", "stenose")},
    **{end: end for end in ("atrophie", "polyp", "polypen", "entzundung", "riss", "volume", "size", "length")},
    **{"groesse": "grosse", "laenge": "lange", "flaeche": "flache", "laesion": "lasion", "laesionen": "lasionen"},
    **{"haematom": "hamatom", "oedem": "odem", "wand": "wall", "herd": "lasion", "herde": "lasionen"},
    **{"gang": "duct", "weite": "durchmesser"},
}
"""Second parts that say what is asked of the first, folded, and what they are read as."""
LINKS = ("", "n", "en", "s", "es", "al", "ar")
"""Letters that German puts between the parts."""
_STEMS = {"aort": "aorta", "aorten": "aorta", "ovari": "ovary", "ovar": "ovary", "adnex": "adnexa", "hippocampus": ""}
_STEMS |= {"vena": "vein", "kopf": "head", "gefass": "vessel", "muskel": "muscle", "leberherd": "liver lesion"}
SHORT = 4
"""Letters of the shortest part of two words that were run together."""


def split_compounds(written: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words, with compounds of a known structure taken apart; known wholes stay."""
    return tuple(part for word in written for part in _parts(word))


def _parts(word: Word) -> tuple[Word, ...]:
    cut = _cut(word.folded)
    if cut is None:
        return (word,)
    first, second, letters = cut
    place = min(word.end, max(word.start + 1, word.end - letters))
    return (
        replace(word, folded=first, raw=word.raw[: place - word.start], end=place),
        replace(word, folded=second, raw=word.raw[place - word.start :], start=place),
    )


@lru_cache(maxsize=4096)
def _cut(folded: str) -> tuple[str, str, int] | None:
    """Both parts as they are read, and the letters of the second; None for a word of its own."""
    if len(folded) < SHORT + 3 or not folded.isalpha() or is_word(folded) or _spelled(folded):
        return None
    return next(_german(folded), None) or next(_run_together(folded), None)


def _spelled(folded: str) -> bool:
    """Whether it is a known word with a mistake in it, not two words."""
    meant = nearest(folded)
    return meant is not None and abs(len(meant) - len(folded)) <= 1


def _german(folded: str) -> Iterator[tuple[str, str, int]]:
    for letters in range(len(folded) - 3, 2, -1):
        end = ENDS.get(folded[-letters:])
        if end is None:
            continue
        stem = folded[:-letters]
        for link in LINKS:
            first = stem.removesuffix(link) if link else stem
            if link and first == stem:
                continue
            named = _STEMS.get(first, first)
            if len(first) > 2 and lexicon().names.get((named,)) is not None:
                yield named, end, letters


def _run_together(folded: str) -> Iterator[tuple[str, str, int]]:
    for place in range(SHORT, len(folded) - SHORT + 1):
        first, second = folded[:place], folded[place:]
        if _names(second) and (_names(first) or cues().roles.get((first,)) in {"left", "right", "both"}):
            yield first, second, len(second)


def _names(word: str) -> bool:
    return lexicon().names.get((word,)) is not None or lexicon().adjectives.get((word,)) is not None
