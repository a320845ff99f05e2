"""Studies on record: facts for lists and pages, behind the patient lock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.errors import PatientLockViolation, StudyNotFound
from domain.ports import Clock
from records.audit import Attempt, AuditLedger
from records.tables import StudyRow


@dataclass(frozen=True)
class StudyRecord:
    """What is kept about a study besides its files.

    Attributes:
        patient_key: `domain.study.Patient.key`.
        started: local time of the examination as the source gives it, without zone.
        folder: name of its folder below the studies' root.
        series: `SeriesFacts` of each series as dictionaries.
    """

    study_uid: str
    patient_key: str
    patient_id: str
    modality: str
    description: str
    body_part: str
    started: datetime | None
    accession: str
    folder: str
    series: tuple[dict[str, Any], ...]
    warnings: tuple[str, ...]
    created: datetime | None = None
    updated: datetime | None = None

    @property
    def lock(self) -> str:
        """What a conversation is bound to: the patient, or this study alone where the source names no patient."""
        return f"patient {self.patient_key}" if self.patient_id else f"study {self.study_uid}"


class StudyRecords:
    """Reads and writes studies; every call is audited in its own transaction."""

    def __init__(self, audit: AuditLedger, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock

    async def access(self, user: str, study_uid: str, purpose: str = "TREAT") -> AccessContext:
        """Bind a user's work to the patient of a study. Grants nothing by itself: what is done with it is audited.

        Raises:
            StudyNotFound.
        """
        row = await self._audit.database.transact(lambda session: _row(session, study_uid))
        return AccessContext(user, row.patient_key, purpose)

    async def get(self, access: AccessContext, study_uid: str, action: str = "study.read") -> StudyRecord:
        """One study. Raises StudyNotFound, PatientLockViolation."""

        def work(session: Session) -> StudyRecord:
            row = _row(session, study_uid)
            access.require(row.patient_key)
            return _record(row)

        return await self._audit.guard(access, Attempt(action, "study", study_uid), work)

    async def list(self, access: AccessContext, limit: int = 200) -> tuple[StudyRecord, ...]:
        """Studies, newest first; those of one patient when the work is bound to one."""

        def work(session: Session) -> tuple[StudyRecord, ...]:
            query = select(StudyRow).order_by(StudyRow.created.desc(), StudyRow.study_uid).limit(limit)
            if access.patient_key is not None:
                query = query.where(StudyRow.patient_key == access.patient_key)
            return tuple(_record(row) for row in session.scalars(query))

        return await self._audit.guard(access, Attempt("study.list", "study"), work)

    async def of_patient(self, access: AccessContext, study_uid: str) -> tuple[StudyRecord, ...]:
        """The other studies of the patient of a study, in the order in which they arrived.

        Studies whose source names no patient are nobody's: they are neither found nor do they find any.

        Raises:
            StudyNotFound, PatientLockViolation.
        """

        def work(session: Session) -> tuple[StudyRecord, ...]:
            here = _row(session, study_uid)
            access.require(here.patient_key)
            if not here.patient_id:
                return ()
            query = select(StudyRow).where(StudyRow.patient_key == here.patient_key, StudyRow.study_uid != study_uid)
            return tuple(_record(row) for row in session.scalars(query.order_by(StudyRow.created, StudyRow.study_uid)))

        return await self._audit.guard(access, Attempt("study.priors", "study", study_uid), work)

    async def find(self, study_uid: str) -> StudyRecord | None:
        """What is on record under a UID, for the arrival of files; shown to nobody."""

        def work(session: Session) -> StudyRecord | None:
            row = session.get(StudyRow, study_uid)
            return None if row is None else _record(row)

        return await self._audit.database.transact(work)

    async def put(self, access: AccessContext, record: StudyRecord) -> StudyRecord:
        """Add a study, or renew its facts when more files of it arrived.

        Raises:
            PatientLockViolation: the UID is on record for another patient.
        """

        def work(session: Session) -> StudyRecord:
            row = session.get(StudyRow, record.study_uid)
            if row is not None and row.patient_key != record.patient_key:
                raise PatientLockViolation(
                    "A study with this UID is on record for another patient.",
                    remedy="Correct the study UID or the patient id at the source.",
                )
            if access.patient_key is not None:
                access.require(record.patient_key)
            row = row or StudyRow(study_uid=record.study_uid, created=self._clock.now())
            _fill(row, record)
            row.updated = self._clock.now()
            session.add(row)
            session.flush()
            return _record(row)

        return await self._audit.guard(access, Attempt("study.store", "study", record.study_uid), work)


def _row(session: Session, study_uid: str) -> StudyRow:
    row = session.get(StudyRow, study_uid)
    if row is None:
        raise StudyNotFound("There is no such study.")
    return row


def _fill(row: StudyRow, record: StudyRecord) -> None:
    for name in ("patient_key", "patient_id", "description", "started", "folder"):
        setattr(row, name, getattr(record, name))
    for name in ("modality", "body_part", "accession"):
        setattr(row, name, getattr(record, name)[:64])  # PostgreSQL refuses what is longer, and the rest is not shown
    row.series = list(record.series)
    row.warnings = list(record.warnings)


def _record(row: StudyRow) -> StudyRecord:
    return StudyRecord(
        study_uid=row.study_uid,
        patient_key=row.patient_key,
        patient_id=row.patient_id,
        modality=row.modality,
        description=row.description,
        body_part=row.body_part,
        started=row.started,
        accession=row.accession,
        folder=row.folder,
        series=tuple(row.series),
        warnings=tuple(row.warnings),
        created=row.created,
        updated=row.updated,
    )
