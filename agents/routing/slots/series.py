"""Which series a clause names: by number, or by what its description says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from agents.routing.cues import folded_text, group_finder
from agents.routing.request import Situation
from prompts.data import read_yaml, strings


@dataclass(frozen=True)
class Named:
    """Series that a clause names, () for none; `missing` when it names one that is not there."""

    series: tuple[str, ...] = ()
    missing: bool = False


@dataclass(frozen=True)
class _Words:
    names: Mapping[str, re.Pattern[str]]
    before: re.Pattern[str]
    after: re.Pattern[str]
    number: re.Pattern[str]
    numerals: Mapping[str, str]


@cache
def _words() -> _Words:
    raw = read_yaml("intents/series.yaml")
    numerals: dict[str, str] = raw["numerals"]
    number = "|".join(strings(raw["number"]))
    numeral = rf"(?:\d{{1,3}}|{'|'.join(numerals)})"
    list_of = rf"{numeral}(?: (?:and|or|und|oder|y) {numeral})?"
    said = rf" (?:(?:{number}) (?:no |nr |number )?(?P<after>{list_of})|(?P<before>{numeral}) (?:{number})) "
    return _Words(
        group_finder("series", "names"),
        re.compile(rf" (?:{'|'.join(strings(raw['before']))}) (?:[^ ]+ ){{0,2}}$"),
        re.compile(rf"^(?:[^ ]+ )?(?:{'|'.join(strings(raw['after']))}) "),
        re.compile(said),
        numerals,
    )


def named_series(text: str, situation: Situation) -> Named:
    """The series that a clause names. Without descriptions a name says nothing, a number always does."""
    folded = folded_text(text)
    return _numbered(folded, situation) or _described(folded, situation) or Named()


def _numbered(folded: str, situation: Situation) -> Named | None:
    found = _words().number.search(folded)
    if found is None:
        return None
    said = (found["after"] or found["before"]).split()
    numbers = [_words().numerals.get(w, w) for w in said if w.isdigit() or w in _words().numerals]
    names = tuple(f"series-{int(n)}" for n in numbers)
    return Named(names) if {*names} <= {*situation.series} else Named(missing=True)


def _described(folded: str, situation: Situation) -> Named | None:
    """What stands where a series' name stands ("on the T2", "arterial phase"), sought in the descriptions."""
    known = _words()
    meant = {
        name
        for name, pattern in known.names.items()
        for found in pattern.finditer(folded)
        if known.before.search(folded[: found.start()]) or known.after.search(folded[found.end() :])
    }
    if not meant or not any(situation.series_text):
        return None
    described = {n: _names_in(folded_text(t)) for n, t in zip(situation.series, situation.series_text, strict=False)}
    # "T2" is not the FLAIR, whose description says T2 too, unless there is no other.
    fitting = [n for n, names in described.items() if names == meant] or [
        n for n, names in described.items() if names & meant
    ]
    if fitting:
        return Named(tuple(fitting))
    return Named(missing=len(situation.series) > 1)


def _names_in(folded: str) -> set[str]:
    return {name for name, pattern in _words().names.items() if pattern.search(folded)}
