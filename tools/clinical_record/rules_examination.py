"""Contradictions about what was done and when: dates of scans and operations, specimens, organs that were removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    said,
    same_day,
    words_of,
)
from tools.clinical_record.fact import ClinicalFact, FactKind
from tools.clinical_record.place import same_place
from tools.clinical_record.vocabulary import detail, words

_CONFLICT = ContradictionKind.CONFLICT
_REPORT_DELAY_DAYS = 1
_RARELY_REPEATED_WITHIN_DAYS = 14
_RARELY_REPEATED = ("PET", "bone scan")


def copied_report(facts: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    """One comparison ("now 36 x 25 mm, previously 27 x 24 mm") under two dates: one of the dates is wrong."""
    compared = {plain(f.sentence) for f in facts if f.kind is FactKind.MEASUREMENT and f.previous}
    current = [
        f
        for f in facts
        if f.kind is FactKind.MEASUREMENT
        and f.dated
        and f.own_date
        and not f.previous
        and plain(f.sentence) in compared
    ]
    clashes: dict[str, list[ClinicalFact]] = {}
    for group in grouped(current, lambda f: f"{f.method}|{plain(f.sentence)}").values():
        for fact in differing(group, lambda a, b: not same_day(a, b, _REPORT_DELAY_DAYS)):
            clashes.setdefault(fact.method, []).append(fact)
    for method, group in clashes.items():
        days = " and ".join(sorted({_day(f) for f in group}))
        text = f"The same {method} findings are reported under {days}."
        yield contradiction(f"date of {method}", group, _CONFLICT, Severity.MODERATE, text, _day)


def _day(fact: ClinicalFact) -> str:
    return fact.dated.isoformat() if fact.dated else "undated"


def examination_dates(facts: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    """A scan that is rarely repeated, dated twice within two weeks; a "last" scan that was not the last."""
    for modality in words()["modalities"]:
        done = [f for f in said(facts, f"{modality} examination") if f.dated and f.dated == f.until]
        if modality in _RARELY_REPEATED:
            near = differing(done, _near)
            if near:
                days = " and ".join(sorted({_day(f) for f in near}))
                text = (
                    f"A {modality} is dated {days}; it is rarely repeated so soon, so this is likely one examination."
                )
                yield contradiction(f"date of {modality}", near, _CONFLICT, Severity.LOW, text, _day)
        yield from _not_the_last(modality, done)


def _near(one: ClinicalFact, other: ClinicalFact) -> bool:
    return not same_day(one, other, _REPORT_DELAY_DAYS) and same_day(one, other, _RARELY_REPEATED_WITHIN_DAYS)


def _not_the_last(modality: str, done: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    for last in (f for f in done if f.value == "last"):
        written = _written(last, done)
        later = [
            f
            for f in done
            if f.value != "last" and _after(f, last) and (f.document_id == last.document_id or written > _first(f))
        ]
        if later:
            newest = max(later, key=_first)
            text = f"The last {modality} is said to be of {_day(last)}, but one of {_day(newest)} is described."
            yield contradiction(
                f"date of the last {modality}", [last, *later], _CONFLICT, Severity.MODERATE, text, _day
            )


def _written(fact: ClinicalFact, done: Sequence[ClinicalFact]) -> date:
    """A document is written no earlier than the newest examination that it describes as done."""
    return max(_first(f) for f in done if f.document_id == fact.document_id)


def _first(fact: ClinicalFact) -> date:
    return fact.dated or date.min


def _after(one: ClinicalFact, other: ClinicalFact) -> bool:
    return (_first(one) - _first(other)).days > _REPORT_DELAY_DAYS


def specimens(facts: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    """Tissue of one procedure, taken from one site in one list of specimens and from another in the next."""
    tissue = [f for f in said(facts, "specimen") if f.method == "tissue" and f.dated and f.own_date]
    by_list = grouped(tissue, lambda f: f"{f.document_id}|{f.block}|{f.qualifier}|{f.dated}")
    clash: dict[int, ClinicalFact] = {}
    for one, other in combinations(by_list.values(), 2):
        same = one[0].qualifier == other[0].qualifier and one[0].dated == other[0].dated
        if same and not any(same_place(a.value, b.value) for a in one for b in other):
            clash.update({id(f): f for f in (*one, *other)})
    if clash:
        group = list(clash.values())
        text = f"Tissue of one procedure is said to come from the {words_of(group)}."
        yield contradiction("site of the biopsy", group, _CONFLICT, Severity.MODERATE, text)


def removed_organs(facts: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    """A procedure on an organ, or an organ described, after its removal; a removal with two dates."""
    names = words()["procedures"]
    done = said(facts, *names)
    for removal in (f for f in done if detail("procedures", f.attribute, "removes")):
        organs = set(detail("procedures", removal.attribute, "removes"))
        later = [
            f
            for f in (*done, *said(facts, *(f"{organ} described" for organ in organs)))
            if (
                f.attribute.removesuffix(" described") in organs
                or set(detail("procedures", f.attribute, "done_on") or ()) & organs
            )
            and (not removal.qualifier or removal.qualifier == f.qualifier)
            and _surely_after(f, removal)
        ]
        if later:
            text = f"{later[0].attribute.capitalize()} after {removal.attribute} ({_day(removal)}): the organ was gone."
            yield contradiction(
                f"{later[0].attribute} after {removal.attribute}", [removal, *later], _CONFLICT, Severity.LOW, text,
                lambda f: f"{f.attribute} {_day(f)}",
            )  # fmt: skip
    for name in words()["once_only"]:
        twice = differing(
            [f for f in done if f.attribute == name and f.own_date], lambda a, b: not same_day(a, b, _REPORT_DELAY_DAYS)
        )
        if twice:
            text = f"{name.capitalize()} is dated {' and '.join(sorted({_day(f) for f in twice}))}, and is done once."
            yield contradiction(f"date of {name}", twice, _CONFLICT, Severity.MODERATE, text, _day)


def _surely_after(later: ClinicalFact, removal: ClinicalFact) -> bool:
    return bool(later.dated and removal.until and removal.own_date and later.dated > removal.until)
