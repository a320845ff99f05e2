"""Contradictions between measurements: one examination quoted with two numbers, and growth over time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import combinations

from tools.clinical_record.contradiction import (
    Contradiction,
    ContradictionKind,
    Severity,
    contradiction,
    differing,
    grouped,
    plain,
    same_day,
    words_of,
)
from tools.clinical_record.fact import ClinicalFact

_REPORT_DELAY_DAYS = 1
_ROUNDING = {"size": 1.0, "SUV max": 0.1}
"""Smallest difference that is more than rounding: mm, and units of uptake."""
_ROUNDING_SHARE = 0.03
_LARGE_SHARE = 0.2
"""RECIST 1.1 calls growth by a fifth and 5 mm progress (Eisenhauer et al., Eur J Cancer 2009;45:228-247)."""
_PROGRESS_MM = 5.0
_UNIT_CONFUSED = (9.0, 11.0)


def one_examination(facts: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    """One lesion of one examination with two sizes or uptakes, in two documents or quoted later."""
    for group in _by_lesion(facts).values():
        dated = [f for f in group if f.dated and not _ambiguous(f, group)]
        different = differing(dated, lambda a, b: _differ(a, b) and same_day(a, b, _REPORT_DELAY_DAYS))
        if different:
            yield _difference(different, "One examination is given")
        quoted = [pair for f in group if f.previous and f.dated is None for pair in _misquoted(f, group)]
        if quoted:
            yield _difference(quoted, "An earlier examination is quoted")


def growth(facts: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    """A lesion that grew or shrank by a fifth and 5 mm between two dates: the course of the disease."""
    sizes = [f for f in facts if f.attribute == "size" and f.dated and not f.previous]
    for lesion, group in grouped(sizes, lambda f: f.qualifier).items():
        clear = sorted((f for f in group if not _ambiguous(f, group)), key=lambda f: f.dated or date.min)
        if len({f.dated for f in clear}) < 2:
            continue
        longest = [max(*f.numbers, 0.1) for f in clear]
        change = max(longest) - min(longest)
        if change >= _PROGRESS_MM and change / min(longest) >= _LARGE_SHARE:
            text = (
                f"The {lesion} went from {longest[0]:g} to {longest[-1]:g} mm between the first and last examination."
            )
            yield contradiction(f"size of {lesion}", clear, ContradictionKind.CHANGE, Severity.MODERATE, text)


def _by_lesion(facts: Sequence[ClinicalFact]) -> dict[str, list[ClinicalFact]]:
    measured = [f for f in facts if f.attribute in _ROUNDING and f.numbers and f.method]
    return grouped(measured, lambda f: f"{f.attribute} of {f.qualifier} ({f.method})")


def _ambiguous(fact: ClinicalFact, group: Sequence[ClinicalFact]) -> bool:
    """Whether its document gives several sizes for that site on that day: several lesions that nothing tells apart."""
    same = [f for f in group if f.document_id == fact.document_id and f.dated == fact.dated and f.block == fact.block]
    return len({f.numbers for f in same if f.previous == fact.previous}) > 1


def _misquoted(quote: ClinicalFact, group: Sequence[ClinicalFact]) -> tuple[ClinicalFact, ...]:
    """The quotation and the latest earlier examination by the same method, where they differ."""
    today = [
        f.dated for f in group if f.sentence == quote.sentence and f.document_id == quote.document_id and not f.previous
    ]
    before = next((d for d in today if d), None)
    if before is None:
        return ()
    earlier = [f for f in group if not f.previous and f.dated and (before - f.dated).days > _REPORT_DELAY_DAYS]
    if not earlier:
        return ()
    latest = max(f.dated for f in earlier if f.dated)
    reported = [f for f in earlier if f.dated == latest and plain(f.sentence) != plain(quote.sentence)]
    if len({f.numbers for f in reported}) != 1 or not _differ(quote, reported[0]):
        return ()
    return reported[0], replace(quote, dated=latest, until=latest)


def _difference(facts: Sequence[ClinicalFact], told: str) -> Contradiction:
    pairs = [(a, b) for a, b in combinations(facts, 2) if _differ(a, b)]
    share = max(_apart(a, b) / min(_longest(a, b)) for a, b in pairs)
    largest = max(max(_longest(a, b)) / min(_longest(a, b)) for a, b in pairs)
    kind, severity, why = ContradictionKind.CONFLICT, Severity.LOW, f"{share:.0%} apart"
    if _UNIT_CONFUSED[0] <= largest <= _UNIT_CONFUSED[1]:
        kind, severity, why = (
            ContradictionKind.ROUNDING,
            Severity.MODERATE,
            "a factor of ten: mm and cm may be confused",
        )
    elif all(_rounded(a, b) for a, b in pairs):
        kind, why = ContradictionKind.ROUNDING, "no more than rounding"
    elif share >= _LARGE_SHARE:
        severity = Severity.MODERATE
    first = facts[0]
    attribute = f"{first.attribute} of {first.qualifier} ({first.method})"
    return contradiction(attribute, facts, kind, severity, f"{told} with {words_of(facts)} ({why}).")


def _differ(one: ClinicalFact, other: ClinicalFact) -> bool:
    return _apart(one, other) > 0.05


def _apart(one: ClinicalFact, other: ClinicalFact) -> float:
    """Largest difference of the diameters, longest with longest; a single diameter is the longest."""
    pairs = zip(sorted(one.numbers, reverse=True), sorted(other.numbers, reverse=True), strict=False)
    return max(abs(a - b) for a, b in pairs)


def _rounded(one: ClinicalFact, other: ClinicalFact) -> bool:
    apart = _apart(one, other)
    return apart <= _ROUNDING[one.attribute] + 0.001 or apart / min(_longest(one, other)) <= _ROUNDING_SHARE


def _longest(one: ClinicalFact, other: ClinicalFact) -> tuple[float, float]:
    # A size of nothing is no size; the floor keeps a slip of the pen from dividing by zero.
    return max(*one.numbers, 0.1), max(*other.numbers, 0.1)
