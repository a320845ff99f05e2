"""Days by which a text means an earlier study: "14.02.2022", "30/10/2024", "the 2nd of April", "Tuesday's CT"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from agents.routing.cues import folded_text, group_finder
from agents.routing.request import PriorFacts

_ISO = re.compile(r"\b(?P<year>(?:19|20)\d\d)-(?P<month>\d\d)-(?P<day>\d\d)\b")
_NUMBERS = re.compile(r"(?<![\d.])(?P<one>\d{1,2})[./](?P<two>\d{1,2})[./](?P<year>(?:19|20)?\d\d)(?!\d)")
_ORDINAL = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_AFTER_DAY = {"05": "|may ", "12": "|dec "}
"""Names that are other words unless a day stands before them."""
_CENTURY = 2000
_WEEKDAYS = (
    r"monday|montag|lunes",
    r"tuesday|dienstag|martes",
    r"wednesday|mittwoch|miercoles",
    r"thursday|donnerstag|jueves",
    r"friday|freitag|viernes",
    r"saturday|samstag|sonnabend|sabado",
    r"sunday|sonntag|domingo",
)
_WEEKDAY = tuple(re.compile(rf" (?:{names})s? ") for names in _WEEKDAYS)


@dataclass(frozen=True)
class _Day:
    """A day; year 0 where none is said."""

    month: int
    day: int
    year: int = 0

    def is_of(self, prior: PriorFacts) -> bool:
        """Whether a study was made on it, as far as its date is known: that may be no more than a month."""
        known = prior.date[5:10]
        day = f"{self.month:02}-{self.day:02}"
        return bool(known) and day.startswith(known) and self.year in {0, int(prior.date[:4])}


def names_day(text: str) -> bool:
    """Whether a text names a day or a weekday."""
    return any(True for _ in _days(text)) or any(pattern.search(folded_text(text)) for pattern in _WEEKDAY)


def dated(text: str, priors: Sequence[PriorFacts]) -> list[PriorFacts]:
    """The earlier studies of the days and weekdays that a text names; all where it names none.

    A day of which there is no study leaves none: the nearest one is not what was asked for. Days in numbers are read
    day first and month first.
    """
    fitting = [*priors]
    days = [*_days(text)]
    if days:
        fitting = [p for p in fitting if any(day.is_of(p) for day in days)] or _of_short_year(text, priors)
    weekdays = {n for n, pattern in enumerate(_WEEKDAY) if pattern.search(folded_text(text))}
    if weekdays:
        fitting = [p for p in fitting if len(p.date) == 10 and date.fromisoformat(p.date).weekday() in weekdays]
    return fitting


def _of_short_year(text: str, priors: Sequence[PriorFacts]) -> list[PriorFacts]:
    """The studies of a month whose year has two digits: "Aug 24", where no study is of that day."""
    said = {
        f"{_CENTURY + int(found['day'])}-{month:02}"
        for month, (_, after) in _named().items()
        for found in after.finditer(folded_text(text))
        if not found["year"]
    }
    return [p for p in priors if p.date[:7] in said]


def _days(text: str) -> Iterator[_Day]:
    for found in _ISO.finditer(text):
        yield _Day(int(found["month"]), int(found["day"]), int(found["year"]))
    for found in _NUMBERS.finditer(text):
        year = int(found["year"])
        year += _CENTURY if year < 100 else 0
        yield _Day(int(found["two"]), int(found["one"]), year)
        yield _Day(int(found["one"]), int(found["two"]), year)
    folded = folded_text(text)
    for month, patterns in _named().items():
        for pattern in patterns:
            for found in pattern.finditer(folded):
                yield _Day(month, int(found["day"]), int(found["year"] or 0))


@cache
def _named() -> dict[int, tuple[re.Pattern[str], re.Pattern[str]]]:
    """By number of the month: "2nd of April 2024", "April 2, 2024"."""
    year = r"(?:(?P<year>(?:19|20)\d\d) )?"
    made: dict[int, tuple[re.Pattern[str], re.Pattern[str]]] = {}
    for number, pattern in group_finder("priors", "months").items():
        name = pattern.pattern
        after_day = name + _AFTER_DAY.get(number, "")
        made[int(number)] = (
            re.compile(rf" {_ORDINAL} (?:of |de )?(?:{after_day}){year}"),
            re.compile(rf" (?:{name})(?:the )?{_ORDINAL} {year}"),
        )
    return made
