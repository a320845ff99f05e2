"""Members of a tumour board: each speaks from its own sources, and every claim names its source."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from agents.board.case import Case
from domain.access import AccessContext
from domain.analysis import Step
from domain.board import Claim, Source
from domain.errors import MedImageError
from domain.evidence import EvidenceLookup
from domain.history import DocumentKind, HistoryDocument
from domain.ports import Listener
from tools.clinical_record.search import search

EVENTS = 24
"""Events of the timeline that are read out, the newest; the minutes have all."""
PASSAGES = 4
NEWEST, BEGINNING = 2, 400
"""Documents, and characters of each, that are read out where no passage fits."""
FINDING_KINDS = ("diagnosis", "stage", "biomarker")
PATHOLOGY = (DocumentKind.PATHOLOGY_REPORT,)
_IDS = re.compile(r"\b(s\d+)\b")


class ImagingAnswer(Protocol):
    """The planner's answer to a question about one study."""

    async def ask(
        self, access: AccessContext, study_uid: str, question: str, listener: Listener | None = None
    ) -> tuple[str, str, tuple[Step, ...]]:
        """Its words, the analysis ("" when it made none), and the steps of that."""


class Member(Protocol):
    """One agent of the board."""

    @property
    def name(self) -> str:
        """As it is addressed: "@history"."""

    async def speak(self, case: Case, question: str) -> Sequence[Claim]:
        """What it has to say: about the case, or to a question; () when its sources have nothing."""


class HistoryMember:
    """The course of the disease, and what the record says to a question."""

    name = "history"

    async def speak(self, case: Case, question: str) -> Sequence[Claim]:
        """The timeline, newest events last; to a question the passages that fit."""
        if question:
            return await _passages(case, question, ())
        return [
            Claim(
                f"{entry.dated.isoformat()}: {entry.title}{_details(entry.details)}"
                f"{' (planned)' if entry.certainty == 'planned' else ''}.",
                tuple(Source("document", s.document_id, s.sentence) for s in entry.sources),
            )
            for entry in case.timeline[-EVENTS:]
        ]


class PathologyMember:
    """Histology, biomarkers and stage, as the record states them."""

    name = "pathology"

    async def speak(self, case: Case, question: str) -> Sequence[Claim]:
        """The newest statement of each attribute, with its sentence."""
        if question:
            return await _passages(case, question, PATHOLOGY)
        newest: dict[tuple[str, str], Claim] = {}
        for fact in case.facts:
            if fact.kind.value in FINDING_KINDS and not fact.negated and fact.certainty.value == "stated":
                when = f" ({fact.dated.isoformat()})" if fact.dated else ""
                side = f", {fact.qualifier}" if fact.qualifier else ""
                text = f"{fact.attribute}: {fact.value}{side}{when}."
                source = Source("document", fact.document_id, fact.sentence)
                newest[(fact.attribute, fact.qualifier)] = Claim(text, (source,))
        return list(newest.values())


class ImagingMember:
    """What the planner finds in the studies of the board, with the steps behind it."""

    name = "imaging"

    def __init__(self, answer: ImagingAnswer) -> None:
        self._answer = answer

    async def speak(self, case: Case, question: str) -> Sequence[Claim]:
        """A claim for each line of the planner's answer; a study that cannot be read is said, not skipped."""
        claims: list[Claim] = []
        for number, uid in enumerate(case.study_uids, 1):
            asked = question or case.question
            try:
                text, analysis_id, steps = await self._answer.ask(case.access, uid, asked)
            except MedImageError as error:
                claims.append(Claim(f"Study {number} could not be read: {error.reason}", (Source("study", uid),)))
                continue
            claims += _of_answer(text, analysis_id, steps, number, uid)
        return claims


