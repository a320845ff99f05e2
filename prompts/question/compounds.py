"""German compounds as the words that they are made of: "Lebervolumen" is a liver and a volume."""

from __future__ import annotations

from dataclasses import replace

from prompts.lexicon import lexicon
from prompts.words import Word

ENDS = (
    *("volumen", "grosse", "groesse", "durchmesser", "lange", "laenge", "breite", "dicke", "flache", "umfang"),
    *("tumor", "tumoren", "metastase", "metastasen", "zyste", "zysten", "lasion", "lasionen", "laesion", "stein"),
    *("steine", "herd", "herde", "hamatom", "haematom", "infarkt", "blutung", "abszess", "odem", "oedem", "erguss"),
)
"""Second parts that say what is asked of the first, folded."""
LINKS = ("", "n", "en", "s", "es")
"""Letters that German puts between the parts."""


def split_compounds(written: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words, with compounds of a known structure and one of ENDS taken apart; known wholes stay."""
    return tuple(part for word in written for part in _parts(word))


def _parts(word: Word) -> tuple[Word, ...]:
    folded = word.folded
    if not folded.isalpha() or lexicon().names.get((folded,)) is not None or lexicon().adjectives.get((folded,)):
        return (word,)
    for end in ENDS:
        stem = folded.removesuffix(end)
        if stem == folded or len(stem) < 3:
            continue
        for link in LINKS:
            first = stem.removesuffix(link) if link else stem
            if lexicon().names.get((first,)) is None:
                continue
            cut = word.end - len(end)
            return (
                replace(word, folded=first, raw=word.raw[: len(word.raw) - len(end)], end=cut),
                replace(word, folded=end, raw=word.raw[-len(end) :], start=cut),
            )
    return (word,)
