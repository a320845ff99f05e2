"""Dates in a text: days, months and years, each as the first and the last day that it may mean."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul",
            "august aug", "september sep sept", "october oct", "november nov", "december dec",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_YEAR = r"(?:19|20)\d\d"
_FORMS = re.compile(
    rf"""(?<![\d./-])(?:
      (?P<iso>{_YEAR}-\d\d-\d\d)(?![\d-])
    | (?P<dotted>\d{{1,2}}\.\d{{1,2}}\.{_YEAR})(?!\d)
    | (?P<slashed>\d{{1,2}}/\d{{1,2}}/(?:{_YEAR}|\d\d))(?![\d/])
    | (?P<month_year>\d{{1,2}}/{_YEAR})(?![\d/])
    | (?P<month_day>\d{{1,2}}/\d{{1,2}})(?=\s+(?:ct|pet|mri|scan|x-ray|ultrasound)\b)
    | (?P<named>(?:(?P<d1>\d{{1,2}})\s+)?\b(?P<m>{_MONTH})\b\.?,?\s+(?:(?P<d2>\d{{1,2}}),?\s+)?(?P<y>{_YEAR}))(?!\d)
    | (?P<bare>{_YEAR})(?=\s*(?:$|[,;.)]\s|\n))
    )""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True)
class DateHit:
    """A date in a text: first and last day that it may mean, and its place."""

    first: date
    last: date
    start: int
    end: int

    @property
    def exact(self) -> bool:
        """It names one day."""
        return self.first == self.last


def find_dates(text: str, written: date | None) -> Iterator[DateHit]:
    """Dates in a text, from left to right. Slashes are read month first unless that is impossible.

    Args:
        text: a sentence.
        written: the document's date; a day without a year is the latest such day not after it.
    """
    for match in _FORMS.finditer(text):
        days = _days(match, written)
        if days:
            yield DateHit(*days, match.start(), match.end())


def _days(match: re.Match[str], written: date | None) -> tuple[date, date] | None:
    kind, text = match.lastgroup or "", match[0]
    # `lastgroup` of a named month is its year.
    if match["named"]:
        day = match["d1"] or match["d2"]
        return _span(int(match["y"]), _MONTHS[match["m"].casefold()], int(day) if day else None)
    numbers = [int(n) for n in re.findall(r"\d+", text)]
    if kind == "iso":
        return _span(*numbers)
    if kind == "dotted":
        return _span(numbers[2], numbers[1], numbers[0])
    if kind == "slashed":
        month, day, year = numbers
        return _span(year if year > 99 else 2000 + year, *((day, month) if month > 12 else (month, day)))
    if kind == "month_year":
        return _span(numbers[1], numbers[0])
    return _span(numbers[0]) if kind == "bare" else _without_year(numbers, written)


def _without_year(numbers: list[int], written: date | None) -> tuple[date, date] | None:
    if written is None:
        return None
    candidates = (_span(year, *numbers) for year in (written.year, written.year - 1))
    return next((span for span in candidates if span and span[0] <= written), None)


def _span(year: int, month: int | None = None, day: int | None = None) -> tuple[date, date] | None:
    try:
        if month is None:
            return date(year, 1, 1), date(year, 12, 31)
        if day is None:
            return date(year, month, 1), date(year, month, monthrange(year, month)[1])
        return date(year, month, day), date(year, month, day)
    except ValueError:
        return None
