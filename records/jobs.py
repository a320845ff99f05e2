"""Jobs on record, as people see them: queue, look, follow, cancel, hurry, pause. Workers use `records.job_leases`.

Every call is audited in its own transaction, behind the patient lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.errors import JobNotFound, PatientLockViolation
from domain.ports import Clock, EventKind, JobState, RunEvent
from domain.study import Priority
from records.audit import Attempt, AuditLedger
from records.job_events import append_events, events_after
from records.job_intake import JobIntake
from records.job_rows import ENDED, JobRecord, NewJob, line_of, rank_of, record_of
from records.job_signals import CHANGED, QUEUED, JobSignals
from records.job_tables import JobPauseRow, JobRow

R = TypeVar("R")


class JobRecords:
    """Reads and writes jobs.

    Args:
        signals: wakes workers and followers; one of its own where none is given.
    """

    def __init__(self, audit: AuditLedger, clock: Clock, signals: JobSignals | None = None) -> None:
        self._audit = audit
        self._clock = clock
        self.database = audit.database
        self.signals = signals or JobSignals(audit.database)
        self._intake = JobIntake(audit, clock, self.signals)

    async def enqueue(self, job: NewJob) -> JobRecord:
        """Queue an analysis; a key that was queued before gives the job that it was queued as.

        Raises:
            PatientLockViolation: the key is of another patient's job.
            Conflict: the key is of another study's job.
        """
        return await self._intake.enqueue(job)

    async def submit(self, job: NewJob) -> JobRecord:
        """As `enqueue`, of a study on record: it says the modality, and is read on the ledger in the same transaction.

        Raises:
            StudyNotFound.
            PatientLockViolation: the study, or the key's job, is another patient's.
            Conflict: the key is of another study's job.
        """
        return await self._intake.enqueue(job, of_study=True)

    async def enqueue_all(self, jobs: Sequence[NewJob]) -> int:
        """Queue many at once, all or none; those whose key was queued before are passed over. Returns how many are new.

        Each is audited for its own patient.
        """
        return await self._intake.enqueue_all(jobs)

    async def modalities(self, orders: Sequence[tuple[AccessContext, str]]) -> list[str] | None:
        """Modality of the study of each order, (access, study UID), each read on the ledger, in one transaction.

        None, and nothing read, where one of them is not there or is another patient's: to be asked for one by one.
        """
        return await self._intake.modalities(orders)

    async def study_of(self, job_id: str) -> str:
        """Study UID of a job, so that a caller can be bound to its patient. Raises JobNotFound."""

        def work(session: Session) -> str | None:
            return session.scalar(select(JobRow.study_uid).where(JobRow.job_id == job_id))

        found = await self.database.transact(work)
        if found is None:
            raise JobNotFound("There is no such job.")
        return found

    async def get(self, access: AccessContext, job_id: str, action: str = "job.read") -> JobRecord:
        """One job. Raises JobNotFound, PatientLockViolation.

        A look at a job shows nothing of its patient and is repeated every second by whoever waits for it: only what is
        refused is audited.
        """

        def work(session: Session) -> JobRecord:
            return record_of(_row(session, job_id))

        record = await self.database.transact(work)
        try:
            access.require(record.patient_key)
        except PatientLockViolation as error:
            await self._audit.note(access, Attempt(action, "job", job_id), "refused", type(error).__name__)
            raise
        return record

    async def events(self, number: int, after: int = 0) -> tuple[JobState, list[tuple[int, RunEvent]]]:
        """State and events behind one, of a job that was opened with `get`: its `number` is not told to anybody else.

        The state was read first: where it is an end, these are the last events.
        """

        def work(session: Session) -> tuple[JobState, list[tuple[int, RunEvent]]]:
            state = session.scalars(select(JobRow.state).where(JobRow.number == number)).one()
            return JobState(state), events_after(session, number, after)

        return await self.database.transact(work)

    async def cancel(self, access: AccessContext, job_id: str) -> JobRecord:
        """Stop at once, wherever it runs; a job that has ended stays as it is. Raises as `get`."""

        def work(session: Session, row: JobRow) -> JobRecord:
            if JobState(row.state) not in ENDED:
                end(session, row, JobState.CANCELLED, self._clock)
                self.signals.publish(session, CHANGED)
            return record_of(row)

        record = await self._open(access, job_id, "job.cancel", work)
        self.signals.tell(CHANGED)
        return record

    async def hurry(
        self, access: AccessContext, job_id: str, priority: Priority, reasons: Sequence[Mapping[str, str]] = ()
    ) -> JobRecord:
        """Raise the priority of a job; one that is as urgent already stays as it is. Raises as `get`.

        Args:
            reasons: why, as JSON; a person's wish where none is given.
        """
        why = [dict(r) for r in reasons] or [{"kind": "person", "code": priority.value, "priority": priority.value}]

        def work(session: Session, row: JobRow) -> JobRecord:
            if rank_of(priority) < row.rank and JobState(row.state) not in ENDED:
                hurry(session, row, priority, why, self._clock)
                self.signals.publish(session, QUEUED)
            return record_of(row)

        record = await self._open(access, job_id, "job.hurry", work, priority.value)
        self.signals.tell(QUEUED)
        self.signals.tell(CHANGED)
        return record

    async def pause(self, access: AccessContext, priorities: Sequence[Priority] = tuple(Priority)) -> None:
        """Start nothing more of some priorities, or of any; what runs goes on."""

        def work(session: Session) -> None:
            paused = set(session.scalars(select(JobPauseRow.priority)))
            now = self._clock.now()
            rows = [JobPauseRow(priority=p.value, user=access.user[:128], at=now) for p in priorities]
            session.add_all(row for row in rows if row.priority not in paused)

        await self._audit.guard(access, Attempt("queue.pause", "queue", _names(priorities)), work)

    async def resume(self, access: AccessContext, priorities: Sequence[Priority] = tuple(Priority)) -> None:
        """Start jobs of some priorities again, or of all."""

        def work(session: Session) -> None:
            for priority in priorities:
                row = session.get(JobPauseRow, priority.value)
                if row is not None:
                    session.delete(row)
            self.signals.publish(session, QUEUED)

        await self._audit.guard(access, Attempt("queue.resume", "queue", _names(priorities)), work)
        self.signals.tell(QUEUED)

    async def paused(self) -> frozenset[Priority]:
        """Priorities that nothing is started of."""
        return await self.database.transact(
            lambda session: frozenset(Priority(p) for p in session.scalars(select(JobPauseRow.priority)))
        )

    async def _open(
        self,
        access: AccessContext,
        job_id: str,
        action: str,
        work: Callable[[Session, JobRow], R],
        detail: str = "",
    ) -> R:
        def guarded(session: Session) -> R:
            row = _row(session, job_id, lock=True)
            access.require(row.patient_key)
            return work(session, row)

        return await self._audit.guard(access, Attempt(action, "job", job_id, detail), guarded)


def end(session: Session, row: JobRow, state: JobState, clock: Clock, **facts: Any) -> None:
    """A job is over: its state and its last event."""
    row.state, row.finished, row.worker, row.due = state.value, clock.now(), "", None
    if state is JobState.DONE:
        row.progress = 1.0
    data: dict[str, Any] = {"state": state.value, "analysis_id": row.analysis_id, **facts}
    if state is JobState.FAILED:
        data |= {"error": row.error, "remedy": row.remedy}
    kind = EventKind.FAILED if state is JobState.FAILED else EventKind.DONE
    append_events(session, row, [RunEvent(kind, data)], clock.now())


def hurry(session: Session, row: JobRow, priority: Priority, reasons: Sequence[dict[str, str]], clock: Clock) -> None:
    """Let a job stand in a more urgent line."""
    row.priority, row.rank, row.line = priority.value, rank_of(priority), line_of(priority, row.site)
    row.reasons = [*row.reasons, *reasons]
    if row.attempt == 0:
        row.asked = {**row.asked, "priority": priority.value}
    told = {"state": row.state, "priority": priority.value, "progress": row.progress}
    append_events(session, row, [RunEvent(EventKind.PROGRESS, told)], clock.now())


def _row(session: Session, job_id: str, *, lock: bool = False) -> JobRow:
    query = select(JobRow).where(JobRow.job_id == job_id)
    row = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise JobNotFound("There is no such job.")
    return row


def _names(priorities: Sequence[Priority]) -> str:
    return "all" if set(priorities) == set(Priority) else ",".join(priority.value for priority in priorities)
