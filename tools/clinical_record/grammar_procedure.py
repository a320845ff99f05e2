"""Grammar of what was done: procedures, scans with their day, specimens, and organs that a report describes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.clinical_record.assertion import Assertion
from tools.clinical_record.fact import Certainty, ClinicalFact, FactKind
from tools.clinical_record.place import nearest_side, organ_of, sites_in
from tools.clinical_record.statement import Statement
from tools.clinical_record.vocabulary import lexicon, words

_TISSUE = re.compile(
    r"\b(?:(?P<lavage>bal|bronchoalveolar lavage|lavage|washings?)"
    r"|(?P<tissue>(?:fine needle )?aspiration|fna|biops(?:y|ies)))\s+(?:of|from)\s+(?:the\s+)?",
    re.IGNORECASE,
)
_SPECIMEN_LINE = re.compile(
    r"^\W*(?:[a-z][.):]\)?\s*)?(?P<organ>lung|breast|liver|colon|kidney|lymph node)\s*,"
    r"(?P<place>[^-\n]{0,60}?),?[^,\n]{0,40}?"
    r"(?:(?P<lavage>lavage|washings?)|(?P<tissue>aspiration|biopsy|resection|excision))",
    re.IGNORECASE,
)
_LAST = re.compile(r"\b(?:last|latest|most recent)\s*(?:\w+\s+)?$", re.IGNORECASE)
_NOT_OF_TODAY = frozenset({"indication", "technique", "comparison", "review", "family"})


def procedure_facts(s: Statement) -> Iterator[ClinicalFact]:
    """Procedures, scans, specimens and described organs in a sentence."""
    if s.of_family:
        return
    if s.sentence.heading != "review":
        yield from _procedures(s)
        yield from _organs_seen(s)
    if s.sentence.heading not in _NOT_OF_TODAY:
        yield from _scans(s)
    yield from _specimens(s)


def _procedures(s: Statement) -> Iterator[ClinicalFact]:
    for hit in lexicon("procedures").find(s.text):
        meant, day = s.meant(hit.start, hit.end), s.day_of_event(hit.start, hit.end)
        if meant.certainty is Certainty.HISTORICAL and not s.dates:
            # "Post cholecystectomy" on a scan says when it was seen, not when it was done.
            day = None
        side = nearest_side(s.text, hit.start, hit.end, 12)
        yield s.fact(
            FactKind.PROCEDURE, hit.name, "performed", (hit.start, hit.end),
            day=day, meant=meant, qualifier=side, undated=True,
        )  # fmt: skip


def _organs_seen(s: Statement) -> Iterator[ClinicalFact]:
    """Organs that are described as if they were there: what contradicts their removal."""
    for hit in lexicon("removable_organs").find(s.text):
        after = re.match(
            r"\s*(?:is|are|was|appears?|shows?)?\s*(?:normal|unremarkable|enlarged|contracted|(?:well )?distended)\b",
            s.text[hit.end :],
            re.IGNORECASE,
        )
        before = re.search(r"\b(?:normal|unremarkable|enlarged|distended)\s*$", s.text[: hit.start], re.IGNORECASE)
        if (after or before) and not s.meant(hit.start, hit.end).negated:
            side = nearest_side(s.text, hit.start, hit.end, 6)
            yield s.fact(
                FactKind.DIAGNOSIS, f"{hit.name} described", "present", (hit.start, hit.end),
                day=s.examination.day or s.day_of_finding(hit.start), qualifier=side,
            )  # fmt: skip


def _scans(s: Statement) -> Iterator[ClinicalFact]:
    for hit in lexicon("modalities").find(s.text):
        day = s.day_of_event(hit.start, hit.end)
        if day is None:
            continue
        value = "last" if _LAST.search(s.text[: hit.start]) else "performed"
        yield s.fact(
            FactKind.PROCEDURE, f"{hit.name} examination", value, (hit.start, hit.end), day=day,
            meant=Assertion(Certainty.STATED) if value == "last" else s.meant(hit.start, hit.end), method=hit.name,
        )  # fmt: skip


def _specimens(s: Statement) -> Iterator[ClinicalFact]:
    line = _SPECIMEN_LINE.match(s.text)
    if line:
        places = sites_in(line["place"])
        organ = line["organ"].lower()
        if places:
            yield _specimen(s, organ, places[0].name, line.span(), bool(line["lavage"]))
        return
    for match in _TISSUE.finditer(s.text):
        place = next((h for h in sites_in(s.text[match.end() : match.end() + 35]) if h.start == 0), None)
        if place and organ_of(place.name) in words()["cancers"]:
            span = (match.start(), match.end() + place.end)
            yield _specimen(s, organ_of(place.name), place.name, span, bool(match["lavage"]))


def _specimen(s: Statement, organ: str, site: str, span: tuple[int, int], lavage: bool) -> ClinicalFact:
    return s.fact(
        FactKind.PROCEDURE, "specimen", site, span, day=s.day_of_finding(span[0]), meant=s.meant(*span),
        qualifier=organ, method="lavage" if lavage else "tissue",
    )  # fmt: skip
