"""The table of critical findings (critical_findings.yaml) with its sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from prompts.data import read_yaml, strings
from prompts.lexicon import ANYWHERE, lexicon
from prompts.terms import Terms


class Urgency(StrEnum):
    """The three categories of the ACR's Actionable Reporting Work Group."""

    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"


@dataclass(frozen=True)
class CriticalRule:
    """A finding that must be told of.

    Attributes:
        minutes: by when a person must know, from the finding on.
        targets: canonical texts that are it; targets_in: further ones by body region.
        companions: one of these must stand in the sentence with a target; empty when none needs to.
        companions_of_words: the rule's own phrases need one, too.
        modalities, regions: where it can be seen; empty for anywhere.
        at_least_mm: the size that it takes, None when any is critical. measures: of a measurement that gives it.
        unmeasured: critical where no size is known.
        note: what a reader must know of this match: "possible", "size not known".
    """

    rule_id: str
    name: str
    urgency: Urgency
    minutes: int
    source: str
    targets: frozenset[str] = frozenset()
    targets_in: tuple[tuple[str, frozenset[str]], ...] = ()
    companions: tuple[str, ...] = ()
    companions_of_words: bool = True
    modalities: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    at_least_mm: float | None = None
    measures: tuple[str, ...] = ("long_axis",)
    unmeasured: bool = True
    note: str = ""

    def means(self, target: str, region: str) -> bool:
        """Whether a target is it, in that body region."""
        return target in self.targets or any(place == region and target in more for place, more in self.targets_in)

    def shown(self, modality: str, region: str) -> bool:
        """Whether an examination can show it; one that is not known can."""
        family = lexicon().family(modality)
        seen = not family or not self.modalities or family in self.modalities
        return seen and (not region or region == ANYWHERE or not self.regions or region in self.regions)


@dataclass(frozen=True)
class CriticalRules:
    """All rules, by id, and the phrases that name them."""

    rules: Mapping[str, CriticalRule]
    words: Terms[CriticalRule]
    companions: Mapping[str, Terms[str]]


@cache
def critical_rules() -> CriticalRules:
    """The table, read once."""
    raw = read_yaml("critical_findings.yaml")
    rules: dict[str, CriticalRule] = {}
    words: Terms[CriticalRule] = Terms()
    companions: dict[str, Terms[str]] = {}
    for rule_id, entry in raw["findings"].items():
        rule = _rule(rule_id, entry, raw)
        rules[rule_id] = rule
        words.add(strings(entry.get("words", [])), rule)
        companions[rule_id] = Terms()
        companions[rule_id].add(rule.companions, rule_id)
    return CriticalRules(rules, words, companions)


def _rule(rule_id: str, entry: Mapping[str, Any], raw: Mapping[str, Any]) -> CriticalRule:
    urgency = Urgency(entry["urgency"])
    unknown = {*strings(entry.get("targets", [])), *_flat(entry.get("targets_in", {}))} - lexicon().concepts.keys()
    if unknown:
        raise ValueError(
            f"critical_findings.yaml: {rule_id} names {', '.join(sorted(unknown))}, no concept of the lexicon"
        )
    level = raw["urgencies"][urgency.value]
    keys = (*strings(entry["sources"]), *strings(level["sources"]))
    return CriticalRule(
        rule_id=rule_id,
        name=entry["name"],
        urgency=urgency,
        minutes=int(entry.get("minutes", level["minutes"])),
        source="; ".join(raw["sources"][key] for key in dict.fromkeys(keys) if key in strings(entry["sources"])),
        targets=frozenset(strings(entry.get("targets", []))),
        targets_in=tuple((region, frozenset(strings(more))) for region, more in entry.get("targets_in", {}).items()),
        companions=strings(entry.get("with", [])),
        companions_of_words=entry.get("own_words") != "alone",
        modalities=frozenset(strings(entry.get("modalities", []))),
        regions=frozenset(strings(entry.get("regions", []))),
        at_least_mm=float(entry["at_least"]) if "at_least" in entry else None,
        measures=strings(entry.get("measures", ["long_axis"])),
        unmeasured=entry.get("unmeasured", "critical") == "critical",
    )


def _flat(groups: Mapping[str, object]) -> Iterable[str]:
    return (text for values in groups.values() for text in strings(values))
