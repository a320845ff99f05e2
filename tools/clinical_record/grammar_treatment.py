"""Grammar of treatment: what was given, planned or advised against; doses and cycles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from tools.clinical_record.fact import ClinicalFact, FactKind
from tools.clinical_record.statement import Statement
from tools.clinical_record.vocabulary import Hit, detail, lexicon

_ACTIONS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE))
    for name, pattern in (
        ("stopped", r"discontinue[d]?|stop(?:ped)?|held|halted"),
        ("reduced", r"decreased?|reduced?|lowered"),
        ("increased", r"increased?|raised"),
        ("completed", r"completed|finished"),
        ("started", r"start(?:ed|ing)?|begin|began|initiated|first (?:dose|chemotherapy)"),
        ("continued", r"continu(?:e|ed|es|ing)|resume[d]?|currently on|current"),
        ("given", r"received|administered|given|given today|new bag|infusion|treatment with|treated with|dose"),
        ("considered", r"consider(?:ed)?|consideration"),
        ("recommended", r"recommend(?:ed|s)?|advised"),
    )
)
_AGAINST_BEFORE = re.compile(
    r"\b(?:advised|recommended|recommend|recommends|decided) against\b(?P<reach>[^,;.]{0,40}$)"
    r"|\bnot (?:to be )?a candidate for\b(?P<same>[^,;.]{0,40}$)",
    re.IGNORECASE,
)
_AGAINST_AFTER = re.compile(
    r"[^,;.]{0,40}?\b(?:not (?:typically |generally |currently )?(?:indicated|recommended)|contraindicated)\b",
    re.IGNORECASE,
)
_CHANGED_TO = re.compile(r"\bfrom\s+\d[\d.]*\s*\w+\s+to\s+(?=\d)", re.IGNORECASE)
_INFUSION = re.compile(r"\b(?:new bag|stopped|completed|given)\s*$", re.IGNORECASE)
_DOSE = re.compile(
    r"(?P<n>\d{1,4}(?:\.\d+)?)\s*(?P<unit>mcg|µg|mg|g|gy|units?)\b(?!\s*/\s*(?:d?l|ml|mmol|m2|m²|kg))", re.IGNORECASE
)
_CYCLES = re.compile(
    r"(?:\bx\s?(?P<a>\d{1,2})\s+(?:cycles|courses)"
    r"|\b(?P<b>\d{1,2})\s+(?:weekly\s+|monthly\s+)?(?:cycles|courses|weekly treatments)\b)",
    re.IGNORECASE,
)
_CYCLE_NUMBER = re.compile(
    r"\b(?:cycle\s*(?:number\s*)?:?\s*#?\s*:?\s*(?P<a>\d{1,2})(?:\s*,?\s*day)?|c(?P<b>\d{1,2})d\d{1,2})\b",
    re.IGNORECASE,
)


def treatment_facts(s: Statement) -> Iterator[ClinicalFact]:
    """Treatments and cycles in a sentence."""
    if s.of_family:
        return
    given = _treatments_named(s.text)
    yield from _treatments(s, given)
    yield from _cycles(s, given)


def _treatments_named(text: str) -> list[Hit]:
    """Treatments in a sentence; a trade name in brackets behind its own substance is the same mention."""
    hits = list(lexicon("treatments").find(text))
    return [
        h
        for before, h in zip([None, *hits], hits, strict=False)
        if not (before and before.name == h.name and re.fullmatch(r"\s*\w{0,3}\s*\(", text[before.end : h.start]))
    ]


def _treatments(s: Statement, given: list[Hit]) -> Iterator[ClinicalFact]:
    for hit in given:
        if re.match(
            r"\s*[- ](?:directed|related|induced|education|protocol|drug|oncolog|dose|exposure|modulation)",
            s.text[hit.end :],
            re.IGNORECASE,
        ):
            continue
        meant = s.meant(hit.start, hit.end)
        against = bool(_AGAINST_BEFORE.search(s.text[: hit.start]) or _AGAINST_AFTER.match(s.text, hit.end))
        action = "advised against" if against else _action(s, hit)
        medicine = s.sentence.heading == "medication"
        changed = _CHANGED_TO.search(s.text, hit.end)
        from_here = changed.end() if changed else hit.end
        dose = next((m for m in _DOSE.finditer(s.text, from_here) if m.start() - from_here <= 30), None)
        if not action and not medicine and dose is None:
            continue
        if dose and _INFUSION.search(s.text):
            action = "given"
        day = s.day_of_event(hit.start, hit.end) or (s.day_of_finding(hit.start) if len(s.dates) == 1 else None)
        yield s.fact(
            FactKind.TREATMENT, hit.name, action or "current", (hit.start, hit.end), day=day,
            meant=replace(meant, negated=meant.negated or against),
            qualifier=f"{float(dose['n']):g} {dose['unit'].lower()}" if dose else "",
            method=str(detail("treatments", hit.name, "class") or ""),
        )  # fmt: skip


def _action(s: Statement, hit: Hit) -> str:
    """The verb nearest to a treatment, in its own sentence."""
    near = [
        (min(abs(hit.start - m.end()), abs(m.start() - hit.end)), name)
        for name, pattern in _ACTIONS
        for m in pattern.finditer(s.text)
    ]
    return min(near)[1] if near and min(near)[0] <= 60 else ""


def _cycles(s: Statement, given: list[Hit]) -> Iterator[ClinicalFact]:
    counts = list(_CYCLES.finditer(s.text))
    done = re.search(r"\bcompleted\b|\breceived\b|\bfinished\b", s.text, re.IGNORECASE)
    for index, match in enumerate(counts):
        begin = counts[index - 1].end() if index else 0
        end = counts[index + 1].start() if index + 1 < len(counts) else len(s.text)
        # "4 cycles of A and 12 cycles of B": a count governs what follows it, else what stands before it.
        own = [h for h in given if match.end() <= h.start < end] or [
            h for h in given if begin <= h.start < match.start()
        ]
        days = [d for d in s.dates if match.end() <= d.start < end]
        number = float(match["a"] or match["b"])
        yield s.fact(
            FactKind.TREATMENT, "cycles completed" if done else "cycles", f"{number:g}", match.span(),
            day=days[0] if days else s.day_of_finding(match.start()), meant=s.meant(*match.span()),
            qualifier=_regimen(own), numbers=(number,),
        )  # fmt: skip
    if s.sentence.heading == "protocol":
        return
    for match in _CYCLE_NUMBER.finditer(s.text):
        number = float(match["a"] or match["b"])
        yield s.fact(
            FactKind.TREATMENT, "cycle number", f"{number:g}", match.span(),
            day=s.day_of_finding(match.start()), meant=s.meant(*match.span()),
            qualifier=_regimen(given), numbers=(number,),
        )  # fmt: skip


def _regimen(given: list[Hit]) -> str:
    names = {h.name for h in given if detail("treatments", h.name, "class") == "antineoplastic"}
    return " + ".join(sorted(names))
