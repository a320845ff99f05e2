"""A patient's history: documents that were uploaded here, and the audit of those that are read elsewhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.errors import HistoryUnavailable, MedImageError, NotFound, PatientLockViolation, UnusableInput
from domain.history import DocumentKind, HistoryDocument, PatientHistory, ReadHistory
from domain.ports import Clock
from records.audit import Attempt, AuditLedger
from records.tables import HistoryRow

MOST_DOCUMENTS = 5_000
"""Documents of one patient."""
LONGEST_TEXT = 500_000
"""Characters of one document."""

_READ = "history.read"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""Characters that no database takes: NUL, and halves of a pair."""


class DocumentNotFound(NotFound):
    """No such document in this patient's history."""


class HistoryFull(UnusableInput):
    """More documents, or a longer one, than a patient's history holds."""

    remedy_default = "Remove documents that are not needed, or send the parts that matter."


class HistoryRecords:
    """`PatientHistory` of what was uploaded, behind the patient lock; every call is audited in its transaction.

    All of a patient's studies share one history. Images that name no patient have none: it would be everybody's.
    """

    def __init__(self, audit: AuditLedger, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock

    async def add(self, access: AccessContext, documents: Sequence[HistoryDocument]) -> None:
        """Keep documents; one with an id that is there already takes its place. All of them or none.

        Raises:
            PatientLockViolation: `access` is bound to nobody.
            HistoryUnavailable: the images name no patient.
            HistoryFull: too many, or too long.
        """

        def work(session: Session) -> None:
            key = _patient(access)
            if any(len(d.text) > LONGEST_TEXT for d in documents):
                raise HistoryFull(f"A document is longer than {LONGEST_TEXT} characters.")
            for document in documents:
                session.merge(_row(key, document, self._clock))
            session.flush()
            kept = session.scalar(select(func.count()).select_from(HistoryRow).where(HistoryRow.patient_key == key))
            if (kept or 0) > MOST_DOCUMENTS:
                raise HistoryFull(f"A patient's history holds at most {MOST_DOCUMENTS} documents.")

        detail = f"{len(documents)} documents"
        await self._audit.guard(access, Attempt("history.store", "history", detail=detail), work)

    async def documents(self, access: AccessContext) -> Sequence[HistoryDocument]:
        """All of the patient's documents, oldest first, those without a date last.

        Raises:
            PatientLockViolation: `access` is bound to nobody.
            HistoryUnavailable: the images name no patient.
        """

        def work(session: Session) -> ReadHistory:
            key = _patient(access)
            rows = session.scalars(select(HistoryRow).where(HistoryRow.patient_key == key)).all()
            return ReadHistory(sorted(map(_document, rows), key=_age))

        return await self._audit.guard(access, Attempt(_READ, "history"), work)

    async def get(self, access: AccessContext, document_id: str) -> HistoryDocument:
        """One document. Raises DocumentNotFound, PatientLockViolation, HistoryUnavailable."""

        def work(session: Session) -> HistoryDocument:
            return _document(_found(session, access, document_id))

        return await self._audit.guard(access, Attempt(_READ, "history", document_id), work)

    async def remove(self, access: AccessContext, document_id: str) -> None:
        """Delete one document. Raises DocumentNotFound, PatientLockViolation, HistoryUnavailable."""

        def work(session: Session) -> None:
            session.delete(_found(session, access, document_id))

        await self._audit.guard(access, Attempt("history.remove", "history", document_id), work)


class AuditedHistory:
    """Lock and audit around a history that is kept elsewhere: nothing is handed out before the ledger knows.

    Args:
        history: the source; it is asked for bound work only.
        name: of the source, for the ledger.
    """

    def __init__(self, history: PatientHistory, audit: AuditLedger, name: str) -> None:
        self._history = history
        self._audit = audit
        self._attempt = Attempt(_READ, "history", name)

    async def documents(self, access: AccessContext) -> Sequence[HistoryDocument]:
        """What the source has. Raises PatientLockViolation, HistoryUnavailable."""
        try:
            _patient(access)
            found = await self._history.documents(access)
        except MedImageError as error:
            outcome = "refused" if isinstance(error, PatientLockViolation) else "failed"
            await self._audit.note(access, self._attempt, outcome, type(error).__name__)
            raise
        await self._audit.note(access, self._attempt, detail=f"{len(found)} documents")
        return found


class CombinedHistory:
    """Several sources as one, oldest first: what was uploaded here beside what the EHR has.

    A source that does not answer is a warning while another one does.
    """

    def __init__(self, sources: Sequence[PatientHistory]) -> None:
        self._sources = tuple(sources)

    async def documents(self, access: AccessContext) -> Sequence[HistoryDocument]:
        """Documents of all sources. Raises PatientLockViolation, and HistoryUnavailable when none answers."""
        found: list[HistoryDocument] = []
        warnings: list[str] = []
        silent: list[HistoryUnavailable] = []
        for source in self._sources:
            try:
                read = await source.documents(access)
            except HistoryUnavailable as error:
                silent.append(error)
                continue
            found += read
            warnings += getattr(read, "warnings", ())
        if silent and len(silent) == len(self._sources):
            raise silent[0]
        warnings += [f"A source of the history was not read: {error.reason}" for error in silent]
        return ReadHistory(sorted(found, key=_age), warnings)


def _age(document: HistoryDocument) -> tuple[date, str]:
    return document.dated or date.max, document.document_id


def _patient(access: AccessContext) -> str:
    """The key that the history is kept under."""
    if access.patient_key is None:
        raise PatientLockViolation("A history belongs to one patient.")
    if not access.patient_key.rpartition("|")[2].strip():
        reason = "The images name no patient, so that no history can be theirs."
        raise HistoryUnavailable(reason, remedy="Send images with a PatientID.")
    return access.patient_key


def _found(session: Session, access: AccessContext, document_id: str) -> HistoryRow:
    row = session.get(HistoryRow, (_patient(access), document_id))
    if row is None:
        raise DocumentNotFound("There is no such document in this patient's history.")
    return row


def _row(key: str, document: HistoryDocument, clock: Clock) -> HistoryRow:
    return HistoryRow(
        patient_key=key,
        document_id=document.document_id,
        kind=document.kind.value,
        title=_storable(document.title),
        text=_storable(document.text),
        dated=document.dated,
        source=_storable(document.source),
        added=clock.now(),
    )


def _storable(text: str) -> str:
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _document(row: HistoryRow) -> HistoryDocument:
    return HistoryDocument(
        document_id=row.document_id,
        kind=DocumentKind(row.kind),
        title=row.title,
        text=row.text,
        dated=row.dated,
        source=row.source,
    )
