"""Which earlier study a clause means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

from agents.routing.cues import folded_text, group_finder
from agents.routing.request import PriorFacts, Situation
from agents.routing.slots.dates import dated, names_day

_YEAR = re.compile(r" ((?:19|20)\d\d) ")
_RADIOGRAPHS = {"CR", "DX"}
_AGAINST = re.compile(
    r" (?:vs|versus|v|against|next to|beside|besides|alongside|compared (?:to|with)|compare with|side by side with"
    r"|relative to|cf|cfr|than (?:on|in|at)|gegen|gegenuber|verglichen mit|vergleich (?:mit|zu|zum|zur)"
    r"|neben|frente a|respecto a|comparad[oa] con|al lado de)(?= )"
)
_REACH = 40
"""Characters behind "against" in which a time is sought."""
_NOT = re.compile(
    r" (?:not|nicht|no|ignore|skip|forget|omit|drop|except|without|ohne|ausser|sin|salvo|excepto|olvida|leave out"
    r"|instead of|rather than|statt)(?: [^ ]+){0,3} ?$"
)
"""Before a study that is not meant: "not against the post-op one"."""
_NAME = re.compile(r" prior (\d{1,2}) ")


@cache
def _words() -> Mapping[str, re.Pattern[str]]:
    return group_finder("priors")


@cache
def _months() -> Mapping[str, re.Pattern[str]]:
    return group_finder("priors", "months")


@cache
def _modalities() -> Mapping[str, re.Pattern[str]]:
    return group_finder("priors", "modality")


def mentions_prior(text: str) -> bool:
    """Whether a clause speaks of another time: "last", "since 2020", "seit", "anterior"."""
    folded = folded_text(text)
    return bool(_words()["mention"].search(folded) or _YEAR.search(folded))


def points_at_prior(text: str) -> bool:
    """Whether a clause speaks of another time, a day or a modality: "her MRI", "22 March"."""
    return mentions_prior(text) or names_modality(text) or mentions_month(text) or names_day(text)


def speaks_of_change(text: str) -> bool:
    """Whether a clause asks for what two studies show and one does not: "interval change", "growth", "Verlauf"."""
    return _words()["change"].search(folded_text(text)) is not None


def asks_whether_steady(text: str) -> bool:
    """Whether a clause ends in a word for what stayed or went on: "liver lesion: stable?"."""
    return _words()["steady"].search(folded_text(text)) is not None


def mentions_month(text: str) -> bool:
    """Whether a text names a month: "last November's", "vs Feb"."""
    folded = folded_text(text)
    return any(pattern.search(folded) for pattern in _months().values())


def set_against(text: str) -> bool:
    """Whether something is set against another time: "oedema vs Feb", "next to the CT of March", "respecto a 2021"."""
    folded = folded_text(text)
    return any(points_at_prior(folded[found.end() : found.end() + _REACH]) for found in _AGAINST.finditer(folded))


def names_modality(text: str) -> bool:
    """Whether a text names a modality."""
    folded = folded_text(text)
    return any(pattern.search(folded) for pattern in _modalities().values())


def worth_comparing(text: str) -> bool:
    """Whether an indication would gain from an earlier study of the same kind: "follow-up", "surveillance"."""
    return bool(_words()["worthwhile"].search(folded_text(text)))


def chosen_prior(text: str, situation: Situation) -> str:
    """Name of the earlier study that a clause means; "" when there is none, or when it cannot be told which.

    A year, a month or a modality that it names must fit. Without any the newest of the same modality and body part
    is taken. What was "before surgery" is told by no date here: it is clear only when one study is left.
    """
    folded = folded_text(text)
    named = _NAME.search(folded)
    if named:
        name = f"prior-{int(named[1])}"
        return name if any(p.name == name for p in situation.priors) else ""
    fitting = _of_modality(folded, dated(text, _of_date(folded, situation.priors)), situation)
    return _of_time(folded, fitting, situation) if fitting else ""


def _of_time(folded: str, fitting: Sequence[PriorFacts], situation: Situation) -> str:
    """The study of those that fit which the words tell by its place in time."""
    described = [p for p in fitting if _events(folded_text(p.description)) & _events(folded)]
    if described:
        return described[0].name
    alike = _alike(fitting, situation) or [*fitting]
    if _words()["event"].search(folded):
        return alike[0].name if len(alike) == 1 else ""
    if _words()["second"].search(folded):
        return alike[1].name if len(alike) > 1 else ""
    if _words()["oldest"].search(folded):
        return fitting[-1].name
    return newest_alike(fitting, situation) or fitting[0].name


def _events(folded: str) -> frozenset[str]:
    """Before or after an operation or a treatment, as a text says it."""
    return frozenset(
        name
        for name, pattern in _described_events().items()
        if any(_NOT.search(folded[: found.start()]) is None for found in pattern.finditer(folded))
    )


@cache
def _described_events() -> Mapping[str, re.Pattern[str]]:
    return group_finder("priors", "events")


def newest_alike(priors: Sequence[PriorFacts], situation: Situation) -> str:
    """The newest earlier study of the same modality and body part; "" without one."""
    return next((p.name for p in _alike(priors, situation)), "")


def _alike(priors: Sequence[PriorFacts], situation: Situation) -> list[PriorFacts]:
    pairs = {*zip(situation.modalities, situation.body_parts, strict=False)}
    return [p for p in priors if (p.modality, p.body_part) in pairs]


def _of_date(folded: str, priors: Sequence[PriorFacts]) -> list[PriorFacts]:
    """Those of the years and months that are named: none when none fits, since a date is not guessed."""
    years, no_years = _named(folded, _YEAR)
    said = {month: _named(folded, pattern) for month, pattern in _months().items()}
    months = {month for month, (meant, _) in said.items() if meant}
    no_months = {month for month, (_, left_out) in said.items() if left_out} - months
    fitting = [p for p in priors if (not years or p.date[:4] in years) and (years or p.date[:4] not in no_years)]
    return [p for p in fitting if (not months or p.date[5:7] in months) and p.date[5:7] not in no_months]


def _named(folded: str, pattern: re.Pattern[str]) -> tuple[list[str], list[str]]:
    """What a pattern finds, and what of it is not meant: "skip the one of November"."""
    meant: list[str] = []
    left_out: list[str] = []
    for found in pattern.finditer(folded):
        (left_out if _NOT.search(folded[: found.start()]) else meant).append(found[0].strip())
    return meant, left_out


def _of_modality(folded: str, priors: Sequence[PriorFacts], situation: Situation) -> Sequence[PriorFacts]:
    """Those of the modalities that are named, but for the present one ("compare this CT with the prior")."""
    named = {m for m, pattern in _modalities().items() if pattern.search(folded)}
    fitting = [p for p in priors if named & {*p.modality.split("/")}]
    return fitting if fitting or named - _present(situation) else priors


def _present(situation: Situation) -> set[str]:
    """Modalities of this study, radiographs of both kinds as one."""
    present = {*situation.modalities}
    return present | _RADIOGRAPHS if present & _RADIOGRAPHS else present
