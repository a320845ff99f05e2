"""Who works: workers say that they live; jobs of those who no longer do are put back for others.

Times of heartbeats are the database's own where it has a clock, so that workers on machines whose clocks differ do not
take each other for dead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from domain.ports import Clock, EventKind, JobState, RunEvent
from records.audit import Attempt, AuditLedger
from records.job_events import AGAIN, append_events
from records.job_rows import JobRecord, record_of
from records.job_signals import CHANGED, QUEUED, JobSignals
from records.job_tables import JobRow, WorkerRow
from records.jobs import end

FORGOTTEN_S = 24 * 3600.0
"""How long a worker that is gone stays on record."""
DEADLY = "This job ended the process that worked on it, several times in a row."
DEADLY_REMEDY = "Look at its images and at the memory of the machine; then order it again."


@dataclass(frozen=True)
class WorkerFacts:
    """A worker, as it introduces itself.

    Attributes:
        host, pid, born: see `records.job_tables.WorkerRow`.
        slots: jobs that it runs at once.
    """

    worker_id: str
    host: str
    pid: int
    born: str
    version: str
    slots: int


@dataclass(frozen=True)
class Seen:
    """A worker on record; seconds since its last heartbeat."""

    facts: WorkerFacts
    quiet_s: float
    draining: bool


@dataclass(frozen=True)
class Reaped:
    """What a round of the reaper came to: ids of jobs."""

    put_back: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    due: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()


class JobWorkers:
    """Heartbeats and the reaper.

    Args:
        missed_s: without a heartbeat for so long, a worker is dead.
        grace_s: without a worker of the version that began it for so long, a job is begun again.
        deaths: of workers in a row, without any progress, that a job may cause before it is given up.
    """

    def __init__(
        self,
        audit: AuditLedger,
        clock: Clock,
        signals: JobSignals,
        *,
        missed_s: float = 6.0,
        grace_s: float = 120.0,
        deaths: int = 20,
    ) -> None:
        self._audit = audit
        self._clock = clock
        self._signals = signals
        self.database = audit.database
        self.missed_s = missed_s
        self.grace_s = grace_s
        self._deaths = deaths

    async def beat(self, facts: WorkerFacts, *, draining: bool = False) -> None:
        """Say that a worker lives; the first time introduces it."""

        def work(session: Session) -> None:
            now = self._moment(session)
            row = session.get(WorkerRow, facts.worker_id)
            if row is None:
                row = WorkerRow(
                    worker_id=facts.worker_id,
                    host=facts.host,
                    pid=facts.pid,
                    born=facts.born,
                    version=facts.version,
                    slots=facts.slots,
                    started=now,
                )
                session.add(row)
            row.heartbeat, row.draining = now, draining

        await self.database.transact(work)

    async def seen(self) -> tuple[Seen, ...]:
        """Workers on record, those that are gone as well."""

        def work(session: Session) -> tuple[Seen, ...]:
            now = self._moment(session)
            rows = session.scalars(select(WorkerRow).order_by(WorkerRow.started, WorkerRow.worker_id))
            return tuple(_seen(row, now) for row in rows)

        return await self.database.transact(work)

    async def reap(self, me: WorkerFacts, is_gone: Callable[[WorkerFacts], bool], *, of_others: bool = True) -> Reaped:
        """Put back what dead workers held, what waited long enough, and what no version will go on with.

        Args:
            me: who asks; never dead.
            is_gone: whether a worker's process is known to be gone, which its heartbeat need not show yet.
            of_others: also by missed heartbeats. Not while the database was away: then nobody's heartbeat is fresh.
        """

        def work(session: Session) -> Reaped:
            now = self._moment(session)
            seen = [_seen(row, now) for row in session.scalars(select(WorkerRow))]
            others = [s for s in seen if s.facts.worker_id != me.worker_id]
            gone = [s for s in others if is_gone(s.facts) or (of_others and s.quiet_s > self.missed_s)]
            alive = [me, *(s.facts for s in others if s not in gone)]
            orphans = JobRow.worker.not_in([facts.worker_id for facts in alive])
            if not of_others:
                orphans = JobRow.worker.in_([s.facts.worker_id for s in gone])
            put_back, failed = self._put_back(session, _rows(session, JobState.RUNNING, orphans))
            due = self._again(
                session, _rows(session, JobState.WAITING, or_(JobRow.due.is_(None), JobRow.due <= self._clock.now()))
            )
            restarted = self._restart(session, seen, {facts.version for facts in alive}) if of_others else ()
            forgotten = now - timedelta(seconds=FORGOTTEN_S)
            session.execute(delete(WorkerRow).where(WorkerRow.heartbeat < forgotten))
            if put_back or due or restarted:
                self._signals.publish(session, QUEUED)
                self._signals.publish(session, CHANGED)
            return Reaped(put_back, failed, due, restarted)

        reaped = await self.database.transact(work)
        if reaped != Reaped():
            self._signals.tell(QUEUED)
            self._signals.tell(CHANGED)
        return reaped

    async def cleared(self, number: int) -> None:
        """Nothing lies in the folder any more that only the run of an ended job needed."""
        await self.database.transact(
            lambda session: session.execute(update(JobRow).where(JobRow.number == number).values(kept=False))
        )

    async def uncleared(self, quiet_s: float = 60.0, limit: int = 20) -> tuple[JobRecord, ...]:
        """Jobs that ended a while ago and were not cleared: whoever should have, is gone."""

        def work(session: Session) -> tuple[JobRecord, ...]:
            job, now = JobRow, self._clock.now()
            ended = (job.finished > now - timedelta(days=7), job.finished < now - timedelta(seconds=quiet_s))
            rows = session.scalars(select(job).where(*ended, job.kept).order_by(job.finished).limit(limit))
            return tuple(record_of(row) for row in rows)

        return await self.database.transact(work)

    def _put_back(self, session: Session, rows: Sequence[JobRow]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        put_back, failed = [], []
        for row in rows:
            row.worker, row.deaths = "", row.deaths + 1
            if row.deaths >= self._deaths:
                row.error, row.remedy = DEADLY, DEADLY_REMEDY
                end(session, row, JobState.FAILED, self._clock)
                failed.append(row.job_id)
            else:
                self._queue(session, row)
                put_back.append(row.job_id)
            self._note(session, row, "job.orphan", f"attempt {row.attempt}: its worker is gone")
        return tuple(put_back), tuple(failed)

    def _again(self, session: Session, rows: Sequence[JobRow]) -> tuple[str, ...]:
        for row in rows:
            row.due = None
            self._queue(session, row)
        return tuple(row.job_id for row in rows)

    def _restart(self, session: Session, seen: Sequence[Seen], living: set[str]) -> tuple[str, ...]:
        """Begin again what a version began that nobody runs any more."""
        lately = {s.facts.version for s in seen if s.quiet_s <= self.grace_s}
        rows = _rows(session, JobState.QUEUED, JobRow.version.not_in({"", *living, *lately}))
        for row in rows:
            self._note(session, row, "job.restart", f"begun by version {row.version}, which no worker runs any more")
            row.version, row.since, row.deaths, row.progress = "", row.attempt + 1, 0, 0.0
            self._queue(session, row, **{AGAIN: True})
        return tuple(row.job_id for row in rows)

    def _queue(self, session: Session, row: JobRow, **more: object) -> None:
        row.state = JobState.QUEUED.value
        told = RunEvent(EventKind.PROGRESS, {"state": row.state, "progress": row.progress, **more})
        append_events(session, row, [told], self._clock.now())

    def _note(self, session: Session, row: JobRow, action: str, detail: str) -> None:
        self._audit.append(session, record_of(row).access, Attempt(action, "job", row.job_id), "ok", detail)

    def _moment(self, session: Session) -> datetime:
        if session.get_bind().dialect.name == "sqlite":
            return datetime.now(UTC)
        moment: datetime = session.scalars(select(func.clock_timestamp())).one()
        return moment.astimezone(UTC)


def _rows(session: Session, state: JobState, where: object) -> Sequence[JobRow]:
    query = select(JobRow).where(JobRow.state == state.value, where)  # type: ignore[arg-type]
    return session.scalars(query.order_by(JobRow.number).limit(_ROUND).with_for_update(skip_locked=True)).all()


_ROUND = 200
"""Jobs of one round, so that it stays short."""


def _seen(row: WorkerRow, now: datetime) -> Seen:
    facts = WorkerFacts(row.worker_id, row.host, row.pid, row.born, row.version, row.slots)
    return Seen(facts, (now - row.heartbeat).total_seconds(), row.draining)
