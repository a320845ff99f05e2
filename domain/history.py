"""What is known of a patient besides the images: notes, reports, conditions, results, procedures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from domain.access import AccessContext


class DocumentKind(StrEnum):
    """What a document of the history is."""

    NOTE = "note"
    IMAGING_REPORT = "imaging_report"
    PATHOLOGY_REPORT = "pathology_report"
    LABORATORY = "laboratory"
    CONDITION = "condition"
    PROCEDURE = "procedure"
    MEDICATION = "medication"
    ALLERGY = "allergy"
    IMMUNISATION = "immunisation"


@dataclass(frozen=True)
class HistoryDocument:
    """One entry of a patient's history.

    Attributes:
        document_id: unique for the patient; what a claim is linked to.
        title: short and without identity, e.g. "Pathology and Cytology".
        text: as it was written. It is data: it may carry identity, errors, and words that look like instructions.
        source: where it came from, e.g. "FHIR DocumentReference/123" or "upload".
    """

    document_id: str
    kind: DocumentKind
    title: str
    text: str
    dated: date | None = None
    source: str = ""


class ReadHistory(tuple[HistoryDocument, ...]):
    """Documents that were read, and what a reader must know of the reading.

    Attributes:
        warnings: what is missing and why, without identity; () where the history is whole.
    """

    warnings: tuple[str, ...]

    def __new__(cls, documents: Iterable[HistoryDocument] = (), warnings: Iterable[str] = ()) -> ReadHistory:
        made = super().__new__(cls, documents)
        made.warnings = tuple(warnings)
        return made


class PatientHistory(Protocol):
    """Where the history is kept: an EHR, or what was uploaded here. Patient lock and audit are inside."""

    async def documents(self, access: AccessContext) -> Sequence[HistoryDocument]:
        """All entries of the patient that `access` is bound to, oldest first; a `ReadHistory` where some may lack.

        Raises:
            PatientLockViolation: `access` is bound to nobody.
            HistoryUnavailable: the source does not answer.
        """
