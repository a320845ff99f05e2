"""What a patient's record tells a tumour board: the course of the disease, and what contradicts itself."""

from __future__ import annotations

from dataclasses import dataclass

from domain.access import AccessContext
from domain.errors import HistoryUnavailable
from domain.history import HistoryDocument, PatientHistory
from domain.ports import Compute
from tools.clinical_record.contradiction import Contradiction
from tools.clinical_record.contradictions import contradictions
from tools.clinical_record.facts import extract
from tools.clinical_record.timeline import TimelineEntry, timeline


@dataclass(frozen=True)
class BoardCase:
    """The record in short; `warnings` say what of it was not read."""

    timeline: tuple[TimelineEntry, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()
    warnings: tuple[str, ...] = ()


class CaseReader:
    """Reads a patient's history into a case.

    Args:
        history: None where none is kept.
        compute: where the texts are read; the event loop stays free.
    """

    def __init__(self, history: PatientHistory | None, compute: Compute) -> None:
        self._history = history
        self._compute = compute

    async def read(self, access: AccessContext) -> BoardCase:
        """The case of the patient that `access` is bound to. Raises PatientLockViolation."""
        if self._history is None:
            return BoardCase(warnings=("This server keeps no history.",))
        try:
            documents = await self._history.documents(access)
        except HistoryUnavailable as error:
            return BoardCase(warnings=(f"The history was not read: {error.reason}",))
        events, conflicts = await self._compute.run(_told, tuple(documents))
        return BoardCase(events, conflicts, tuple(getattr(documents, "warnings", ())))


def _told(
    documents: tuple[HistoryDocument, ...],
) -> tuple[tuple[TimelineEntry, ...], tuple[Contradiction, ...]]:
    facts = [fact for document in documents for fact in extract(document)]
    return timeline(documents), contradictions(facts)
