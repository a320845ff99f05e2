"""Jobs come in: each once by its key, and those that come at the same time in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Table, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.errors import PatientLockViolation
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


class JobIntake:
    """Queues jobs. What comes while a transaction is under way goes into the next together: none waits for company."""

    def __init__(self, audit: AuditLedger, clock: Clock, signals: JobSignals) -> None:
        self._audit = audit
        self._clock = clock
        self._signals = signals
        self._database = audit.database
        self._waiting: list[tuple[NewJob, asyncio.Future[JobRecord]]] = []
        self._working: asyncio.Task[None] | None = None

    async def enqueue(self, job: NewJob) -> JobRecord:
        """See `records.jobs.JobRecords.enqueue`."""
        if job.access.patient_key is None:
            raise PatientLockViolation("A job is about one patient.")
        taken: asyncio.Future[JobRecord] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, taken))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work(), name="job intake")
        record = await taken
        job.access.require(record.patient_key)
        if record.study_uid != job.study_uid:
            raise Conflict("This key was used for a job of another study.", remedy="Give each order a key of its own.")
        return record

    async def enqueue_all(self, jobs: Sequence[NewJob]) -> int:
        """See `records.jobs.JobRecords.enqueue_all`."""
        if any(job.access.patient_key is None for job in jobs):
            raise PatientLockViolation("A job is about one patient.")

        def work(session: Session) -> int:
            fresh = self._insert(session, jobs)
            for job in jobs:
                if job.job_id in fresh:
                    self._audit.append(session, job.access, Attempt("job.submit", "job", job.job_id), "ok")
            self._signals.publish(session, QUEUED)
            return len(fresh)

        count = await self._database.transact(work)
        self._signals.tell(QUEUED)
        return count

    async def modalities(self, orders: Sequence[tuple[AccessContext, str]]) -> list[str] | None:
        """See `records.jobs.JobRecords.modalities`."""

        def work(session: Session) -> list[str] | None:
            uids = {uid for _, uid in orders}
            rows = session.execute(
                select(StudyRow.study_uid, StudyRow.patient_key, StudyRow.modality).where(StudyRow.study_uid.in_(uids))
            )
            known = {uid: (patient, modality) for uid, patient, modality in rows}
            patients = [known.get(uid, _NOBODY)[0] for _, uid in orders]
            if any(not who or who != access.patient_key for who, (access, _) in zip(patients, orders, strict=True)):
                return None
            for access, uid in orders:
                self._audit.append(session, access, Attempt("study.files", "study", uid), "ok")
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

    async def _alone(self, one: tuple[NewJob, asyncio.Future[JobRecord]]) -> None:
        try:
            await self._take([one])
        except Exception as error:
            _refuse([one], error)

    async def _take(self, together: Sequence[tuple[NewJob, asyncio.Future[JobRecord]]]) -> None:
        records = await self._database.transact(lambda session: self._put(session, [job for job, _ in together]))
        self._signals.tell(QUEUED)
        for (_, taken), record in zip(together, records, strict=True):
            if not taken.done():
                taken.set_result(record)

    def _put(self, session: Session, jobs: Sequence[NewJob]) -> list[JobRecord]:
        fresh = self._insert(session, jobs)
        records = []
        for job in jobs:
            columns = fresh.get(job.job_id)
            row = JobRow(**columns) if columns else session.scalars(select(JobRow).where(_same(job))).one()
            ours = row.patient_key == job.access.patient_key and row.study_uid == job.study_uid
            attempt = Attempt("job.submit", "job", job.job_id)
            self._audit.append(session, job.access, attempt, "ok" if ours else "refused")
            records.append(record_of(row))
        self._signals.publish(session, QUEUED)
        return records

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


def _refuse(together: Sequence[tuple[NewJob, asyncio.Future[JobRecord]]], error: Exception) -> None:
    for _, taken in together:
        if not taken.done():
            taken.set_exception(error)


def _same(job: NewJob) -> Any:
    return JobRow.key == job.key if job.key else JobRow.job_id == job.job_id
