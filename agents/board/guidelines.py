"""The guidelines member: published guidance that fits what the record states; it chooses no treatment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from agents.board.case import Case
from domain.board import Claim, Source
from domain.evidence import EvidenceLookup, Guidance
from domain.study import Patient
from tools.clinical_record.fact import Certainty, ClinicalFact, FactKind
from tools.deidentification_text import scrub_text

TOPICS = 6
ROWS = 2
"""Recommendations to a question that was put; a topic of the record gets the one that fits best."""


class GuidelinesMember:
    """Speaks from a library of guidance."""

    def __init__(self, evidence: EvidenceLookup) -> None:
        self._evidence = evidence

    async def speak(self, case: Case, question: str) -> Sequence[Claim]:
        """Recommendations with to whom they apply, publication and year."""
        put = question or case.question
        rows: list[Guidance] = []
        for text in [question] if question else topics(case):
            clean = scrub_text(text, case.patient or Patient()).value
            rows += await self._evidence.lookup(clean, limit=ROWS if text == put else 1)
        return [
            Claim(
                f"{row.topic} ({row.applies}): {row.recommendation} [{row.source}]",
                (Source("guidance", row.guidance_id, row.source),),
            )
            for row in {row.guidance_id: row for row in rows}.values()
        ]


def topics(case: Case) -> list[str]:
    """What guidance is asked about: the board's question, then stage and response as canonical facts."""
    asked = (text for text in (case.question, *_of_record(case.facts)) if text.strip())
    return list(islice(dict.fromkeys(asked), TOPICS))


def _of_record(facts: Sequence[ClinicalFact]) -> Iterator[str]:
    """Newest first. Sizes of lesions are not asked about: guidance on incidental findings excludes known cancer."""
    stated = [f for f in facts if not f.negated and f.certainty is Certainty.STATED]
    for fact in reversed(stated):
        if fact.kind is FactKind.STAGE and fact.qualifier:
            yield f"{fact.qualifier} cancer {fact.attribute} {fact.value}"
        elif fact.attribute == "response":
            yield f"RECIST response {fact.value}"
