"""Grammar of laboratory values: name, value, unit, reference range and flag in the orders that reports print them.

"Creatinine: 0.87 mg/dL (0.52 - 1.04)" · "creatinine 0.52 - 1.04 mg/dl 0.87" · a name on one line and "2020-06-09: 0.74"
below it · "TSH low at 0.041" · "free T4 WNL".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.clinical_record.fact import ClinicalFact, FactKind
from tools.clinical_record.statement import Statement
from tools.clinical_record.vocabulary import Hit, lexicon

_NUMBER = r"\d{1,3}(?:,\d{3})+(?!\d)|\d+(?:\.\d+)?"
_UNIT = (
    r"(?:thou/cu mm|mil/cu mm|ml/min(?:/1\.73\s?m[2²?])?|(?:m|µ|u|n|p|k)?(?:g|mol|iu|u|eq)/(?:d?l|ml)"
    r"|iu/l|u/l|10[*^]?\d+/[uµ]?l"
    r"|/[uµ]l|%|fl|pg)(?!\w)"
)
_RANGE = r"\(?(?:[<>]=?\s*(?:\d+(?:\.\d+)?)|(?:\d+(?:\.\d+)?)\s*[-–]\s*(?:\d+(?:\.\d+)?))\)?"
_FLAG = re.compile(r"\s*\(?\b(?P<flag>[HL])\b\)?", re.IGNORECASE)
_RANGE_FIRST = re.compile(
    rf"\s*(?:\([a-z]+\)\s*)?(?:{_RANGE}\s*(?P<unit>{_UNIT})?|{_UNIT})\s+(?P<n>{_NUMBER})(?P<flag>\s*\((?:h|l)\))?",
    re.IGNORECASE,
)
_VALUE = re.compile(
    rf"(?P<link>\s*(?:\([^)\n]{{0,40}}\)|\[[^\]\n]{{0,40}}\][^:\n]{{0,60}}(?=:))?\s*[,:=]?\s*(?:\b(?:is|was|of|at|resulted|result|value|level|today|now|remains|declined|increased|"
    rf"decreased|dropped|rose|to|stable|very|high|low|elevated|normal|wnl)\b[\s:]*){{0,5}})(?P<n>{_NUMBER})(?![\d/-]|\s*[-–]\s*\d)"
    rf"\s*(?P<unit>{_UNIT})?",
    re.IGNORECASE,
)
_WORDS = (
    ("low", re.compile(r"\blow\b", re.IGNORECASE)),
    ("high", re.compile(r"\b(?:high|elevated)\b", re.IGNORECASE)),
    ("normal", re.compile(r"\b(?:wnl|normal|within normal limits)\b", re.IGNORECASE)),
)
_LISTED = re.compile(r"\s*(?:(?:,|and|/)\s*)?")
_NORMAL_AFTER = re.compile(
    r"\s*(?:is|was|are|were)?\s*(?P<word>wnl|within normal limits|normal)\b(?!\s*(?:at|of)?\s*\d)", re.IGNORECASE
)
_NAME_LINE = re.compile(r"^\W*(?P<name>[^():\d]{2,45}?)\s*(?:\((?P<note>[^)]*)\))?\s*:\s*$")
_ROW = re.compile(
    rf"^\W*(?:date:\s*)?(?P<day>\d{{4}}-\d\d-\d\d)\s*[,:]\s*(?:value:\s*)?(?P<n>{_NUMBER})\s*(?:\((?P<flag>[HL])\))?\s*$",
    re.IGNORECASE,
)
_NONE = "no laboratory value"
"""The vocabulary's name for words that only look like a laboratory name."""
_NAMES = {"low": "low", "high": "high", "l": "low", "h": "high"}


def laboratory_facts(s: Statement, name_above: str) -> Iterator[ClinicalFact]:
    """Laboratory values in a sentence.

    Args:
        name_above: the laboratory name that a line above announced, "" for none.
    """
    row = _ROW.match(s.text)
    if row and name_above:
        yield from _facts(s, name_above, row, row.span("n"), "")
        return
    if s.sentence.heading in {"family", "protocol"} and not s.dates:
        return
    hits = [h for h in lexicon("laboratories").find(s.text) if h.name != _NONE]
    for index, hit in enumerate(hits):
        stop = hits[index + 1].start if index + 1 < len(hits) else len(s.text)
        match = _RANGE_FIRST.match(s.text, hit.end, stop) or _VALUE.match(s.text, hit.end, stop)
        if match:
            yield from _facts(s, hit.name, match, match.span("n"), match.groupdict().get("link") or "")
        elif _normal(s.text, hits, index):
            yield _graded(s, hit.name, "normal", (hit.start, hit.end))


def announced(text: str) -> str:
    """The laboratory name that a line announces for the lines below it, "" for none."""
    match = _NAME_LINE.match(text)
    if match is None:
        return ""
    hits = list(lexicon("laboratories").find(match["name"])) or list(lexicon("laboratories").find(match["note"] or ""))
    hits = [h for h in hits if h.name != _NONE]
    return hits[0].name if len({h.name for h in hits}) == 1 else ""


def _facts(s: Statement, name: str, match: re.Match[str], span: tuple[int, int], link: str) -> Iterator[ClinicalFact]:
    number = float(match["n"].replace(",", ""))
    unit = match.groupdict().get("unit") or ""
    value = f"{number:g} {unit}".strip()
    yield s.fact(FactKind.LABORATORY, name, value, span, day=s.day_of_finding(match.start()), numbers=(number,))
    flag = match.groupdict().get("flag") or ""
    after = _FLAG.match(s.text, match.end())
    letter = flag.strip(" ()").lower() or (after["flag"].lower() if after else "")
    grade = _NAMES.get(letter) or next((word for word, pattern in _WORDS if pattern.search(link)), "")
    if grade:
        yield _graded(s, name, grade, span)


def _graded(s: Statement, name: str, grade: str, span: tuple[int, int]) -> ClinicalFact:
    day = s.day_of_finding(span[0])
    return s.fact(FactKind.LABORATORY, f"{name} against its reference range", grade, span, day=day)


def _normal(text: str, hits: list[Hit], index: int) -> bool:
    """ "TSH, free T4 WNL": the word after a list of names holds for each of them."""
    last = index
    while last + 1 < len(hits) and _LISTED.fullmatch(text[hits[last].end : hits[last + 1].start]):
        last += 1
    return bool(_NORMAL_AFTER.match(text, hits[last].end))
