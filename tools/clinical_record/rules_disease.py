"""Contradictions about the disease: which cancer, which side, which histology, stage and biomarkers; conditions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
from tools.clinical_record.place import same_place
from tools.clinical_record.vocabulary import Lexicon, detail, words

_CONFLICT, _CHANGE = ContradictionKind.CONFLICT, ContradictionKind.CHANGE
_STAGES = ("0", "I", "II", "III", "IV")
_M1_IS_STAGE_IV = frozenset({"lung", "breast", "colon", "rectum", ""})
_FAR_APART = 10.0
"""Percentage points of expression between two readers or assays that need no explanation."""


def primary_cancer(facts: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    """Different organs, unless a document speaks of both, or one is only of the past."""
    found = said(facts, "primary cancer")
    organs = {
        organ: group
        for organ, group in grouped(found, lambda f: f.value).items()
        if any(f.certainty is Certainty.STATED for f in group)
    }
    for document in grouped(found, lambda f: f.document_id).values():
        both = {f.value for f in document}
        if len(both) > 1:
            organs = {organ: group for organ, group in organs.items() if organ not in both}
    if len(organs) > 1:
        group = [f for facts_of in organs.values() for f in facts_of]
        text = f"The record names {words_of(group)} as the primary cancer, and no document says that there are two."
        yield contradiction("primary cancer", group, _CONFLICT, Severity.HIGH, text)


def primary_side(facts: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    """Left against right, and one lobe against another, for one primary."""
    for organ, group in grouped(said(facts, "primary cancer"), lambda f: f.value).items():
        sided = [f for f in group if f.qualifier in {"left", "right"}]
        if len({f.qualifier for f in sided}) > 1 and not any(f.qualifier == "bilateral" for f in group):
            text = f"The {organ} cancer is said to be left and right; the side of a primary does not change."
            yield contradiction(
                f"side of the {organ} cancer", sided, _CONFLICT, Severity.HIGH, text, lambda f: f.qualifier
            )
            return
    sites = differing(
        said(facts, "primary site"), lambda a, b: a.qualifier == b.qualifier and not same_place(a.value, b.value)
    )
    if sites:
        text = f"The primary is placed in {words_of(sites)}."
        yield contradiction("primary site", sites, _CONFLICT, Severity.MODERATE, text)


def histology(facts: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    """Histologies of which neither is a kind of the other."""
    group = differing(said(facts, "histology"), lambda a, b: not _related(a.value, b.value))
    if group:
        text = f"The histology is given as {words_of(group)}, and neither is a kind of the other."
        yield contradiction("histology", group, _CONFLICT, Severity.HIGH, text)


def _related(one: str, other: str) -> bool:
    return one in _lineage(other) or other in _lineage(one)


def _lineage(name: str) -> tuple[str, ...]:
    parent = str(detail("histologies", name, "parent") or "")
    return (name, *_lineage(parent)) if parent else (name,)


def stage(facts: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    """Stage groups that differ: a later higher one is progress of the disease, a later lower one needs a reason."""
    groups = sorted(said(facts, "stage group"), key=lambda f: f.dated.toordinal() if f.dated else 0)
    different = differing(groups, lambda a, b: not (a.value.startswith(b.value) or b.value.startswith(a.value)))
    if different:
        restaged = any(_mentions(f, "restaged") for f in different)
        falls = any(
            _rank(later) < _rank(earlier) or (_rank(later) != _rank(earlier) and same_day(earlier, later))
            for i, earlier in enumerate(different)
            for later in different[i + 1 :]
        )
        kind = _CHANGE if restaged or not falls else _CONFLICT
        reason = (
            "a stage is not lowered later without restaging" if kind is _CONFLICT else "it was raised or restaged later"
        )
        text = f"Stage {words_of(different)} are both given; {reason}."
        yield contradiction(
            "stage group", different, kind, Severity.HIGH if kind is _CONFLICT else Severity.MODERATE, text
        )
    for fact in said(facts, "M category"):
        same = [g for g in groups if g.document_id == fact.document_id and g.sentence == fact.sentence]
        wrong = [
            g for g in same if fact.qualifier in _M1_IS_STAGE_IV and fact.value.startswith("M1") != (_rank(g) == 4)
        ]
        if wrong and not fact.value.lower().startswith("mx"):
            text = f"{fact.value} and stage {wrong[0].value} do not go together (AJCC, 8th edition)."
            yield contradiction("stage group and M category", [fact, *wrong], _CONFLICT, Severity.MODERATE, text)


def _rank(fact: ClinicalFact) -> int:
    roman = fact.value.rstrip("ABCabc123")
    return _STAGES.index(roman) if roman in _STAGES else 0


def _mentions(fact: ClinicalFact, section: str) -> bool:
    return Lexicon({w: (w,) for w in words()[section]}).first(fact.sentence) is not None


def biomarkers(facts: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    """One marker, two results: in one specimen a conflict, in a new specimen a change."""
    markers = [f for f in facts if f.kind is FactKind.BIOMARKER]
    for name, group in grouped(markers, lambda f: f.attribute).items():
        different = differing(group, _other_result)
        if not different:
            continue
        new = any(_mentions(f, "new_specimen") for f in different)
        kind, reason = (
            (_CHANGE, "a new specimen was tested") if new else (_CONFLICT, "a result of one specimen does not change")
        )
        text = f"{name} is given as {' and '.join(dict.fromkeys(_result(f) for f in different))}; {reason}."
        yield contradiction(name, different, kind, Severity.MODERATE if new else Severity.HIGH, text, _result)


def _result(fact: ClinicalFact) -> str:
    percent = f"{fact.numbers[0]:g} %" if fact.numbers else ""
    return " ".join(part for part in (fact.value, fact.qualifier, percent) if part)


def _other_result(one: ClinicalFact, other: ClinicalFact) -> bool:
    if one.value != other.value:
        return True
    if one.qualifier and other.qualifier and one.qualifier != other.qualifier:
        return True
    return bool(one.numbers and other.numbers and abs(one.numbers[0] - other.numbers[0]) > _FAR_APART)


def conditions(facts: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    """What does not go away and is denied later; what one examination both finds and denies."""
    names = set(words()["conditions"])
    found = [
        f
        for f in facts
        if f.attribute in names
        and f.kind is FactKind.DIAGNOSIS
        and f.certainty in {Certainty.STATED, Certainty.HISTORICAL}
    ]
    for name, group in grouped(found, lambda f: f.attribute).items():
        present = [f for f in group if not f.negated]
        absent = [f for f in group if f.negated and not f.qualifier]
        yield from _misplaced(name, present)
        if detail("conditions", name, "persistent"):
            denied = [a for a in absent if any(_not_after(p, a) for p in present)]
            told = "is found and denied, and does not go away by itself"
        else:
            denied = [a for a in absent if any(p.document_id == a.document_id and same_day(p, a) for p in present)]
            present = [p for p in present if any(p.document_id == a.document_id and same_day(p, a) for a in denied)]
            told = "is found and denied in one document"
        if denied and present and not _historical_only(present):
            yield contradiction(
                name, [*present, *denied], _CONFLICT, Severity.LOW, f"{name.capitalize()} {told}.", _presence
            )


def _historical_only(facts: Sequence[ClinicalFact]) -> bool:
    return all(f.certainty is Certainty.HISTORICAL and not f.method for f in facts)


def _presence(fact: ClinicalFact) -> str:
    return f"{fact.value} ({fact.qualifier})" if fact.qualifier else fact.value


def _not_after(one: ClinicalFact, other: ClinicalFact) -> bool:
    return one.dated is None or other.dated is None or one.dated <= other.dated


def _misplaced(name: str, present: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    if not detail("conditions", name, "solitary"):
        return
    placed = [f for f in present if f.qualifier in words()["sites"]]
    one_each = [f for f in placed if len({p.qualifier for p in placed if p.document_id == f.document_id}) == 1]
    different = differing(one_each, lambda a, b: not same_place(a.qualifier, b.qualifier))
    if different:
        where = " and ".join(dict.fromkeys(f.qualifier for f in different))
        text = f"One {name} is described in each document, in the {where}: two lesions, or one misplaced."
        yield contradiction(f"site of the {name}", different, _CONFLICT, Severity.LOW, text, lambda f: f.qualifier)


def response(facts: Sequence[ClinicalFact]) -> Iterator[Contradiction]:
    """Responses to treatment: of one day a conflict, of several days the course of the disease."""
    found = said(facts, "response")
    vague = {"good response"}
    of_a_day = [f for f in found if f.own_date and f.value not in vague]
    clash = differing(of_a_day, lambda a, b: a.value != b.value and a.dated == b.dated)
    if clash:
        text = f"One examination is read as {words_of(clash)}."
        yield contradiction("response", clash, _CONFLICT, Severity.MODERATE, text)
    elif len({f.value for f in found} - vague) > 1:
        text = (
            f"The response went through {words_of(sorted(found, key=lambda f: f.dated.toordinal() if f.dated else 0))}."
        )
        yield contradiction("response", found, _CHANGE, Severity.MODERATE, text)