class GuidelinesMember:
    """Published guidance that fits what the record states; no treatment is chosen by it."""

    name = "guidelines"

    def __init__(self, evidence: EvidenceLookup) -> None:
        self._evidence = evidence

    async def speak(self, case: Case, question: str) -> Sequence[Claim]:
        """Recommendations with publication and year."""
        rows = []
        for asked in [question] if question else case.topics:
            rows += list(await self._evidence.lookup(asked, limit=2))
        unique = {row.guidance_id: row for row in rows}
        return [
            Claim(
                f"{row.topic} ({row.applies}): {row.recommendation} [{row.source}]",
                (Source("guidance", row.guidance_id, row.source),),
            )
            for row in unique.values()
        ]


class ReportMember:
    """What the board has before it, gathered from what the others said. Options are for people."""

    name = "report"

    async def speak(self, case: Case, question: str) -> Sequence[Claim]:  # noqa: ARG002 - a member's signature
        """One claim for each member who spoke, with that member's sources, and one for what is open."""
        claims = [
            Claim(f"{name.capitalize()}, {len(said)} statements, the last: {said[-1].text}", said[-1].sources)
            for name, said in case.said.items()
            if said and name != self.name
        ]
        conflicts = [c for c in case.contradictions if c.kind.value == "conflict"]
        if conflicts:
            sources = tuple(Source("document", s.document_id, s.sentence) for c in conflicts for s in c.statements)
            about = "; ".join(dict.fromkeys(c.attribute for c in conflicts))
            claims.append(Claim(f"To be settled by the board, since the sources disagree: {about}.", sources))
        return claims


def contradiction_claims(case: Case) -> list[Claim]:
    """Each conflict between sources, with all sides of it."""
    return [
        Claim(
            f"The sources disagree on {c.attribute} ({c.severity.value}): {c.explanation}",
            tuple(Source("document", s.document_id, s.sentence) for s in c.statements),
        )
        for c in case.contradictions
        if c.kind.value == "conflict"
    ]


async def _passages(case: Case, question: str, kinds: Sequence[DocumentKind]) -> list[Claim]:
    found = await asyncio.to_thread(search, case.documents, question, kinds, limit=PASSAGES)
    if not found:
        return [_beginning(d) for d in [d for d in case.documents if d.kind in kinds][-NEWEST:]]
    return [
        Claim(
            f"{p.title}{f', {p.dated.isoformat()}' if p.dated else ''}: {' '.join(p.text.split())}",
            (Source("document", p.document_id, p.text),),
        )
        for p in found
    ]


def _beginning(document: HistoryDocument) -> Claim:
    """What a document of the right kind begins with, where no passage fits the words of a question."""
    quote = document.text[:BEGINNING]
    when = f", {document.dated.isoformat()}" if document.dated else ""
    text = f"{document.title}{when}: {' '.join(quote.split())}"
    return Claim(text, (Source("document", document.document_id, quote),))


def _of_answer(text: str, analysis_id: str, steps: Sequence[Step], number: int, uid: str) -> list[Claim]:
    known = {s.step_id for s in steps}
    last = [s.step_id for s in steps if s.ok][-1:]
    claims = []
    for line in filter(None, map(str.strip, text.splitlines())):
        cited = [s for s in dict.fromkeys(_IDS.findall(line)) if s in known] or last
        sources = tuple(Source("step", f"{analysis_id}/{s}") for s in cited) if analysis_id else ()
        claims.append(Claim(f"Study {number}: {line}", sources or (Source("study", uid),)))
    return claims


def _details(details: Sequence[str]) -> str:
    return f": {', '.join(details)}" if details else ""


def members(imaging: ImagingAnswer, evidence: EvidenceLookup | None, *, record: bool) -> Mapping[str, Member]:
    """The registry: who is on the board, in the order in which the built-in chair calls them."""
    rows: list[Member] = []
    if record:
        rows += [HistoryMember(), PathologyMember()]
    rows.append(ImagingMember(imaging))
    if evidence is not None:
        rows.append(GuidelinesMember(evidence))
    rows.append(ReportMember())
    return {row.name: row for row in rows}
