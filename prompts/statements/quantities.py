"""Numbers of a sentence with their units: digits or words, lists and ranges, thousands and decimals."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

from prompts.data import read_yaml, strings
from prompts.statements.units import UNITLESS, Scale, alone, scale, written_units
from prompts.words import fold

EXACT = 1e-9
CLOSE = 0.05
"""Largest relative error of a number that was rounded in another unit than the fact's."""


@dataclass(frozen=True)
class Quantity:
    """A number as a sentence states it.

    Attributes:
        value: None where it is no plain number (a date, a fraction, a power, "half").
        half: half of its last place, in its own unit.
        scale: of its unit; `UNITLESS` without one.
        stated: it has a unit of its own, or shares the unit of a list.
        limit: -1 for "less than", 1 for "more than", 0 for the number itself.
        start, end: characters, limit and unit included.
    """

    value: float | None
    half: float
    scale: Scale
    stated: bool
    limit: int
    start: int
    end: int

    def agrees(self, value: float, unit: str) -> bool:
        """Whether a fact, rounded as this number is, gives it."""
        fact = scale(unit) or alone(unit)
        if self.value is None or fact.base != self.scale.base:
            return False
        own = value * fact.factor / self.scale.factor
        if abs(self.value - own) > self.half * (1 + 1e-6) + EXACT:
            return False
        if self.value == 0:
            return abs(own) <= EXACT
        return fact.factor == self.scale.factor or abs(self.value - own) <= CLOSE * abs(own)

    def repeats(self, other: Quantity) -> bool:
        """Whether it says what another sentence says, limit included, in its unit or converted."""
        if (
            other.value is None
            or self.value is None
            or self.limit != other.limit
            or self.scale.base != other.scale.base
        ):
            return False
        error = abs(self.value * self.scale.factor - other.value * other.scale.factor)
        return error <= self.half * self.scale.factor + EXACT


class _Grammar(NamedTuple):
    number: re.Pattern[str]
    unit: re.Pattern[str]
    words: Mapping[str, float]
    large: Mapping[str, float]
    one: frozenset[str]
    point: frozenset[str]
    factors: frozenset[str]
    below: frozenset[str]


@cache
def _grammar() -> _Grammar:
    raw = read_yaml("statements/numbers.yaml")
    below, above = strings(raw["limits_below"]), strings(raw["limits_above"])
    limits = "|".join(_bounded(text) for text in sorted((*below, *above), key=len, reverse=True))
    minus = "|".join(_bounded(text) for text in strings(raw["minus"]))
    number = (
        rf"(?:(?P<limit>{limits})\s*)?(?:(?P<minus>{minus})\s+)?"
        r"(?<![\w.,/])(?P<sign>(?<!\d)[-+])?(?P<digits>\d+(?:[.,']\d+)*)"
        r"(?P<odd>(?:\s?[/⁄^:]\s?[-\d.,]+|[eE][-+]?\d+)+)?(?!\d)"
    )
    units = "|".join(re.escape(u) for u in written_units())
    return _Grammar(
        number=re.compile(number, re.IGNORECASE),
        unit=re.compile(rf"\s?-?\s?(?P<unit>(?:{units})(?:s|es|n|en)?)(?![\w^])", re.IGNORECASE),
        words={word: float(value) for value, names in raw["words"].items() for word in strings(names)},
        large={word: float(value) for word, value in raw["large"].items()},
        one=frozenset(strings(raw["one"])),
        point=frozenset(strings(raw["point"])),
        factors=frozenset(strings(raw["factors"])),
        below=frozenset(text.casefold() for text in below),
    )


def _bounded(text: str) -> str:
    return rf"\b{re.escape(text)}\b" if text[0].isalpha() else re.escape(text)


_BETWEEN = re.compile(r"\s*(?:-|to|bis|a|and|und|y|or|oder|o|by|x|×|,|,\s*and)\s*", re.IGNORECASE)
_GROUPED = re.compile(r"\d{1,3}(?:[.,']\d{3})+")
_PART_OF_WORD = re.compile(r"[dD]\b|-?(?:th|st|nd|rd)\b")
""" "3D", "7th"."""
_WORD = re.compile(r"[^\W\d_]+")
_CHECKED = re.compile(r"[-\s]?check", re.IGNORECASE)
""" "double-check" doubles nothing."""


def quantities(text: str) -> tuple[Quantity, ...]:
    """The numbers of a plain sentence, in its order."""
    found = sorted((*_in_digits(text), *_in_words(text)), key=lambda q: q.start)
    return _with_shared_units(text, found)


