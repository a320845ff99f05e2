"""The case before a board: the record, what it says, where it contradicts itself, and what was said so far."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agents.board.member import StudyFacts
from domain.access import AccessContext
from domain.board import Board, BoardMessage, Claim
from domain.errors import MedImageError
from domain.history import HistoryDocument, PatientHistory
from domain.study import Patient, Study
from tools.clinical_record.contradiction import Contradiction, ContradictionKind
from tools.clinical_record.contradictions import contradictions
from tools.clinical_record.fact import ClinicalFact
from tools.clinical_record.facts import extract
from tools.clinical_record.timeline import TimelineEntry, timeline

SLIDE = frozenset({"SM", "GM"})
"""DICOM modalities of microscopy: slides, and images taken through a microscope."""


@dataclass
class Case:
    """What the members speak about.

    Attributes:
        access: of the person who started the run; bound to the board's patient.
        question: the board's, or the one that this run was started with.
        studies: what is known of the board's studies, by UID; a study that did not open is not in it.
        people: everything that people said, oldest first, what they say during the run too.
        noted: ids of remarks that ask for nothing; the report tells of them.
        said: what each agent said in this run.
    """

    access: AccessContext
    board: Board
    documents: tuple[HistoryDocument, ...]
    facts: tuple[ClinicalFact, ...]
    timeline: tuple[TimelineEntry, ...]
    contradictions: tuple[Contradiction, ...]
    studies: Mapping[str, Study] = field(default_factory=dict)
    people: list[BoardMessage] = field(default_factory=list)
    noted: set[str] = field(default_factory=set)
    said: dict[str, list[Claim]] = field(default_factory=dict)

    @property
    def question(self) -> str:
        """What the board is asked."""
        return self.board.question

    @property
    def study_uids(self) -> tuple[str, ...]:
        """The board's studies, as it names them."""
        return self.board.study_uids

    @property
    def conflicts(self) -> tuple[Contradiction, ...]:
        """Contradictions that cannot all be true; what changed or was rounded is none."""
        return tuple(c for c in self.contradictions if c.kind is ContradictionKind.CONFLICT)

    @property
    def patient(self) -> Patient | None:
        """Whose identity is to be taken out of what leaves; None where no study tells."""
        return next((study.patient for study in self.studies.values()), None)

    def modalities(self, study_uid: str) -> frozenset[str]:
        """Of a study's series; empty where it is not known."""
        study = self.studies.get(study_uid)
        return frozenset(series.modality for series in study.series) if study else frozenset()

    def is_slide(self, study_uid: str) -> bool:
        """Whether a study is known to hold nothing but microscopy."""
        return bool(told := self.modalities(study_uid)) and told <= SLIDE

    def named(self, study_uid: str) -> str:
        """A study in words: "Study 1 (CT, 2021-03-22)"."""
        study = self.studies.get(study_uid)
        told = "+".join(sorted(self.modalities(study_uid)))
        day = study.started.date().isoformat() if study and study.started else ""
        about = ", ".join(filter(None, (told, day)))
        return f"Study {self.study_uids.index(study_uid) + 1}{f' ({about})' if about else ''}"


async def read_case(
    board: Board, access: AccessContext, history: PatientHistory | None, studies: StudyFacts | None = None
) -> Case:
    """The case of a board.

    Raises:
        HistoryUnavailable: the record does not answer.
    """
    known = await _known(board, access, studies) if studies is not None else {}
    documents = tuple(await history.documents(access)) if history is not None else ()
    facts, events, found = await asyncio.to_thread(_understood, documents)
    return Case(access, board, documents, facts, events, found, known)


async def _known(board: Board, access: AccessContext, studies: StudyFacts) -> dict[str, Study]:
    """The studies that open; why another one does not is told by who looks into it."""
    known: dict[str, Study] = {}
    for uid in board.study_uids:
        try:
            known[uid] = await studies.study(access, uid, board.question)
        except MedImageError:
            continue
    return known


def _understood(
    documents: Sequence[HistoryDocument],
) -> tuple[tuple[ClinicalFact, ...], tuple[TimelineEntry, ...], tuple[Contradiction, ...]]:
    facts = tuple(fact for document in documents for fact in extract(document))
    return facts, timeline(documents), contradictions(facts)
