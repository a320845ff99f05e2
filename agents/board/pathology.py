"""The pathology member: histology, biomarkers and stage from the record, cells from the slides."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from agents.board.case import SLIDE, Case
from agents.board.claims import of_answer, of_self
from agents.board.member import ImagingAnswer
from agents.board.passages import passages
from domain.board import Claim, Source
from domain.errors import MedImageError
from domain.history import DocumentKind
from tools.clinical_record.fact import Certainty, ClinicalFact, FactKind

TISSUE = frozenset({"histology", "specimen", "primary cancer", "primary site"})
REPORTS = (DocumentKind.PATHOLOGY_REPORT,)
ON_SLIDES = "Outline neoplastic cells and nuclei."


class PathologyMember:
    """Speaks from the record; what slides show it lets the planner outline."""

    def __init__(self, imaging: ImagingAnswer) -> None:
        self._imaging = imaging

    async def speak(self, case: Case, question: str) -> Sequence[Claim]:
        """The newest statement of each attribute, and what the slides show; to a question the passages that fit."""
        if question:
            return await passages(case, question, REPORTS)
        slides = [uid for uid in case.study_uids if case.modalities(uid) & SLIDE]
        return [*stated(case), *[claim for uid in slides for claim in await self._outlined(case, uid)]]

    async def _outlined(self, case: Case, uid: str) -> list[Claim]:
        try:
            return of_answer(case, uid, await self._imaging.ask(case.access, uid, ON_SLIDES))
        except MedImageError as error:
            return [Claim(f"{case.named(uid)} could not be read: {error.reason}", (Source("study", uid),))]


def stated(case: Case) -> list[Claim]:
    """Tumour, stage and markers, the newest statement of each; what the record contradicts has every value, marked."""
    disputed = {c.attribute for c in case.conflicts}
    newest: dict[tuple[str, str, str], ClinicalFact] = {}
    for fact in sorted((f for f in case.facts if _of_tumour(f)), key=lambda f: f.dated or date.min):
        newest[(fact.attribute, fact.qualifier, fact.value if fact.attribute in disputed else "")] = fact
    made = [_claim(fact, marked=fact.attribute in disputed) for fact in newest.values()]
    reported = any(d.kind is DocumentKind.PATHOLOGY_REPORT for d in case.documents)
    if made and not reported:
        made.append(of_self("pathology", "The record has no pathology report: this is what other documents quote."))
    return made


def _of_tumour(fact: ClinicalFact) -> bool:
    told = fact.attribute in TISSUE or fact.kind in {FactKind.STAGE, FactKind.BIOMARKER}
    return told and not fact.negated and fact.certainty is Certainty.STATED


def _claim(fact: ClinicalFact, *, marked: bool) -> Claim:
    when = f" ({fact.dated.isoformat()})" if fact.dated else ""
    side = f", {fact.qualifier}" if fact.qualifier else ""
    doubt = "; the record contradicts itself here" if marked else ""
    text = f"{fact.attribute}: {fact.value}{side}{when}{doubt}."
    return Claim(text, (Source("document", fact.document_id, fact.sentence),))
