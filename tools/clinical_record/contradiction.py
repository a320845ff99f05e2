"""A contradiction: statements of the record that cannot all be true, or that changed, or that differ by rounding."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import combinations
from typing import NamedTuple

from tools.clinical_record.fact import Certainty, ClinicalFact


class ContradictionKind(StrEnum):
    """Why statements differ."""

    CONFLICT = "conflict"
    CHANGE = "changed over time"
    ROUNDING = "unit or rounding"


class Severity(StrEnum):
    """What it may cost to overlook it."""

    HIGH = "high"
    MODERATE = "moderate"
    LOW = "low"


class Claim(NamedTuple):
    """One side of a contradiction."""

    value: str
    document_id: str
    dated: date | None
    sentence: str


@dataclass(frozen=True)
class Contradiction:
    """Statements that differ about one attribute, oldest first.

    Attributes:
        attribute: what they are about, e.g. "stage group", "size of lingula lesion (PET)".
        explanation: one sentence for the reader.
    """

    attribute: str
    statements: tuple[Claim, ...]
    kind: ContradictionKind
    severity: Severity
    explanation: str


Rule = Callable[[Sequence[ClinicalFact]], Iterator[Contradiction]]


def said(facts: Iterable[ClinicalFact], *attributes: str) -> list[ClinicalFact]:
    """Facts of the given attributes that are stated as true of the patient, now or in the past."""
    return [
        f
        for f in facts
        if f.attribute in attributes and not f.negated and f.certainty in {Certainty.STATED, Certainty.HISTORICAL}
    ]


def contradiction(
    attribute: str,
    facts: Iterable[ClinicalFact],
    kind: ContradictionKind,
    severity: Severity,
    explanation: str,
    shown: Callable[[ClinicalFact], str] = lambda fact: fact.value,
) -> Contradiction:
    """A contradiction with each statement once, oldest first; copies of a sentence in one document are one."""
    claims: dict[tuple[str, str, date | None, str], Claim] = {}
    for fact in facts:
        sentence = plain(fact.sentence)
        claim = Claim(shown(fact), fact.document_id, fact.dated, fact.sentence)
        claims.setdefault((claim.value, claim.document_id, claim.dated, sentence), claim)
    ordered = sorted(claims.values(), key=lambda c: (c.dated or date.min, c.document_id, c.value, c.sentence))
    return Contradiction(attribute, tuple(ordered), kind, severity, explanation)


def plain(sentence: str) -> str:
    """A sentence without its bullet or number, case and spacing: copies look the same."""
    return re.sub(r"^\W*(?:\d{1,2}[.)]\s|[a-z][.)]\s)?\W*", "", " ".join(sentence.lower().split()))


def differing(
    facts: Sequence[ClinicalFact], differ: Callable[[ClinicalFact, ClinicalFact], bool]
) -> list[ClinicalFact]:
    """The facts that differ from at least one other."""
    found: dict[int, ClinicalFact] = {}
    for (i, one), (j, other) in combinations(enumerate(facts), 2):
        if differ(one, other):
            found[i], found[j] = one, other
    return [found[i] for i in sorted(found)]


def grouped(facts: Iterable[ClinicalFact], key: Callable[[ClinicalFact], str]) -> dict[str, list[ClinicalFact]]:
    """Facts by key, in order."""
    groups: dict[str, list[ClinicalFact]] = {}
    for fact in facts:
        groups.setdefault(key(fact), []).append(fact)
    return groups


def same_day(one: ClinicalFact, other: ClinicalFact, days: int = 0) -> bool:
    """Whether two facts may be about one day; `days` more are allowed between an examination and its report."""
    if not (one.dated and one.until and other.dated and other.until):
        return False
    return (other.dated - one.until).days <= days and (one.dated - other.until).days <= days


def words_of(facts: Iterable[ClinicalFact]) -> str:
    """Their different values in words, for an explanation."""
    return " and ".join(dict.fromkeys(f.value for f in facts))
