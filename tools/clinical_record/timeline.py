"""The course of a disease: dated events in order, each with every sentence that tells it.

Notes copy each other forward, so one scan may stand in five of them: events of one day and kind are one entry with all
sources. A scan and its report, signed a day later, are one entry too. What was only planned stays marked as planned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from domain.history import HistoryDocument
from tools.clinical_record.contradiction import plain
from tools.clinical_record.fact import Certainty, ClinicalFact, FactKind
from tools.clinical_record.facts import extract

_REPORT_DELAY_DAYS = 1
_SCAN = " examination"
_GRADE = " against its reference range"
_DECISIONS = frozenset({"recommended", "considered", "advised against"})
_FIRST_MENTION = ("primary cancer", "stage group")


class EventKind(StrEnum):
    """What an event of the timeline is."""

    DIAGNOSIS = "diagnosis"
    IMAGING = "imaging"
    PATHOLOGY = "pathology"
    PROCEDURE = "procedure"
    TREATMENT = "treatment"
    DECISION = "decision"
    TOXICITY = "toxicity"
    LABORATORY = "laboratory"
    RESPONSE = "response"


class Source(NamedTuple):
    """Where an event is told."""

    document_id: str
    span: tuple[int, int]
    sentence: str


@dataclass(frozen=True)
class TimelineEntry:
    """One event.

    Attributes:
        dated: its first possible day.
        until: its last possible day; another one only where the text gives a month or a year.
        title: e.g. "PET", "carboplatin + paclitaxel given".
        details: what is told of it, each once, e.g. "lingula lesion 34 x 38 mm".
        certainty: planned only if no source says that it was done.
    """

    dated: date
    until: date
    kind: EventKind
    title: str
    details: tuple[str, ...]
    sources: tuple[Source, ...]
    certainty: Certainty


@dataclass
class _Event:
    dated: date
    until: date
    kind: EventKind
    title: str
    facts: list[tuple[str, ClinicalFact]] = field(default_factory=list)


def timeline(documents: Iterable[HistoryDocument]) -> tuple[TimelineEntry, ...]:
    """Dated events of a patient's documents, oldest first."""
    facts = [fact for document in documents for fact in extract(document)]
    own = [fact for fact in facts if fact.own_date and fact.attribute not in _FIRST_MENTION]
    events: dict[tuple[date, EventKind, str], _Event] = {}
    for kind, title, detail, fact in _told((*_dated_by_note(facts), *own)):
        if fact.dated is None:
            continue
        day = _scan_day(events, kind, title, fact.dated)
        event = events.setdefault((day, kind, title), _Event(day, fact.until or day, kind, title))
        event.facts.append((detail, fact))
    entries = [_entry(event) for event in events.values()]
    return tuple(sorted(_regimens(entries), key=lambda e: (e.dated, list(EventKind).index(e.kind), e.title)))


def _dated_by_note(facts: Iterable[ClinicalFact]) -> Iterator[ClinicalFact]:
    """Facts that are events although only their note is dated: the first word of a diagnosis, plans, doses, results."""
    oldest: dict[tuple[str, str], ClinicalFact] = {}
    for fact in facts:
        if fact.own_date and fact.attribute not in _FIRST_MENTION:
            continue
        if fact.attribute in _FIRST_MENTION:
            known = oldest.get((fact.attribute, fact.value))
            if not fact.negated and fact.dated and (known is None or fact.dated < (known.dated or date.max)):
                oldest[fact.attribute, fact.value] = fact
        elif fact.attribute == "response" or fact.attribute.endswith(_GRADE) or _dose_or_plan(fact):
            yield fact
    yield from oldest.values()


def _dose_or_plan(fact: ClinicalFact) -> bool:
    given = fact.value == "given" and bool(fact.qualifier)
    planned = fact.certainty is Certainty.PLANNED and fact.method == "antineoplastic"
    return fact.kind is FactKind.TREATMENT and (given or planned)


