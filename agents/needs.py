"""What a routed question needs done: the one place that turns intents into work, for planning and for checking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agents.routing.request import Intent, Request, Routed

LOOKING = frozenset({Intent.FIND, Intent.COMPARE, Intent.CHEST_REPORT, Intent.REPORT})
"""Intents whose words say what to look for in the images."""
ENDING = frozenset({Intent.ASK, Intent.REFUSE, Intent.UNKNOWN})


@dataclass(frozen=True)
class Needs:
    """The work of one turn.

    Attributes:
        find: structures are to be outlined, judged and measured; `targets` besides those of the words themselves.
        series: the only ones to look at, () for all.
        chest_report: frontal chest radiographs get a drafted report, where a model here writes one.
        compose: the draft report is written.
    """

    requests: tuple[Request, ...]
    find: bool
    targets: tuple[str, ...]
    series: tuple[str, ...]
    chest_report: bool
    compose: bool

    def of(self, *intents: Intent) -> tuple[Request, ...]:
        """The requests with one of these intents, in the order of the text."""
        return tuple(r for r in self.requests if r.intent in intents)


def needs_of(routed: Routed, *, found: Sequence[str], films: Sequence[str]) -> Needs:
    """The work that a question needs.

    Args:
        found: targets that were outlined in earlier turns.
        films: series that a chest report model here reads.
    """
    requests = _told(routed.requests)
    looked_for = [r for r in requests if r.intent is Intent.FIND]
    reports = [r for r in requests if r.intent is Intent.CHEST_REPORT]
    compared = [r for r in requests if r.intent is Intent.COMPARE]
    drafts = [r for r in requests if r.intent is Intent.REPORT]
    silent = [r for r in looked_for if not r.targets]
    unfound = [r for r in compared if not found or set(r.targets) - set(found)]
    find = bool(looked_for or unfound or (reports and not films) or (drafts and not found))
    drafting = {Intent.FIND, Intent.REFINE, Intent.COMPARE, Intent.CHEST_REPORT, Intent.REPORT, Intent.CLASSIFY}
    return Needs(
        requests=requests,
        find=find,
        targets=_unique(t for r in (*looked_for, *unfound) for t in r.targets),
        series=_unique(s for r in (*looked_for, *compared, *reports) for s in r.series),
        chest_report=bool(films and (reports or silent or (drafts and not found))),
        compose=any(r.intent in drafting for r in requests),
    )


def _told(requests: tuple[Request, ...]) -> tuple[Request, ...]:
    """Without questions back that nobody needs: of a message that is refused, and of one that is understood besides."""
    refused = any(r.intent is Intent.REFUSE for r in requests)
    works = any(r.intent not in ENDING for r in requests)
    return tuple(
        r
        for r in requests
        if r.intent not in {Intent.ASK, Intent.UNKNOWN} or not (refused or (works and r.about == "question"))
    )


def looking_for(routed: Routed, question: str) -> str:
    """The words of the question that say what to look for; the whole question where no part of it does."""
    parts = [r.text for r in routed.requests if r.intent in LOOKING]
    return ". ".join(parts) if parts else question


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
