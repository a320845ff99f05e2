"""Critical findings: which sentences and outlines a person must be told of, and how soon.

A sentence counts by what it claims: what it denies, calls resolved or only looks for is no finding; what it calls
possible, or cannot exclude, is one, with a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from domain.codes import Unit
from domain.finding import Finding, Measurement
from prompts.critical_table import CriticalRule, Urgency, critical_rules
from prompts.statements.quantities import Quantity
from prompts.statements.reading import Stance, Statement, read
from prompts.statements.text import sentences

__all__ = ["CriticalRule", "Urgency", "critical_of", "critical_rows", "critical_rules"]

_NOTES = {
    Stance.AFFIRMED: "",
    Stance.UNCLEAR: "",
    Stance.POSSIBLE: "stated as possible",
    Stance.KEPT_OPEN: "stated as not excluded",
}
"""Stances that make a sentence critical, and what is noted of them."""


def critical_of(
    text: str, *, modality: str = "", region: str = "", measurements: Sequence[Measurement] = ()
) -> tuple[CriticalRule, ...]:
    """The rules that a sentence, or the name of an outlined target, fulfils; most urgent first.

    Args:
        text: one or more sentences, or a target.
        modality: DICOM modality, "" when unknown. region: body region, "" when unknown.
        measurements: of the target at hand, where the text gives no size itself.
    """
    found: dict[str, CriticalRule] = {}
    for sentence in sentences(text):
        for rule in _of_sentence(read(sentence), modality, region, measurements):
            kept = found.get(rule.rule_id)
            if kept is None or (kept.note and not rule.note):
                found[rule.rule_id] = rule
    return tuple(sorted(found.values(), key=lambda r: r.minutes))


def _of_sentence(
    statement: Statement, modality: str, region: str, measurements: Sequence[Measurement]
) -> Iterable[CriticalRule]:
    for rule, start, end, named in _named(statement, region):
        stance = statement.stance_at(start, end)
        if stance not in _NOTES or not rule.shown(modality, region):
            continue
        if (named or rule.companions_of_words) and not _accompanied(statement, rule):
            continue
        large = _large(statement, rule, measurements)
        if large is False:
            continue
        notes = (_NOTES[stance], "" if large else f"size not known, it takes {rule.at_least_mm:g} mm")
        yield replace(rule, note="; ".join(n for n in notes if n))


def _named(statement: Statement, region: str) -> Iterable[tuple[CriticalRule, int, int, bool]]:
    """(rule, first word, end, named by a target) for all that the sentence names."""
    table = critical_rules()
    for mention in statement.mentions:
        for rule in table.rules.values():
            if mention.kind != "adjective" and rule.means(mention.name, region):
                yield rule, mention.start, mention.end, True
    folded = [w.folded for w in statement.words]
    for place in range(len(folded)):
        found = table.words.longest(folded, place)
        if found is not None:
            yield found[1], place, place + found[0], False


def _accompanied(statement: Statement, rule: CriticalRule) -> bool:
    if not rule.companions:
        return True
    terms = critical_rules().companions[rule.rule_id]
    folded = [w.folded for w in statement.words]
    for place in range(len(folded)):
        found = terms.longest(folded, place)
        if found is not None and statement.stance_at(place, place + found[0]) in _NOTES:
            return True
    return False


def _large(statement: Statement, rule: CriticalRule, measurements: Sequence[Measurement]) -> bool | None:
    """Whether its size is critical; None when it is not known and that is critical, too."""
    if rule.at_least_mm is None:
        return True
    stated = [s for q in statement.quantities for s in _at_most(q)]
    measured = [m.value for m in measurements if m.name in rule.measures and m.unit == Unit.MM]
    sizes = stated or measured
    if not sizes:
        return None if rule.unmeasured else False
    return max(sizes) >= rule.at_least_mm


def _at_most(quantity: Quantity) -> Iterable[float]:
    """The size in mm that a number stands for; just under it where it is an upper limit."""
    if quantity.scale.base != Unit.MM or quantity.value is None:
        return ()
    return (quantity.value * quantity.scale.factor - (1e-6 if quantity.limit < 0 else 0.0),)


Outlined = tuple[str, bool, int]
"""(target, judged and not rejected, voxels) of a mask."""


def critical_rows(
    findings: Sequence[Finding],
    masks: Sequence[Outlined],
    measurements: Sequence[Measurement],
    modality: str,
    region: str,
) -> list[dict[str, object]]:
    """What must be told of, as rows of `domain.analysis.Analysis.critical`; most urgent first.

    A rule stands once for each finding.

    A usable outline of a target counts as the target's presence; its finding is the one that begins with its name.

    Args:
        findings: sentences of the draft.
        masks: outlines of the run.
        measurements: of usable masks.
        modality: DICOM modality. region: body region, "" when unknown.
    """
    rows: list[dict[str, object]] = []
    for finding in findings:
        about = [m for m in measurements if _begins(finding, m.target)]
        matches = critical_of(finding.text, modality=modality, region=region, measurements=about)
        rows += [_row(rule, finding.finding_id) for rule in matches]
    told = {row["rule"] for row in rows}
    for target, usable, voxels in masks:
        about = [m for m in measurements if m.target == target]
        for rule in (
            critical_of(target, modality=modality, region=region, measurements=about) if usable and voxels else ()
        ):
            if rule.rule_id not in told:
                finding_id = next((f.finding_id for f in findings if _begins(f, target)), "")
                rows.append(_row(rule, finding_id))
                told.add(rule.rule_id)
    return sorted(rows, key=lambda row: int(str(row["minutes"])))


def _begins(finding: Finding, target: str) -> bool:
    return finding.text.lower().startswith(f"{target.lower()}:")


def _row(rule: CriticalRule, finding_id: str) -> dict[str, object]:
    return {
        "finding": finding_id,
        "rule": rule.rule_id,
        "name": rule.name,
        "urgency": rule.urgency.value,
        "minutes": rule.minutes,
        "note": rule.note,
        "source": rule.source,
    }
