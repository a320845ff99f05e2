"""Grammar of disease: the cancer, its histology and stage, biomarkers, conditions, symptoms, responses.

Stage words: AJCC Cancer Staging Manual, 8th edition (TNM; groups 0 to IV with letters).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.clinical_record.fact import Certainty, ClinicalFact, FactKind
from tools.clinical_record.place import nearest_side, organ_of, side_of, sites_in
from tools.clinical_record.statement import Statement
from tools.clinical_record.vocabulary import Hit, lexicon, words

_NOT_A_CANCER = re.compile(r"\b(?:screening|risk|prevention|suspicion|no history)\b", re.IGNORECASE)
_IN_SITE = re.compile(r"\s*(?:\([^)]*\)\s*)?(?:of|in|involving|at|within)\s+(?:the\s+)?", re.IGNORECASE)
_RELATIVE = re.compile(
    r"\b(mother|father|brother|sister|aunt|uncle|grand(?:mother|father)|son|daughter|cousin)(?:'s|s)?\b", re.IGNORECASE
)
_TNM = re.compile(
    r"\b(?P<prefix>y?[cpr]?)T(?P<T>[0-4x][a-d]?|is)[\s,]*(?:y?[cp])?N(?P<N>[0-3x][a-c]?)[\s,]*(?:y?[cp])?M(?P<M>[01x][a-c]?)\b",
    re.IGNORECASE,
)
_GROUP_AFTER_TNM = re.compile(
    r"\s*[,(]?\s*(?:stage\s+)?(?P<group>IV[ABC]?|I{1,3}[ABC]?\d?)(?![A-Za-z0-9])", re.IGNORECASE
)
_STAGE = re.compile(r"\bstage\s+(?:group\s+)?(?P<group>0|IV[ABC]?|I{1,3}[ABC]?\d?|[1-4][ABC]?)(?![\w-])", re.IGNORECASE)
_OTHER_STAGE = re.compile(
    r"\b(?:kidney|ckd|pressure|ulcer|decubit|heart failure|copd|cirrhosis|parkinson|sleep|prostatitis)", re.IGNORECASE
)
_ROMAN = {"1": "I", "2": "II", "3": "III", "4": "IV"}
_STATUS = re.compile(
    r"(?P<negative>\bneg(?:ative)?\b|\bwild[- ]type\b|\bnot (?:detected|rearranged|amplified|mutated)\b)"
    r"|(?P<positive>\bpos(?:itive)?\b|\bmutat(?:ion|ed)\b|\brearrang(?:ed|ement)\b|\bfusion\b|\bamplified\b"
    r"|\bdetected\b)"
    r"|(?P<number>(?:tps|cps|tumor proportion score)?\s*(?:of|:|=|is)?\s*(?:[<>≥≤]=?\s*)?\d{1,3}\s*%)"
    r"|(?P<state>\bMSS\b|\bMSI-H(?:igh)?\b|\bmicrosatellite stable\b)",
    re.IGNORECASE,
)
_VARIANT = re.compile(
    r"\b(?:p\.)?(?P<variant>[A-Z]\d{2,4}[A-Z]|L858R|exon\s+\d+(?:\s+(?:deletion|insertion))?)\b", re.IGNORECASE
)
_SIGN = re.compile(r"\s?(?P<sign>[+-])(?=[\s,.;/)]|$)")
_STATUS_REACH = 45
_ENDS_STATUS = re.compile(r"[.;](?:\s|$)|\bdirected\b|\btargeted\b|\binhibitor|\bphosph", re.IGNORECASE)


def disease_facts(s: Statement) -> Iterator[ClinicalFact]:
    """Facts about disease in a sentence."""
    if s.of_family or _RELATIVE.search(s.text):
        yield from _family(s)
        return
    yield from _cancers(s)
    yield from _stages(s)
    yield from _biomarkers(s)
    yield from _named(s, "histologies", "histology", FactKind.DIAGNOSIS)
    yield from _named(s, "responses", "response", FactKind.DIAGNOSIS)
    yield from _conditions(s)
    if s.sentence.heading != "review":
        for hit in lexicon("symptoms").find(s.text):
            meant = s.meant(hit.start, hit.end)
            day = s.day_of_finding(hit.start)
            yield s.fact(FactKind.SYMPTOM, hit.name, "present", (hit.start, hit.end), day=day, meant=meant)


def _family(s: Statement) -> Iterator[ClinicalFact]:
    relative = _RELATIVE.search(s.text)
    who = relative[1].lower() if relative else "relative"
    for section in ("cancers", "conditions"):
        for hit in lexicon(section).find(s.text):
            what = f"{hit.name} cancer" if section == "cancers" else hit.name
            meant = s.meant(hit.start, hit.end)
            yield s.fact(FactKind.DIAGNOSIS, "family history", what, (hit.start, hit.end), qualifier=who, meant=meant)


def _cancers(s: Statement) -> Iterator[ClinicalFact]:
    for hit in lexicon("cancers").find(s.text):
        if _NOT_A_CANCER.search(s.text[max(0, hit.start - 30) : hit.end + 12]):
            continue
        meant, day = s.meant(hit.start, hit.end), s.day_of_finding(hit.start)
        site = _site_after(s.text, hit)
        side = (side_of(site.name) if site else "") or nearest_side(s.text, hit.start, hit.end)
        paired = hit.name in words()["paired_organs"]
        span = (hit.start, hit.end)
        yield s.fact(
            FactKind.DIAGNOSIS, "primary cancer", hit.name, span,
            day=day, meant=meant, qualifier=side if paired else "",
        )  # fmt: skip
        if site and organ_of(site.name) == hit.name:
            yield s.fact(FactKind.DIAGNOSIS, "primary site", site.name, span, day=day, meant=meant, qualifier=hit.name)


def _site_after(text: str, hit: Hit) -> Hit | None:
    link = _IN_SITE.match(text, hit.end)
    if link is None:
        return None
    return next((h for h in sites_in(text[link.end() : link.end() + 30]) if h.start == 0), None)


def _stages(s: Statement) -> Iterator[ClinicalFact]:
    organ = lexicon("cancers").first(s.text)
    named = organ.name if organ else ""
    for match in _TNM.finditer(s.text):
        meant, day = s.meant(*match.span()), s.day_of_finding(match.start())
        for letter in "TNM":
            value = f"{letter}{match[letter].lower()}"
            yield s.fact(
                FactKind.STAGE, f"{letter} category", value, match.span(), day=day, meant=meant, qualifier=named
            )
        group = _GROUP_AFTER_TNM.match(s.text, match.end())
        if group:
            yield s.fact(
                FactKind.STAGE, "stage group", group["group"].upper(), group.span("group"),
                day=day, meant=meant, qualifier=named,
            )  # fmt: skip
    for match in _STAGE.finditer(s.text):
        if _OTHER_STAGE.search(s.text[max(0, match.start() - 30) : match.end() + 30]):
            continue
        group_text = match["group"].upper()
        value = _ROMAN.get(group_text[0], group_text[0]) + group_text[1:]
        meant, day = s.meant(*match.span()), s.day_of_finding(match.start())
        yield s.fact(FactKind.STAGE, "stage group", value, match.span(), day=day, meant=meant, qualifier=named)


def _biomarkers(s: Statement) -> Iterator[ClinicalFact]:
    hits = list(lexicon("biomarkers").find(s.text))
    for index, hit in enumerate(hits):
        status = _status_of(s.text, hits, index)
        if status is None:
            continue
        variant = _VARIANT.search(s.text, hit.end, _reach(s.text, hits, index))
        meant = s.meant(hit.start, hit.end)
        if meant.certainty in {Certainty.PLANNED, Certainty.POSSIBLE} and variant is None:
            continue
        yield s.fact(
            FactKind.BIOMARKER, hit.name, "negative" if meant.negated else status[0], (hit.start, status[1]),
            day=s.day_of_finding(hit.start), qualifier=variant["variant"].upper() if variant else "",
            numbers=status[2],
        )  # fmt: skip


def _reach(text: str, hits: list[Hit], index: int) -> int:
    """Where what is said of a marker must end: at the next marker, or some words on."""
    following = hits[index + 1].start if index + 1 < len(hits) else len(text)
    return min(following, hits[index].end + _STATUS_REACH)


def _status_of(text: str, hits: list[Hit], index: int) -> tuple[str, int, tuple[float, ...]] | None:
    """Status, where it ends, and its percentage: after the marker, or after the list of markers that it stands in."""
    last = index
    while last + 1 < len(hits) and re.fullmatch(
        r"\s*(?:,|/|and|or|,\s*and|,\s*or)\s*", text[hits[last].end : hits[last + 1].start]
    ):
        last += 1
    start = hits[last].end
    end = _reach(text, hits, last)
    sign = _SIGN.match(text, start)
    if sign:
        return ("positive" if sign["sign"] == "+" else "negative"), sign.end(), ()
    found = _STATUS.search(text, start, end)
    if found is None or _ENDS_STATUS.search(text, start, found.start()):
        return None
    if found["number"]:
        percent = float(re.findall(r"\d+", found["number"])[-1])
        below_one = "<" in found["number"] or percent < 1
        return ("negative" if below_one else "positive"), found.end(), (0.0 if below_one else percent,)
    if found["state"]:
        return ("positive" if "msi" in found["state"].lower() else "negative"), found.end(), ()
    more = re.match(r"[\s(,:]*(?:tps|cps)?[\s:=of]*(?P<p>\d{1,3})\s*%", text[found.end() :], re.IGNORECASE)
    numbers = (float(more["p"]),) if more else ()
    return ("negative" if found["negative"] else "positive"), found.end(), numbers


def _named(s: Statement, section: str, attribute: str, kind: FactKind) -> Iterator[ClinicalFact]:
    for hit in lexicon(section).find(s.text):
        meant = s.meant(hit.start, hit.end)
        yield s.fact(kind, attribute, hit.name, (hit.start, hit.end), day=s.day_of_finding(hit.start), meant=meant)


def _conditions(s: Statement) -> Iterator[ClinicalFact]:
    if s.sentence.heading in {"indication", "technique", "review"}:
        return
    sites = sites_in(s.text)
    for hit in lexicon("conditions").find(s.text):
        meant = s.meant(hit.start, hit.end)
        near = [h for h in sites if 0 <= h.start - hit.end <= 30 and "," not in s.text[hit.end : h.start]] or [
            h for h in sites if 0 <= hit.start - h.end <= 12 and "," not in s.text[h.end : hit.start]
        ]
        qualifier = near[0].name if near else nearest_side(s.text, hit.start, hit.end)
        if meant.limited:
            continue
        yield s.fact(
            FactKind.DIAGNOSIS, hit.name, "absent" if meant.negated else "present", (hit.start, hit.end),
            day=s.day_of_finding(hit.start), meant=meant, qualifier=qualifier,
            method=s.examination.modality,
        )  # fmt: skip
