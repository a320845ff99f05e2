"""What should come of a case, and whether the targets that were asked for are those that were expected."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields

from domain.history import DocumentKind
from evals.agents.names import canonical
from evals.agents.reading import CaseInvalid, one_of, only_keys, words
from evals.agents.world import TOOLS, World

OUTCOMES = ("answer", "ask", "refuse")
MISSING = ("target", "side", "series", "prior", "analysis", "question")
REASONS = ("not_imaging", "other_patient", "out_of_scope", "treatment", "identity", "unsafe")
TOPICS = ("findings", "measurements", "quality", "models", "prompts", "changes", "report")
ACTIONS = ("sign", "deliver")
FIND = ("prompts-craft", "segmentation-segment", "quality-assess", "measurement-measure", "report-compose")
"""What "find" in a list of tools stands for."""
CHAIN = (
    "prompts-craft",
    "segmentation-segment",
    "segmentation-refine",
    "quality-assess",
    "measurement-measure",
    "comparison-compare",
    "report-compose",
    "delivery-request",
)
"""Tools that need what the one before made; the order of all others is free."""
_NEEDS = {
    "labels": "features-classify",
    "action": "delivery-request",
    "topic": "results-recall",
    "prior": "comparison-compare",
    "kinds": "history-search",
    "targets": "prompts-craft",
    "targets_any": "prompts-craft",
}


@dataclass(frozen=True)
class Expectation:
    """What should come of a case.

    Attributes:
        outcome: "answer", "ask" (dialogue-ask) or "refuse" (dialogue-refuse); the latter two call no other tool.
        about: what is missing or why it is refused; any of these words is right.
        tools: that must be called, "find" expanded, those of CHAIN in its order. study-describe is among them only
            where the study itself is asked about.
        optional: that may be called besides; study-describe and, where something is segmented, one refinement
            always may. Any other tool is one too many.
        targets: each a text, or several that are equally right between "|". () where they are not scored.
        targets_any: whole lists that are right instead of `targets`.
        series, labels, action, kinds: that the calls must name; kinds are any of these, or none given.
        prior: the prior that is compared with; "" where it is not scored.
        topic: of results-recall; any of these.
        mentions, never: regular expressions, without case, that the final text must or must not contain.
    """

    outcome: str = "answer"
    about: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    optional: tuple[str, ...] = ("study-describe",)
    targets: tuple[str, ...] = ()
    targets_any: tuple[tuple[str, ...], ...] = ()
    series: tuple[str, ...] = ()
    prior: str = ""
    action: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    topic: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    never: tuple[str, ...] = ()

    @property
    def target_lists(self) -> tuple[tuple[str, ...], ...]:
        """Every list of targets that is right; () where targets are not scored."""
        return tuple(each for each in (self.targets, *self.targets_any) if each)

    def targets_amiss(self, asked: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
        """Expected targets that were not asked for, and asked ones that were not expected; both empty when right.

        Measured against the list that fits best.
        """
        lists = list(self.target_lists)
        if not lists:
            return frozenset(), frozenset()
        asked = tuple(asked)
        return min((_amiss(each, asked) for each in lists), key=lambda amiss: len(amiss[0]) + len(amiss[1]))

    def labels_amiss(self, asked: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
        """The same for labels of a classification."""
        return _amiss(self.labels, tuple(asked)) if self.labels else (frozenset(), frozenset())


def expected(raw: object, world: World, where: str) -> Expectation:
    given = only_keys(raw, (each.name for each in fields(Expectation)), where)
    any_of = tuple(words(each, where) for each in given.pop("targets_any", ()))
    outcome, prior = given.pop("outcome", "answer"), given.pop("prior", "")
    lists = {key: words(value, where) for key, value in given.items()}
    lists["tools"] = _in_order(lists.get("tools", ()))
    lists["optional"] = _allowed(lists["tools"], lists.get("optional", ()))
    expect = Expectation(outcome=outcome, prior=prior, targets_any=any_of, **lists)
    _check(expect, world, where)
    return expect


def _expanded(tools: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(each for tool in tools for each in (FIND if tool == "find" else (tool,))))


def _in_order(tools: Iterable[str]) -> tuple[str, ...]:
    every = _expanded(tools)
    chained = sorted((each for each in every if each in CHAIN), key=CHAIN.index)
    return (*(each for each in every if each not in CHAIN), *chained)


def _allowed(tools: tuple[str, ...], optional: Iterable[str]) -> tuple[str, ...]:
    more = ["study-describe", *_expanded(optional)]
    if "segmentation-segment" in (*tools, *more):
        more.append("segmentation-refine")
    return tuple(each for each in dict.fromkeys(more) if each not in tools)


def _check(expect: Expectation, world: World, where: str) -> None:
    one_of(expect.outcome, OUTCOMES, "outcome", where)
    allowed = {
        "about": {"ask": MISSING, "refuse": REASONS}.get(expect.outcome, ()),
        "tools": TOOLS,
        "optional": TOOLS,
        "series": world.series_names,
        "action": ACTIONS,
        "topic": TOPICS,
        "kinds": tuple(kind.value for kind in DocumentKind),
    }
    for key, known in allowed.items():
        for value in getattr(expect, key):
            one_of(value, known, key, where)
    if expect.prior:
        one_of(expect.prior, world.prior_names, "prior", where)
    for key, tool in _NEEDS.items():
        if getattr(expect, key) and tool not in (*expect.tools, *expect.optional):
            raise CaseInvalid(f"{key} without {tool}.", where=where)
    if (expect.outcome == "answer") == bool(expect.about):
        raise CaseInvalid("A question back or refusal says what about; an answer does not.", where=where)
    if expect.outcome == "answer" and not expect.tools and not expect.mentions:
        raise CaseInvalid("Nothing is expected.", where=where)
    if expect.outcome != "answer" and expect.tools:
        raise CaseInvalid("A question back or refusal calls no other tool.", where=where)
    for text in (*expect.labels, *(target for each in expect.target_lists for target in each)):
        if text != text.lower():
            raise CaseInvalid(f"{text!r} is not lower case.", where=where)
    for pattern in (*expect.mentions, *expect.never):
        try:
            re.compile(pattern)
        except re.error as error:
            raise CaseInvalid(f"{pattern!r} is not a regular expression: {error}.", where=where) from error


def _amiss(expected: tuple[str, ...], asked: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    slots = {each: {canonical(text) for text in each.split("|")} for each in expected}
    missing = {each for each, texts in slots.items() if not any(canonical(text) in texts for text in asked)}
    extra = {text for text in asked if not any(canonical(text) in texts for texts in slots.values())}
    return frozenset(missing), frozenset(extra)
