"""The development set of the router: cases, situations, and how a routed message is judged."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from agents.routing.request import PriorFacts, Request, Routed, Situation
from agents.routing.router import Router
from prompts.words import fold

CASES = Path(__file__).parent / "routing_cases.yaml"

_PRIORS = (
    PriorFacts("prior-1", "2024-03-11", "CT", "ABDOMEN"),
    PriorFacts("prior-2", "2021-06-02", "CT", "ABDOMEN"),
    PriorFacts("prior-3", "2018-01-15", "MR", "ABDOMEN"),
)
_CT = Situation(
    modalities=("CT", "CT"),
    body_parts=("ABDOMEN", "ABDOMEN"),
    series=("series-1", "series-2"),
    series_text=("Abdomen arterial phase", "Abdomen portal venous phase"),
    priors=_PRIORS,
    classifier=True,
    history=True,
)
SITUATIONS = {
    "ct": _CT,
    "ct_done": replace(
        _CT,
        found=("liver", "spleen", "left kidney", "right kidney"),
        answered=True,
        earlier=(
            ("Segment the liver, the spleen and both kidneys", "I outlined the liver, the spleen and both kidneys."),
        ),
    ),
    "cxr": Situation(
        ("CR",), ("CHEST",), ("series-1",), ("Chest PA",), chest_report=True, classifier=True, history=True
    ),
    "mr": Situation(
        ("MR",) * 3, ("BRAIN",) * 3, ("series-1", "series-2", "series-3"), ("T1 axial", "T2 FLAIR", "DWI b1000")
    ),
    "lung": Situation(
        ("CT",),
        ("CHEST",),
        ("series-1",),
        ("Thorax lung",),
        priors=(PriorFacts("prior-1", "2023-05-01", "CT", "CHEST"),),
    ),
    "alone": Situation(("CT",), ("ABDOMEN",), ("series-1",), ("Abdomen",)),
}
LISTS = frozenset({"targets", "series", "labels", "kinds"})


@dataclass(frozen=True)
class Case:
    """A message and what it is to be routed to: (intent, slots that are judged) in order."""

    text: str
    situation: str
    wanted: tuple[tuple[str, dict[str, str]], ...]

    @property
    def held_out(self) -> bool:
        """Half of the cases by a hash of the text: they are not looked at while the router is tuned."""
        return hashlib.sha256(self.text.encode()).digest()[0] % 2 == 1


@dataclass(frozen=True)
class Judged:
    """How one case came out: all intents right, and slots right of those that are judged."""

    case: Case
    routed: Routed
    intents: bool
    slots: tuple[bool, ...]


def cases(part: str = "split") -> list[Case]:
    """The cases of a part of the file: "split" or "tuned"."""
    raw = yaml.safe_load(CASES.read_text(encoding="utf-8"))[part]
    return [Case(text, where, tuple(_wanted(w) for w in wanted)) for text, where, wanted in raw]


def judge(router: Router, chosen: Sequence[Case]) -> list[Judged]:
    """Every case routed and judged."""
    return [_judged(case, router.route(case.text, SITUATIONS[case.situation])) for case in chosen]


def rates(judged: Sequence[Judged]) -> tuple[float, float]:
    """(share of cases whose intents are all right, share of the judged slots that are right)."""
    slots = [s for j in judged for s in j.slots]
    return sum(j.intents for j in judged) / len(judged), sum(slots) / len(slots)


def _wanted(text: str) -> tuple[str, dict[str, str]]:
    intent, *slots = (part.strip() for part in text.split(";"))
    return intent, dict(s.split("=", 1) for s in slots)


def _judged(case: Case, routed: Routed) -> Judged:
    intents = Counter(i for i, _ in case.wanted) == Counter(r.intent.value for r in routed.requests)
    left = list(routed.requests)
    slots: list[bool] = []
    for intent, wanted in case.wanted:
        same = [r for r in left if r.intent.value == intent]
        best = max(same, key=lambda r: sum(_right(r, *slot) for slot in wanted.items()), default=None)
        slots += [best is not None and _right(best, *slot) for slot in wanted.items()]
        if best is not None:
            left.remove(best)
    return Judged(case, routed, intents, tuple(slots))


def _right(request: Request, name: str, value: str) -> bool:
    got = getattr(request, name)
    if name not in LISTS:
        return bool(got == value)
    return {fold(v.strip()) for v in value.split(",") if v.strip()} == {fold(v) for v in got}
