"""Jobs come in: each once by its key, and those that come at the same time in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from sqlalchemy import Table, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.errors import MedImageError, PatientLockViolation, StudyNotFound
from domain.ports import Clock
from records.audit import Attempt, AuditLedger
from records.errors import Conflict, DatabaseUnavailable
from records.job_rows import JobRecord, NewJob, columns_of, record_of
from records.job_signals import QUEUED, JobSignals
from records.job_tables import JobRow
from records.tables import StudyRow

TOGETHER = 100
"""Jobs of one transaction, of those that come one by one."""
CHUNK = 500
"""Rows of one statement."""
_NOBODY = ("", "")
Row = dict[str, Any]
_JOBS = cast(Table, JobRow.__table__)


@dataclass(frozen=True)
class _Coming:
    """A job, and who waits for it.

    Attributes:
        of_study: its study is read in the same transaction, and says the modality.
    """

    job: NewJob
    taken: asyncio.Future[JobRecord]
    of_study: bool


class JobIntake:
    """Queues jobs. What comes while a transaction is under way goes into the next together: none waits for company.

    What is wrong with one of them is its own: the others of its transaction are queued, and its refusal is audited.
    """

    def __init__(self, audit: AuditLedger, clock: Clock, signals: JobSignals) -> None:
        self._audit = audit
        self._clock = clock
        self._signals = signals
        self._database = audit.database
        self._waiting: list[_Coming] = []
        self._working: asyncio.Task[None] | None = None

    async def enqueue(self, job: NewJob, *, of_study: bool = False) -> JobRecord:
        """See `records.jobs.JobRecords.enqueue` and `submit`."""
        if job.access.patient_key is None and not of_study:  # of a study that refusal is on the ledger
            raise PatientLockViolation("A job is about one patient.")
        taken: asyncio.Future[JobRecord] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Coming(job, taken, of_study))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work(), name="job intake")
        return await taken

    async def enqueue_all(self, jobs: Sequence[NewJob]) -> int:
        """See `records.jobs.JobRecords.enqueue_all`."""
        if any(job.access.patient_key is None for job in jobs):
            raise PatientLockViolation("A job is about one patient.")

        def work(session: Session) -> int:
            fresh = self._insert(session, jobs)
            for job in jobs:
                if job.job_id in fresh:
                    self._audit.append(session, job.access, _submit(job), "ok")
            self._signals.publish(session, QUEUED)
            return len(fresh)

        count = await self._database.transact(work)
        self._signals.tell(QUEUED)
        return count

    async def modalities(self, orders: Sequence[tuple[AccessContext, str]]) -> list[str] | None:
        """See `records.jobs.JobRecords.modalities`."""

        def work(session: Session) -> list[str] | None:
            known = _known(session, {uid for _, uid in orders})
            patients = [known.get(uid, _NOBODY)[0] for _, uid in orders]
            if any(not who or who != access.patient_key for who, (access, _) in zip(patients, orders, strict=True)):
                return None
            for access, uid in orders:
                self._audit.append(session, access, _read(uid), "ok")
            return [known[uid][1] for _, uid in orders]

        return await self._database.transact(work)

    async def _work(self) -> None:
        while self._waiting:
            together, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
            try:
                await self._take(together)
            except DatabaseUnavailable as error:
                _refuse(together, error)
            except Exception as error:
                if len(together) == 1:
                    _refuse(together, error)
                else:
                    for one in together:  # which of them it is, they find out one by one
                        await self._alone(one)

    async def _alone(self, one: _Coming) -> None:
        try:
            await self._take([one])
        except Exception as error:
            _refuse([one], error)

    async def _take(self, together: Sequence[_Coming]) -> None:
        answers = await self._database.transact(lambda session: self._put(session, together))
        self._signals.tell(QUEUED)
        for one, answer in zip(together, answers, strict=True):
            if isinstance(answer, MedImageError):
                _refuse([one], answer)
            elif not one.taken.done():
                one.taken.set_result(answer)

    def _put(self, session: Session, together: Sequence[_Coming]) -> list[JobRecord | MedImageError]:
        """What each comes to: its job, or why not. Refusals are answers, to be on the ledger with the rest."""
        known = _known(session, {one.job.study_uid for one in together if one.of_study})
        admitted = [self._admitted(session, one, known) for one in together]
        fresh = self._insert(session, [job for job in admitted if isinstance(job, NewJob)])
        if fresh:
            self._signals.publish(session, QUEUED)
        return [self._answer(session, job, fresh) if isinstance(job, NewJob) else job for job in admitted]

    def _admitted(self, session: Session, one: _Coming, known: Mapping[str, tuple[str, str]]) -> NewJob | MedImageError:
        """The job with its study's modality, or why its study is not read; on the ledger either way."""
        job = one.job
        if not one.of_study:
            return job
        patient, modality = known.get(job.study_uid, (None, ""))
        try:
            if patient is None:
                raise StudyNotFound("There is no such study.")
            job.access.require(patient)
        except MedImageError as error:
            outcome = "not_found" if isinstance(error, StudyNotFound) else "refused"
            self._audit.append(session, job.access, _read(job.study_uid), outcome, type(error).__name__)
            return error
        self._audit.append(session, job.access, _read(job.study_uid), "ok")
        return replace(job, modality=modality)

    def _answer(self, session: Session, job: NewJob, fresh: Mapping[str, Row]) -> JobRecord | MedImageError:
        columns = fresh.get(job.job_id)
        row = JobRow(**columns) if columns else session.scalars(select(JobRow).where(_same(job))).one()
        record = record_of(row)
        try:
            job.access.require(record.patient_key)
            if record.study_uid != job.study_uid:
                remedy = "Give each order a key of its own."
                raise Conflict("This key was used for a job of another study.", remedy=remedy)
        except MedImageError as error:
            self._audit.append(session, job.access, _submit(job), "refused", type(error).__name__)
            return error
        self._audit.append(session, job.access, _submit(job), "ok")
        return record

    def _insert(self, session: Session, jobs: Sequence[NewJob]) -> Mapping[str, Row]:
        """Insert those whose key is new: job id → its columns."""
        now = self._clock.now()
        rows = {job.job_id: columns_of(job, now) for job in jobs}
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        statement = dialect.insert(_JOBS).on_conflict_do_nothing(index_elements=["key"])
        statement = statement.returning(_JOBS.c.job_id, _JOBS.c.number)
        columns = list(rows.values())
        for start in range(0, len(columns), CHUNK):
            for job_id, number in session.execute(statement, columns[start : start + CHUNK]):
                rows[job_id]["number"] = number
        return {job_id: row for job_id, row in rows.items() if "number" in row}


def _refuse(together: Sequence[_Coming], error: Exception) -> None:
    for one in together:
        if not one.taken.done():
            one.taken.set_exception(error)


def _known(session: Session, uids: Collection[str]) -> dict[str, tuple[str, str]]:
    """Study UID → patient key and modality, of those that are on record."""
    if not uids:
        return {}
    study = StudyRow
    query = select(study.study_uid, study.patient_key, study.modality).where(study.study_uid.in_(uids))
    return {uid: (patient, modality) for uid, patient, modality in session.execute(query)}


def _read(study_uid: str) -> Attempt:
    return Attempt("study.files", "study", study_uid)


def _submit(job: NewJob) -> Attempt:
    return Attempt("job.submit", "job", job.job_id)


def _same(job: NewJob) -> Any:
    return JobRow.key == job.key if job.key else JobRow.job_id == job.job_id
