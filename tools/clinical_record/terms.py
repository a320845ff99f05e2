"""Words as a search compares them: synonyms folded to one, endings dropped, empty words left out.

"Krea", "Kreatinin" and "creatinine" are one term, as are "lymph node" and "adenopathy"; the groups stand in
`vocabulary.yaml`. A number with mm or cm also counts as the word "size", one with mg or mcg as "dose": questions ask
for a size, reports give one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from tools.clinical_record.vocabulary import words

_WORD = re.compile(r"\d{4}-\d\d-\d\d|\d+(?:\.\d+)?|[^\W\d_]+(?:/[^\W\d_]+)?\d*|%")
_SUFFIX = re.compile(r"(?<=\w{3})(?:ies|es|s)$")
_STOP = frozenset(
    """
    a about according after all an and any are as at be been before by can could did do does done ever find for found
    from gave give given had has have he her his how i in into is it its known last latest long many me much my next of
    on or our patient please report result say said she show since tell than that the their them there they this to up
    us was we were what when where which while who whom whose why will with would you
    bei das dem den der die ein eine für gab hat ist mit und von wann war was welche welcher wie wurde zu
    """.split()  # noqa: SIM905
)
_UNIT_TELLS = {
    "mm": "=size",
    "cm": "=size",
    "millimeter": "=size",
    "centimeter": "=size",
    "mg": "=dose",
    "mcg": "=dose",
}


def terms(text: str) -> list[str]:
    """Terms of a text in order."""
    return list(_folded(_plain(text)))


def is_medical(term: str) -> bool:
    """Whether a term belongs to a group of medical synonyms."""
    return term in _names()


def _plain(text: str) -> list[str]:
    return [_SUFFIX.sub("", word) for word in _WORD.findall(text.lower()) if word not in _STOP]


def _folded(plain: list[str]) -> Iterator[str]:
    groups, longest = _groups(), _longest()
    index = 0
    while index < len(plain):
        for length in range(min(longest, len(plain) - index), 0, -1):
            name = groups.get(tuple(plain[index : index + length]))
            if name:
                yield name
                index += length
                break
        else:
            word = plain[index]
            yield word
            if word in _UNIT_TELLS and index and plain[index - 1][0].isdigit():
                yield _UNIT_TELLS[word]
            index += 1


@cache
def _groups() -> Mapping[tuple[str, ...], str]:
    """Every spelling of a group, as its plain words, to the group's name."""
    return {tuple(_plain(alias)): f"={group[0]}" for group in words()["synonyms"] for alias in group if _plain(alias)}


@cache
def _names() -> frozenset[str]:
    return frozenset(_groups().values())


@cache
def _longest() -> int:
    return max(map(len, _groups()))
