"""Which series a clause names: by number, or by what its description says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from agents.routing.cues import folded_text, group_finder
from agents.routing.masking import WORD, masked
from agents.routing.request import Situation
from prompts.data import read_yaml, strings

_EXCLUSIVE = (
    frozenset({"axial", "coronal", "sagittal"}),
    frozenset({"t1", "t2", "flair", "dwi", "adc", "swi", "stir"}),
    frozenset(
        {"arterial", "venous", "portal", "delayed", "nephrographic", "corticomedullary", "hepatobiliary", "native"}
    ),
)
_LEFT_OUT = re.compile(
    r" (?:not|forget|ignore|skip|without|instead of|rather than|nicht|statt|anstatt|ohne|no|sin|en vez de|olvida)"
    r" (?:[^ ]+ ){0,2}$"
)


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
    # "Tumour in the frontal lobe" names no frontal series: structures are masked.
    return _numbered(folded, situation) or _described(folded_text(masked(text)), situation) or Named()


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
    meant, left_out = _meant(folded)
    if not (meant or left_out) or not any(situation.series_text):
        return None
    described = {n: _names_in(folded_text(t)) for n, t in zip(situation.series, situation.series_text, strict=False)}
    described = {n: names for n, names in described.items() if not names & left_out}
    if not meant:
        others = len(described) < len(situation.series)
        return Named(tuple(described)) if described and others else None
    # "T2" is not the FLAIR, whose description says T2 too, unless there is no other.
    rank = {n: (len(names & meant), -len(names - meant)) for n, names in described.items() if names & meant}
    fitting = tuple(n for n, fit in rank.items() if fit == max(rank.values()))
    if fitting:
        return Named(fitting)
    if described and left_out:
        return Named(tuple(described))
    only = next(iter(described.values()), meant)
    return Named(missing=len(situation.series) > 1 or not described or _contradict(meant, only))


def _contradict(meant: set[str], described: set[str]) -> bool:
    """Whether both name a plane, a sequence or a phase, and not the same: the T1 that is asked for is no FLAIR."""
    pairs = ((meant & kinds, described & kinds) for kinds in _EXCLUSIVE)
    return any(one and other and not one & other for one, other in pairs)


def _meant(folded: str) -> tuple[set[str], set[str]]:
    """Names of series that a clause wants, and those that it does not: "not on the topogram"."""
    known = _words()
    meant: set[str] = set()
    left_out: set[str] = set()
    for name, pattern in known.names.items():
        for found in pattern.finditer(folded):
            before, after = folded[: found.start()], folded[found.end() :]
            if after.startswith(f"{WORD} "):
                continue
            if _LEFT_OUT.search(before):
                left_out.add(name)
            elif known.before.search(before) or known.after.search(after):
                meant.add(name)
    return meant, left_out - meant


def _names_in(folded: str) -> set[str]:
    return {name for name, pattern in _words().names.items() if pattern.search(folded)}
