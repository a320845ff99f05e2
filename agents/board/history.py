"""The history member: the course of the disease, and what the record says to a question."""

from __future__ import annotations

from collections.abc import Sequence

from agents.board.case import Case
from agents.board.claims import of_self
from agents.board.passages import passages
from domain.board import Claim, Source
from tools.clinical_record.fact import Certainty
from tools.clinical_record.timeline import EventKind, TimelineEntry

EVENTS = 24
"""Events that are read out; the minutes have all."""
ANCHORS = frozenset({EventKind.DIAGNOSIS, EventKind.PATHOLOGY})
"""Without them the newest events cannot be understood."""


class HistoryMember:
    """Speaks from the patient's record."""

    async def speak(self, case: Case, question: str) -> Sequence[Claim]:
        """The course in the order of time, the diagnosis and the newest; to a question the passages that fit."""
        if question:
            return await passages(case, question)
        shown = read_out(case.timeline)
        left = len(case.timeline) - len(shown)
        rest = [of_self("history", f"{left} more events stand in the timeline of the minutes.")] if left else []
        return [*map(event_claim, shown), *rest]


def read_out(timeline: Sequence[TimelineEntry]) -> list[TimelineEntry]:
    """Diagnosis and pathology, and of the others the newest, in the order of time."""
    anchors = [i for i, e in enumerate(timeline) if e.kind in ANCHORS][: EVENTS // 2]
    others = [i for i in range(len(timeline)) if i not in anchors]
    newest = others[max(0, len(others) + len(anchors) - EVENTS) :]
    return [timeline[i] for i in sorted((*anchors, *newest))]


def event_claim(entry: TimelineEntry) -> Claim:
    """An event with every sentence that tells it."""
    told = ", ".join(detail.removeprefix(f"{entry.title} ") for detail in entry.details)
    details = f": {told}" if told else ""
    doubt = f" ({entry.certainty.value})"
    if entry.certainty not in {Certainty.PLANNED, Certainty.POSSIBLE} or details.endswith(doubt):
        doubt = ""
    sources = tuple(Source("document", s.document_id, s.sentence) for s in entry.sources)
    return Claim(f"{entry.dated.isoformat()}: {entry.title}{details}{doubt}.", sources)
