"""Grammar of the patient: age, sex, smoking, allergies, performance status.

ECOG grades: Oken et al., Am J Clin Oncol 1982;5:649-655.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.clinical_record.fact import ClinicalFact, FactKind
from tools.clinical_record.statement import Statement

_AGE = re.compile(
    r"(?<![\d.])(?P<age>\d{1,3})(?:\s*-?\s*(?:years?[\s-]*old|yo\b|y\.\s?o\b\.?|y/o\b)|\s*(?=y\.o))", re.IGNORECASE
)
_AGE_FIELD = re.compile(r"\bage\s*:\s*(?P<age>\d{1,3})\b", re.IGNORECASE)
_SEX = re.compile(
    r"(?:\d{1,3}|x{2,})[\s-]*(?:years?[\s-]*old|yo|y\.?\s?o\.?|y/o)\s+(?:\w+\s+)?(?P<sex>female|woman|lady|girl|male|man|gentleman|boy)\b"
    r"|\b(?:sex|gender)\s*:\s*(?P<field>female|male|f|m)\b",
    re.IGNORECASE,
)
_BORN = re.compile(r"\b(?:born|date of birth|dob)\b[\s:]*(?:on\s+)?(?=\d)", re.IGNORECASE)
_NEVER = re.compile(
    r"\b(?:never[\s-]+(?:smoke[rd]|a smoker)|non-?smoker|has never smoked"
    r"|lifelong non-?smoker|denies (?:any )?(?:smoking|tobacco))\b",
    re.IGNORECASE,
)
_FORMER = re.compile(
    r"\b(?:former|ex|previous|past)[\s-]+smoker\b|\bquit smoking\b|\bstopped smoking\b|\bquit\b(?=[^.;]{0,20}\d)",
    re.IGNORECASE,
)
_CURRENT = re.compile(
    r"\b(?:current|active|everyday|daily)(?:\s+(?:every day|daily))?\s+smoker\b|\bsmokes\b|\bcontinues to smoke\b",
    re.IGNORECASE,
)
_QUIT = re.compile(r"\bquit\b\s*(?:smoking\s*)?(?:on|in|since)?\s*(?=\d)", re.IGNORECASE)
_PACK_YEARS = re.compile(r"(?P<n>\d{1,3}(?:\.\d)?)[\s-]*pack[\s-]*years?\b", re.IGNORECASE)
_PACKS = re.compile(
    r"(?P<packs>\d(?:\.\d+)?)\s*(?:packs?\s*(?:/|per|a)\s*day|ppd)\s*(?:for|x)\s*(?P<years>\d{1,2}(?:\.\d+)?)\s*years?",
    re.IGNORECASE,
)
_SMOKE_WORD = re.compile(r"smok|tobacco|pack|cigar", re.IGNORECASE)
_ECOG = re.compile(
    r"\b(?:ecog(?:\s*/\s*who)?(?:\s+(?:performance\s+status|scale|score|ps))?|performance status)"
    r"(?:\s*\(0\s*-\s*[45]\))?\s*(?:of|is|was|:|=)?\s*(?P<n>[0-4])(?![\d-])",
    re.IGNORECASE,
)
_NO_ALLERGY = re.compile(r"\b(?:no known (?:drug |medication )?allerg(?:y|ies)|nkd?a|no allergies)\b", re.IGNORECASE)
_ALLERGY = re.compile(
    r"\b(?:allergic to|allergy to|allergies\s*:)\s*"
    r"(?P<what>(?!none\b|no\b|patient\b|nkd?a\b|not\b|unknown\b|reviewed\b)[a-z][a-z\d -]{2,30}?)"
    r"(?=\s*(?:[,.;()]|\band\b|$))",
    re.IGNORECASE,
)
_FEMALE = frozenset({"female", "woman", "lady", "girl", "f"})


def patient_facts(s: Statement) -> Iterator[ClinicalFact]:
    """Facts about the person in a sentence."""
    if s.of_family:
        return
    yield from _age_and_sex(s)
    if _SMOKE_WORD.search(s.text) or s.sentence.heading == "social":
        yield from _smoking(s)
    for match in _ECOG.finditer(s.text):
        yield s.fact(
            FactKind.PERFORMANCE_STATUS, "ECOG performance status", match["n"], match.span(),
            day=s.day_of_finding(match.start()), numbers=(float(match["n"]),),
        )  # fmt: skip
    for match in _NO_ALLERGY.finditer(s.text):
        yield s.fact(FactKind.DEMOGRAPHIC, "allergy", "none", match.span())
    for match in _ALLERGY.finditer(s.text):
        if not s.meant(match.start(), match.start() + 8).negated and not _NO_ALLERGY.search(s.text):
            yield s.fact(FactKind.DEMOGRAPHIC, "allergy", match["what"].strip().lower(), match.span())


def _age_and_sex(s: Statement) -> Iterator[ClinicalFact]:
    ages = {match["age"]: match.span() for pattern in (_AGE, _AGE_FIELD) for match in pattern.finditer(s.text)}
    for age, span in ages.items():
        if int(age) <= 120:
            yield s.fact(FactKind.DEMOGRAPHIC, "age", f"{int(age)} years", span, numbers=(float(age),))
    for match in _SEX.finditer(s.text):
        word = (match["sex"] or match["field"]).lower()
        yield s.fact(FactKind.DEMOGRAPHIC, "sex", "female" if word in _FEMALE else "male", match.span())
    for match in _BORN.finditer(s.text):
        day = next((d for d in s.dates if d.start == match.end()), None)
        if day:
            yield s.fact(FactKind.DEMOGRAPHIC, "birth", day.first.isoformat(), (match.start(), day.end), day=day)


def _smoking(s: Statement) -> Iterator[ClinicalFact]:
    for value, pattern in (("never", _NEVER), ("former", _FORMER), ("current", _CURRENT)):
        match = pattern.search(s.text)
        if match:
            yield s.fact(FactKind.DEMOGRAPHIC, "smoking", value, match.span())
    for match in _QUIT.finditer(s.text):
        day = next((d for d in s.dates if d.start == match.end()), None)
        if day:
            span = (match.start(), day.end)
            yield s.fact(FactKind.DEMOGRAPHIC, "smoking stopped", s.text[day.start : day.end], span, day=day)
    for match in _PACK_YEARS.finditer(s.text):
        yield _pack_years(s, float(match["n"]), match.span())
    for match in _PACKS.finditer(s.text):
        yield _pack_years(s, float(match["packs"]) * float(match["years"]), match.span())


def _pack_years(s: Statement, number: float, span: tuple[int, int]) -> ClinicalFact:
    return s.fact(FactKind.DEMOGRAPHIC, "pack-years", f"{number:g}", span, numbers=(number,))
