"""The report member: the case in short for the board, from what the others said. Options are for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agents.board.case import Case
from agents.board.claims import AMOUNT, of_self
from agents.board.history import event_claim
from agents.board.pathology import stated
from domain.board import Claim, Source
from tools.clinical_record.contradiction import Contradiction, Severity
from tools.clinical_record.fact import Certainty
from tools.clinical_record.timeline import EventKind

COURSE = 6
"""Events of the course that the summary names: the first diagnosis, and the newest."""
LONGEST = 8
"""Statements of imaging and of guidance."""
STANDING = "This summary is a draft. It names no treatment: options are for the people on the board to weigh."
TOLD = frozenset({EventKind.DIAGNOSIS, EventKind.IMAGING, EventKind.PROCEDURE, EventKind.TREATMENT, EventKind.RESPONSE})
"""What was found and done; what was only considered or advised is left to the record."""


class ReportMember:
    """Speaks from what this run has gathered."""

    async def speak(self, case: Case, question: str) -> Sequence[Claim]:  # noqa: ARG002 - a member's signature
        """Course, pathology, imaging, contradictions, open questions, guidance: each with the sources behind it."""
        gathered = [
            *_joined("Course", _course(case)),
            *_joined("Pathology", _of_sources(stated(case))),
            *_joined("Imaging", _measured(_said(case, "imaging"))),
            *_contradictions(case),
            *(Claim(f"Open: {claim.text}", claim.sources) for claim in _open(case)),
            *_joined("Guidance", _said(case, "guidelines")),
        ]
        return [*gathered, of_self("report", STANDING)] if gathered else []


def _course(case: Case) -> list[Claim]:
    happened = [e for e in case.timeline if e.kind in TOLD and e.certainty is not Certainty.PLANNED]
    first = [e for e in happened if e.kind is EventKind.DIAGNOSIS][:1]
    newest = [e for e in happened if e not in first][-(COURSE - len(first)) :]
    return [event_claim(entry) for entry in sorted((*first, *newest), key=lambda e: e.dated)]


def _said(case: Case, name: str) -> list[Claim]:
    return _of_sources(case.said.get(name, []))[:LONGEST]


def _measured(claims: Sequence[Claim]) -> list[Claim]:
    """Without remarks on the images, where something was measured."""
    return [c for c in claims if AMOUNT.search(c.text)] or list(claims)


def _of_sources(claims: Sequence[Claim]) -> list[Claim]:
    """Without what an agent says about itself, and without repetition."""
    told = {c.text: c for c in claims if any(s.kind != "board" for s in c.sources)}
    return list(told.values())


def _joined(heading: str, claims: Sequence[Claim]) -> Iterator[Claim]:
    if claims:
        sources = dict.fromkeys(s for claim in claims for s in claim.sources)
        yield Claim(f"{heading}: {' '.join(c.text for c in claims)}", tuple(sources))


def _contradictions(case: Case) -> Iterator[Claim]:
    grave = [c for c in case.conflicts if c.severity is not Severity.LOW]
    if grave:
        names = "; ".join(dict.fromkeys(c.attribute for c in grave))
        yield Claim(f"Contradictions: the sources disagree on {names}.", _sources(grave))


def _open(case: Case) -> Iterator[Claim]:
    """What the board has to settle: grave conflicts, studies that nobody could read, and what people noted."""
    for conflict in case.conflicts:
        if conflict.severity is Severity.HIGH:
            values = ", ".join(dict.fromkeys(s.value for s in conflict.statements))
            yield Claim(f"which {conflict.attribute} holds: {values}?", _sources([conflict]))
    for claim in case.said.get("imaging", []):
        if "could not be read" in claim.text:
            yield claim
    for message in case.people:
        if message.message_id in case.noted:
            yield Claim(f"{message.author} noted: {message.text}", (Source("person", message.message_id),))


def _sources(conflicts: Sequence[Contradiction]) -> tuple[Source, ...]:
    found = (Source("document", s.document_id, s.sentence) for c in conflicts for s in c.statements)
    return tuple(dict.fromkeys(found))