def _in_digits(text: str) -> list[Quantity]:
    found = []
    for match in _grammar().number.finditer(text):
        if _PART_OF_WORD.match(text, match.end()):
            continue
        value, half = (None, 0.5) if match["odd"] else _value(match["digits"])
        signed = match["sign"] == "-" and not text[: match.start("sign")][-1:].isalnum()
        if value is not None and (match["minus"] or signed):
            value = -value
        limit = " ".join((match["limit"] or "").split()).casefold()
        size = 0 if not limit else -1 if limit in _grammar().below else 1
        found.append(_with_unit(text, value, half, size, match.start(), match.end()))
    return found


def _value(digits: str) -> tuple[float | None, float]:
    """What digits mean, and half of their last place.

    The last of two different marks is the decimal one. A single comma before three digits groups thousands, a single
    point never does: "1,234" is 1234, "1.234" and "1,23" have decimals.
    """
    marks = [c for c in digits if not c.isdigit()]
    if not marks:
        return float(digits), 0.5
    grouped = _GROUPED.fullmatch(digits) is not None and not digits.startswith("0")
    if len(set(marks)) == 1 and grouped and (len(marks) > 1 or marks[0] != "."):
        return float(_bare(digits)), 0.5
    whole, _, part = digits.rpartition(marks[-1])
    if len(marks) > 1 and (len(set(marks[:-1])) > 1 or marks[-1] in marks[:-1] or not _GROUPED.fullmatch(whole)):
        return None, 0.5
    return float(f"{_bare(whole)}.{part}"), 0.5 * 10 ** -len(part)


def _bare(digits: str) -> str:
    return re.sub(r"\D", "", digits)


def _with_unit(text: str, value: float | None, half: float, limit: int, start: int, end: int) -> Quantity:
    unit = _grammar().unit.match(text, end)
    found = scale(unit["unit"]) if unit else None
    if unit is None or found is None:
        return Quantity(value, half, UNITLESS, False, limit, start, end)
    return Quantity(value, half, found, True, limit, start, unit.end())


class _Spelled(NamedTuple):
    start: int
    end: int
    word: str


def _in_words(text: str) -> list[Quantity]:
    found: list[Quantity] = []
    spelled = [_Spelled(m.start(), m.end(), fold(m.group())) for m in _WORD.finditer(text)]
    place = 0
    while place < len(spelled):
        start, end, word = spelled[place]
        length, value, decimals = _number_in_words(text, spelled, place)
        if word in _grammar().factors and not _CHECKED.match(text, end):
            found.append(Quantity(None, 0.5, alone("fold"), True, 0, start, end))
        elif length:
            said = _with_unit(text, value, 0.5 * 10**-decimals, 0, start, spelled[place + length - 1].end)
            found += [said] if value != 1 or said.stated else []
        place += max(length, 1)
    return found


def _number_in_words(text: str, words: Sequence[_Spelled], place: int) -> tuple[int, float, int]:
    """(words, value, decimals) of a number in words at `place`; no words when there is none."""
    grammar, total, length = _grammar(), 0.0, 0
    while place + length < len(words):
        word = words[place + length].word
        if length and text[words[place + length - 1].end : words[place + length].start].strip(" -"):
            break
        if word in grammar.large and length:
            total *= grammar.large[word]
        elif word in grammar.words and not (length and total % 10):
            total += grammar.words[word]
        elif word in grammar.one and (not length or total % 10 == 0):
            total += 1
        else:
            break
        length += 1
    point = place + length
    if not length or point >= len(words) or words[point].word not in grammar.point:
        return length, total, 0
    decimals = 0
    while (at := point + 1 + decimals) < len(words) and _digit(words[at].word) is not None:
        decimals += 1
        total += (_digit(words[at].word) or 0) * 10**-decimals
    return length + (1 + decimals if decimals else 0), total, decimals


def _digit(word: str) -> float | None:
    value = 1.0 if word in _grammar().one else _grammar().words.get(word)
    return value if value is not None and value < 10 else None


def _with_shared_units(text: str, found: list[Quantity]) -> tuple[Quantity, ...]:
    """Let "12 x 8 mm" and "5-7 mm" have one unit for all their numbers."""
    shared = list(found)
    for place in range(len(shared) - 2, -1, -1):
        here, after = shared[place], shared[place + 1]
        if not here.stated and after.stated and _BETWEEN.fullmatch(text[here.end : after.start]):
            shared[place] = replace(here, scale=after.scale, stated=True)
    return tuple(shared)
