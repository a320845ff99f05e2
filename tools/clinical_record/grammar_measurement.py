"""Grammar of measurements: sizes in mm, uptake (SUV max), weight; today's and those quoted from earlier.

"3.6 x 2.5 cm as opposed to 2.7 x 2.4 cm previously" is two facts: the second belongs to an earlier examination.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.clinical_record.dates import DateHit
from tools.clinical_record.fact import ClinicalFact, FactKind
from tools.clinical_record.lesion import lesion_of, node_near
from tools.clinical_record.statement import Statement

_ONES = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_WORD = rf"(?:{'|'.join(_TENS)})(?:-(?:{'|'.join(_ONES[:9])}))?|{'|'.join(sorted(_ONES, key=len, reverse=True))}"
_NUMBER = rf"(?:\d{{1,4}}(?:\.\d{{1,2}})?|\b(?:{_WORD})\b)"
_UNIT = r"(?:cm|mm|centimet(?:er|re)s?|millimet(?:er|re)s?)"
_BY = r"\s*(?:x|×|by)\s*"
_SIZE = re.compile(
    rf"(?<![\d./])(?P<a>{_NUMBER})(?:\s*{_UNIT})?(?:{_BY}(?P<b>{_NUMBER})(?:\s*{_UNIT})?)?(?:{_BY}(?P<c>{_NUMBER}))?"
    rf"[\s-]*(?P<unit>{_UNIT})(?![\w/])",
    re.IGNORECASE,
)
_SUV = re.compile(
    rf"\bsuv\s*(?:max(?:imum)?\b)?(?P<between>[^\d.;]{{0,45}}?)(?P<now>\d{{1,2}}(?:\.\d+)?)(?!\d|\s*(?:{_UNIT}|x\s|by\s))"
    rf"(?:\s*[,;]?\s*(?:compared (?:with|to)|as opposed to|previously|prior|from)\s+(?P<then>\d{{1,2}}(?:\.\d+)?)"
    rf"(?!\d|\s*(?:{_UNIT}|x\s|by\s)))?",
    re.IGNORECASE,
)
_EARLIER = re.compile(
    r"\b(?:previously|previous|prior|formerly|compared (?:with|to)|as opposed to|earlier)\b"
    r"|(?P<today>\bnow\b|\bcurrently\b|\btoday\b)",
    re.IGNORECASE,
)
_EARLIER_AFTER = re.compile(r"\s*(?:previously|previous|prior|before)\b(?!\s*(?:measur\w+\s*)?\d)", re.IGNORECASE)
_GROWN = re.compile(r"[^,;(.]{0,45}?\bnow\b", re.IGNORECASE)
_WEIGHT = re.compile(
    r"\b(?:weight|wt)\b\s*:?\s*(?:-\s*)?(?:\d{4}-\d\d-\d\d:\s*)?(?P<n>\d{2,3}(?:\.\d{1,2})?)\s*kg\b", re.IGNORECASE
)


def measurement_facts(s: Statement) -> Iterator[ClinicalFact]:
    """Sizes, uptake and weight in a sentence."""
    if s.sentence.heading in {"technique", "family", "protocol"}:
        return
    last = ""
    for match in _SIZE.finditer(s.text):
        lesion = lesion_of(s.text, *match.span(), s.lesion)
        lesion, last = lesion or (last if _is_earlier(s.text, *match.span()) else ""), lesion or last
        if lesion:
            numbers = _millimetres(match)
            value = f"{' x '.join(f'{n:g}' for n in numbers)} mm"
            yield _measured(s, "size", value, match.span(), lesion, numbers)
    yield from _uptakes(s)
    for match in _WEIGHT.finditer(s.text):
        kilograms = float(match["n"])
        yield s.fact(
            FactKind.MEASUREMENT, "weight", f"{kilograms:g} kg", match.span(),
            day=s.sentence.context, numbers=(kilograms,),
        )  # fmt: skip


def _uptakes(s: Statement) -> Iterator[ClinicalFact]:
    last = ""
    for match in _SUV.finditer(s.text):
        region = node_near(s.text, match.start(), match.start("now"))
        lesion = region or lesion_of(s.text, match.start(), match.start(), "") or last
        lesion = lesion or lesion_of(s.text, *match.span("now"), s.lesion)
        last = lesion or last
        if not lesion:
            continue
        for group in ("now", "then"):
            if match[group]:
                value = float(match[group])
                yield _measured(s, "SUV max", f"{value:g}", match.span(group), lesion, (value,), group == "then")


def _measured(
    s: Statement,
    attribute: str,
    value: str,
    span: tuple[int, int],
    lesion: str,
    numbers: tuple[float, ...],
    quoted: bool = False,
) -> ClinicalFact:
    earlier = quoted or _is_earlier(s.text, *span)
    day = s.examination.compared_with if earlier else _day(s, span[0])
    return s.fact(
        FactKind.MEASUREMENT, attribute, value, span,
        day=day, meant=None, qualifier=lesion, method=s.examination.modality, numbers=numbers,
        previous=earlier, undated=earlier,
    )  # fmt: skip


def _day(s: Statement, start: int) -> DateHit | None:
    own = s.day_of_finding(start) if s.dates or s.sentence.context else None
    return own or s.examination.day


def _is_earlier(text: str, start: int, end: int) -> bool:
    """Whether a number was measured at an earlier examination: the last word of time before it decides."""
    if _EARLIER_AFTER.match(text, end):
        return True
    marks = list(_EARLIER.finditer(text, 0, start))
    if marks:
        return marks[-1]["today"] is None
    # "7 x 6 mm nodule now measured at 10 x 4 mm": what stands before "now" is the size it had.
    later = _GROWN.match(text, end)
    following = _SIZE.search(text, later.end()) if later else None
    return bool(later and following and not _EARLIER.search(text, later.end(), following.start()))


def _millimetres(match: re.Match[str]) -> tuple[float, ...]:
    factor = 10.0 if match["unit"].casefold().startswith("c") else 1.0
    return tuple(round(_value(match[name]) * factor, 2) for name in "abc" if match[name])


def _value(text: str) -> float:
    if text[0].isdigit():
        return float(text)
    tens, _, ones = text.casefold().partition("-")
    if tens in _TENS:
        return float(20 + 10 * _TENS.index(tens) + (_ONES.index(ones) + 1 if ones else 0))
    return float(_ONES.index(tens) + 1)
