"""Contradictions about the person and the treatment: age, sex, smoking, allergies, laboratory grades, cycles, doses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from tools.clinical_record.contradiction import (
    Contradiction,
    ContradictionKind,
    Severity,
    contradiction,
    differing,
    grouped,
    said,
    same_day,
    words_of,
)
from tools.clinical_record.fact import Certainty, ClinicalFact, FactKind

_CONFLICT, _CHANGE = ContradictionKind.CONFLICT, ContradictionKind.CHANGE
_GRADE = " against its reference range"
_SMOKED = frozenset({"former", "current"})
_PACK_YEARS_APART = 0.15
"""Smoking histories are estimates: pack-years that differ by less are one estimate."""


def age(facts: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    """Ages that no single day of birth fits; a birth date is one day of birth."""
    ages = [f for f in said(facts, "age", "birth") if f.dated]
    different = differing(ages, lambda a, b: not _overlap(_born(a), _born(b)))
    if different:
        text = f"No day of birth fits {words_of(different)} at the dates of their documents."
        yield contradiction("age", different, _CONFLICT, Severity.MODERATE, text)


def _born(fact: ClinicalFact) -> tuple[date, date]:
    """First and last possible day of birth."""
    day = fact.dated or date.min
    if fact.attribute == "birth":
        return day, day
    years = int(fact.numbers[0])
    return _years_before(day, years + 1) + timedelta(days=1), _years_before(day, years)


def _years_before(day: date, years: int) -> date:
    year = max(day.year - years, 1)
    # A birthday on 29 February is kept on 1 March in other years.
    return date(year, 3, 1) if (day.month, day.day) == (2, 29) and year % 4 else day.replace(year=year)


def _overlap(one: tuple[date, date], other: tuple[date, date]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def sex(facts: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    """Female in one document and male in another."""
    found = said(facts, "sex")
    if len({f.value for f in found}) > 1:
        yield contradiction(
            "sex", found, _CONFLICT, Severity.HIGH, "The documents give two sexes: two patients may be mixed."
        )


def smoking(facts: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    """Never smoked against smoked; dates of stopping; pack-years."""
    status = said(facts, "smoking")
    values = {f.value for f in status}
    if "never" in values and values & _SMOKED:
        yield contradiction("smoking", status, _CONFLICT, Severity.MODERATE, f"Smoking is given as {words_of(status)}.")
    elif values == _SMOKED:
        yield contradiction("smoking", status, _CHANGE, Severity.LOW, f"Smoking is given as {words_of(status)}.")
    stopped = differing(said(facts, "smoking stopped"), lambda a, b: not same_day(a, b))
    if stopped:
        text = f"Smoking is said to have stopped on {words_of(stopped)}."
        yield contradiction("smoking stopped", stopped, _CONFLICT, Severity.LOW, text)
    amount = differing(said(facts, "pack-years"), _other_amount)
    if amount:
        text = f"Pack-years are given as {words_of(amount)}."
        yield contradiction("pack-years", amount, _CONFLICT, Severity.LOW, text)


def _other_amount(one: ClinicalFact, other: ClinicalFact) -> bool:
    a, b = one.numbers[0], other.numbers[0]
    return abs(a - b) > _PACK_YEARS_APART * max(a, b)


def allergies(facts: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    """ "No known allergies" where an allergy is or was known; a new allergy is a change."""
    found = said(facts, "allergy")
    none = [f for f in found if f.value == "none"]
    known = [f for f in found if f.value != "none"]
    if not none or not known:
        return
    denied = any(n.dated is None or k.dated is None or n.dated >= k.dated for n in none for k in known)
    kind = _CONFLICT if denied else _CHANGE
    text = f"An allergy ({words_of(known)}) is recorded, and no known allergies."
    yield contradiction("allergy", found, kind, Severity.HIGH if denied else Severity.MODERATE, text)


def performance_status(facts: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    """Two grades on one day; different grades on different days are its course."""
    found = [f for f in said(facts, "ECOG performance status") if f.dated]
    clash = differing(found, lambda a, b: a.value != b.value and a.dated == b.dated)
    if clash:
        text = f"ECOG {words_of(clash)} on one day."
        yield contradiction("ECOG performance status", clash, _CONFLICT, Severity.MODERATE, text)
    elif len({f.value for f in found}) > 1:
        text = f"ECOG went through {words_of(sorted(found, key=lambda f: f.dated or date.min))}."
        yield contradiction("ECOG performance status", found, _CHANGE, Severity.MODERATE, text)


def laboratory_grades(facts: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    """One value of one day, called normal in one document and abnormal in another."""
    graded = [f for f in facts if f.kind is FactKind.LABORATORY and f.attribute.endswith(_GRADE) and f.dated]
    for attribute, group in grouped(graded, lambda f: f.attribute).items():
        clash = differing(group, _other_grade)
        if clash:
            text = f"{attribute.removesuffix(_GRADE)} of one day is called {words_of(clash)}."
            yield contradiction(attribute, clash, _CONFLICT, Severity.MODERATE, text)


def _other_grade(one: ClinicalFact, other: ClinicalFact) -> bool:
    apart = one.document_id != other.document_id and (one.own_date or other.own_date)
    return apart and one.value != other.value and one.dated == other.dated


def laboratory_values(facts: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    """One value of one named day that two documents copy differently."""
    values = [f for f in facts if f.kind is FactKind.LABORATORY and f.numbers and f.own_date and f.dated]
    for name, group in grouped(values, lambda f: f.attribute).items():
        clash = differing(
            group, lambda a, b: a.dated == b.dated and a.document_id != b.document_id and _other_number(a, b)
        )
        if not clash:
            continue
        numbers = sorted(f.numbers[0] for f in clash)
        scale = numbers[-1] / numbers[0] if numbers[0] else 0.0
        kind = ContradictionKind.ROUNDING if any(abs(scale / s - 1) < 0.02 for s in (10, 100, 1000)) else _CONFLICT
        text = f"{name} of one day is given as {words_of(clash)}."
        yield contradiction(name, clash, kind, Severity.LOW, text)


def _other_number(one: ClinicalFact, other: ClinicalFact) -> bool:
    a, b = one.numbers[0], other.numbers[0]
    return abs(a - b) > 0.02 * max(abs(a), abs(b))


def recommendations(facts: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    """A treatment that one document advises against and plans on the same day."""
    treatments = [f for f in facts if f.kind is FactKind.TREATMENT and f.method == "antineoplastic" and f.dated]
    for name, group in grouped(treatments, lambda f: f"{f.attribute}|{f.document_id}|{f.dated}").items():
        against = [f for f in group if f.value == "advised against"]
        planned = [
            f
            for f in group
            if f.value in {"started", "recommended", "given"}
            and not f.negated
            and f.certainty in {Certainty.PLANNED, Certainty.STATED}
        ]
        if against and planned:
            treatment = name.split("|")[0]
            text = f"{treatment.capitalize()} is called not indicated and planned in one document."
            yield contradiction(treatment, [*against, *planned], _CONFLICT, Severity.MODERATE, text)


def cycles(facts: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    """Completed cycles of one regimen: two counts on one day, or fewer than before."""
    done = [f for f in said(facts, "cycles completed") if f.dated]
    numbered = [f for f in said(facts, "cycle number") if f.dated]
    clash = differing(done, _other_count) or differing([*done, *numbered], _other_number_on_the_day)
    if clash:
        text = f"Cycles of {clash[0].qualifier or 'one treatment'} are given as {words_of(clash)}."
        yield contradiction("cycles completed", clash, _CONFLICT, Severity.MODERATE, text)


def _other_count(one: ClinicalFact, other: ClinicalFact) -> bool:
    if one.value == other.value or one.sentence == other.sentence:
        return False
    if one.own_date and other.own_date and one.dated == other.dated:
        return not (one.qualifier and other.qualifier) or one.qualifier == other.qualifier
    earlier, later = sorted((one, other), key=lambda f: f.dated or date.min)
    return bool(one.qualifier) and one.qualifier == other.qualifier and later.numbers < earlier.numbers


def _other_number_on_the_day(one: ClinicalFact, other: ClinicalFact) -> bool:
    kinds = {one.attribute, other.attribute}
    apart = one.sentence != other.sentence and (
        not (one.qualifier and other.qualifier) or one.qualifier == other.qualifier
    )
    return len(kinds) == 2 and apart and one.dated == other.dated and one.value != other.value


def doses(facts: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    """The dose of a regular medicine: two on one day a conflict, on different days a change."""
    dosed = [
        f
        for f in facts
        if f.kind is FactKind.TREATMENT and f.method == "medicine" and f.qualifier and f.dated and not f.negated
        and f.certainty is not Certainty.POSSIBLE
    ]  # fmt: skip
    for name, group in grouped(dosed, lambda f: f.attribute).items():
        clash = differing(
            group, lambda a, b: a.qualifier != b.qualifier and a.dated == b.dated and a.document_id != b.document_id
        )
        doses_given = " and ".join(dict.fromkeys(f.qualifier for f in clash or group))
        if clash:
            text = f"{name.capitalize()} is given as {doses_given} on one day."
            yield contradiction(f"dose of {name}", clash, _CONFLICT, Severity.MODERATE, text, lambda f: f.qualifier)
        elif len({f.qualifier for f in group}) > 1:
            text = f"The dose of {name} went through {doses_given}."
            yield contradiction(f"dose of {name}", group, _CHANGE, Severity.LOW, text, lambda f: f.qualifier)