def _told(facts: Iterable[ClinicalFact]) -> Iterator[tuple[EventKind, str, str, ClinicalFact]]:
    """Kind, title and detail of the event that a fact tells; nothing for facts that tell no event."""
    for fact in facts:
        if fact.kind is FactKind.MEASUREMENT and fact.method and not fact.previous:
            unit = "" if fact.attribute == "size" else f"{fact.attribute} "
            yield EventKind.IMAGING, fact.method, f"{fact.qualifier} {unit}{fact.value}", fact
        elif fact.attribute.endswith(_SCAN):
            yield EventKind.IMAGING, fact.attribute.removesuffix(_SCAN), "", fact
        elif fact.attribute in {"histology", "specimen"} or fact.kind is FactKind.BIOMARKER:
            yield EventKind.PATHOLOGY, "pathology", _words(fact), fact
        elif fact.kind is FactKind.PROCEDURE:
            yield EventKind.PROCEDURE, " ".join(w for w in (fact.qualifier, fact.attribute) if w), "", fact
        elif fact.attribute == "response":
            yield EventKind.RESPONSE, "response", fact.value, fact
        elif fact.attribute in _FIRST_MENTION:
            yield EventKind.DIAGNOSIS, fact.attribute, _words(fact), fact
        elif fact.kind is FactKind.TREATMENT and fact.method:
            kind = EventKind.DECISION if fact.value in _DECISIONS else EventKind.TREATMENT
            yield kind, f"{fact.attribute} {fact.value}", fact.qualifier, fact
        elif fact.kind is FactKind.SYMPTOM and not fact.negated:
            yield EventKind.TOXICITY, "symptoms", fact.attribute, fact
        elif fact.attribute.endswith(_GRADE) and fact.value != "normal":
            yield EventKind.LABORATORY, "outside the reference range", _words(fact), fact


def _words(fact: ClinicalFact) -> str:
    name = fact.attribute.removesuffix(_GRADE)
    doubt = " (possible)" if fact.certainty is Certainty.POSSIBLE else ""
    return " ".join(word for word in (name, fact.value, fact.qualifier) if word) + doubt


def _scan_day(events: dict[tuple[date, EventKind, str], _Event], kind: EventKind, title: str, day: date) -> date:
    """The day of the scan that a report of the next day belongs to."""
    if kind not in {EventKind.IMAGING, EventKind.RESPONSE}:
        return day
    known = (d for d, k, t in events if (k, t) == (kind, title) and abs((day - d).days) <= _REPORT_DELAY_DAYS)
    return next(known, day)


def _entry(event: _Event) -> TimelineEntry:
    sources: dict[tuple[str, str], Source] = {}
    for _, fact in event.facts:
        source = Source(fact.document_id, fact.span, fact.sentence)
        sources.setdefault((fact.document_id, plain(fact.sentence)), source)
    certain = [f.certainty for _, f in event.facts]
    best = next(
        c for c in (Certainty.STATED, Certainty.HISTORICAL, Certainty.POSSIBLE, Certainty.PLANNED) if c in certain
    )
    days = [f.dated for _, f in event.facts if f.dated and f.own_date] or [event.dated]
    details = tuple(dict.fromkeys(detail for detail, _ in event.facts if detail))
    first = min(days)
    return TimelineEntry(
        first, max(event.until, first), event.kind, event.title, details, tuple(sources.values()), best
    )


def _regimens(entries: Iterable[TimelineEntry]) -> Iterator[TimelineEntry]:
    """Treatments of one day and action become one entry: "carboplatin + paclitaxel given"."""
    together: dict[tuple[date, EventKind, str, Certainty], TimelineEntry] = {}
    for entry in entries:
        if entry.kind not in {EventKind.TREATMENT, EventKind.DECISION}:
            yield entry
            continue
        name, action = _split(entry.title)
        key = (entry.dated, entry.kind, action, entry.certainty)
        named = replace(entry, details=tuple(f"{name} {detail}" for detail in entry.details))
        known = together.get(key)
        if known is None:
            together[key] = named
            continue
        title = f"{known.title.removesuffix(action).strip()} + {entry.title}"
        sources = tuple(dict.fromkeys((*known.sources, *entry.sources)))
        together[key] = replace(known, title=title, details=(*known.details, *named.details), sources=sources)
    yield from together.values()


def _split(title: str) -> tuple[str, str]:
    for action in ("advised against",):
        if title.endswith(action):
            return title.removesuffix(action).strip(), action
    name, _, action = title.rpartition(" ")
    return name, action
