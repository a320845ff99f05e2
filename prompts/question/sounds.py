"""How a word sounds, roughly: what speech recognition and bad spelling confuse has one key."""

from __future__ import annotations

import re
from functools import lru_cache

_RULES = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"kn|^(?:gn|pn)", "n"),
        (r"^ps", "s"),
        (r"^pt", "t"),
        (r"^wr", "r"),
        (r"^x", "s"),
        (r"ph", "f"),
        (r"gh", ""),
        (r"sch", "sk"),
        (r"cc(?=[eiy])", "ks"),
        (r"sc(?=[eiy])", "s"),
        (r"c(?=[eiy])", "s"),
        (r"ck|qu|q|c", "k"),
        (r"x", "ks"),
        (r"z", "s"),
        (r"dg", "j"),
        (r"(?<=.)[aeiouhwy]+", ""),
        (r"^[aeiouy]", "a"),
        (r"(.)\1+", r"\1"),
    )
)


@lru_cache(maxsize=8192)
def sound(word: str) -> str:
    """Consonants as they are heard, and whether a vowel opens: "kidknee" and "kidney" are both "kdn".

    Args:
        word: folded letters.
    """
    for pattern, heard in _RULES:
        word = pattern.sub(heard, word)
    return word
