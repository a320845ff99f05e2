"""The case before a board: the record, what it says, where it contradicts itself, and what was said so far."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from domain.access import AccessContext
from domain.board import Board, Claim
from domain.history import HistoryDocument, PatientHistory
from tools.clinical_record.contradiction import Contradiction
from tools.clinical_record.contradictions import contradictions
from tools.clinical_record.fact import ClinicalFact
from tools.clinical_record.facts import extract
from tools.clinical_record.timeline import TimelineEntry, timeline

TOPICS = 4
"""Questions to the guidance that are made of the record's diagnoses and stages."""


@dataclass
class Case:
    """What the members speak about. `said` is what each said in this run."""

    access: AccessContext
    question: str
    study_uids: tuple[str, ...]
    documents: tuple[HistoryDocument, ...]
    facts: tuple[ClinicalFact, ...]
    timeline: tuple[TimelineEntry, ...]
    contradictions: tuple[Contradiction, ...]
    said: dict[str, list[Claim]] = field(default_factory=dict)

    @property
    def topics(self) -> tuple[str, ...]:
        """What guidance is asked about: the board's question, then diagnoses and stages; facts without identity."""
        stated = [f for f in self.facts if f.kind.value in {"diagnosis", "stage"} and not f.negated]
        newest = [f"{f.attribute} {f.value} {f.qualifier}".strip() for f in reversed(stated)]
        return tuple(dict.fromkeys((self.question, *newest)))[: TOPICS + 1]


async def read_case(board: Board, access: AccessContext, history: PatientHistory | None) -> Case:
    """The case of a board.

    Raises:
        HistoryUnavailable: the record does not answer.
    """
    documents = tuple(await history.documents(access)) if history is not None else ()
    facts, events, conflicts = await asyncio.to_thread(_understood, documents)
    return Case(access, board.question, board.study_uids, documents, facts, events, conflicts)


def _understood(
    documents: Sequence[HistoryDocument],
) -> tuple[tuple[ClinicalFact, ...], tuple[TimelineEntry, ...], tuple[Contradiction, ...]]:
    facts = tuple(fact for document in documents for fact in extract(document))
    return facts, tuple(timeline(documents)), tuple(contradictions(facts))
