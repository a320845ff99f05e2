"""Jobs on record, as workers see them: claim one, tell how it goes, end it.

A claim is a lease: it holds as long as the worker's heartbeat is fresh. Its fencing token is the number of the attempt:
whatever a worker writes says which attempt it speaks for, and an attempt that no longer counts can write nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.errors import MedImageError
from domain.ports import Clock, EventKind, JobState, RunEvent
from domain.study import Priority
from records.audit import Attempt, AuditLedger
from records.job_events import append_events, told_steps
from records.job_heads import count_alone, foremost, heads_of_line
from records.job_rows import Head, JobRecord, QueueLoad, rank_of, record_of
from records.job_signals import CHANGED, QUEUED, JobSignals
from records.job_tables import JobPauseRow, JobRow
from records.job_waiting import WOKEN, is_tried, wake, words_of
from records.job_walk import walk_along_indexes
from records.jobs import end, hurry

COUNTED_S = 1.0
"""How long a count of served jobs is used."""
SERVED_S = 600.0
"""How long an ended job counts as served, for the shares of sites."""
Pick = Callable[[Sequence[Head], QueueLoad, datetime], Head | None]
"""The job to start, of the heads of line; None for none of them."""


class LeaseLost(MedImageError):
    """This attempt holds the job no more: it was cancelled, or its worker was taken for dead."""

    remedy_default = "Nothing has to be done: the job goes on elsewhere, or was cancelled."


@dataclass(frozen=True)
class Claim:
    """A job that a worker holds, as it was claimed.

    Attributes:
        told: (kind, step id) of step events that earlier attempts have told.
        woken: it was waiting for a model, and was woken before its time.
    """

    job: JobRecord
    worker: str
    told: frozenset[tuple[str, str]] = frozenset()
    woken: bool = False


@dataclass(frozen=True)
class News:
    """What happened in an attempt since the last time.

    Attributes:
        further: a step was finished that no earlier attempt had finished.
    """

    events: tuple[RunEvent, ...] = ()
    progress: float = 0.0
    further: bool = False


class JobLeases:
    """What the workers of a database do to its jobs."""

    def __init__(self, audit: AuditLedger, clock: Clock, signals: JobSignals) -> None:
        self._audit = audit
        self._clock = clock
        self.database = audit.database
        self.signals = signals
        self._served: Mapping[str, float] = {}
        self._counted = -COUNTED_S

    async def claim(self, worker: str, version: str, pick: Pick, limited: Container[Priority] = ()) -> Claim | None:
        """Take the job that `pick` chooses, if nobody else has it by then; None when there is none for this worker.

        Only jobs that nobody began, or that a worker of this version began.

        Args:
            limited: priorities of which `pick` lets so many run at once; two workers never count at the same time.
        """

        def work(session: Session) -> Claim | None:
            walk_along_indexes(session)
            heads, counted = heads_of_line(session, version), set[Priority]()
            load = self._load(session) if heads else QueueLoad()
            while heads and (head := pick(heads, load, self._clock.now())) is not None:
                if head.priority in limited and head.priority not in counted:
                    counted.add(head.priority)
                    if count_alone(session, head.priority):
                        load = self._load(session)
                    else:
                        heads = [other for other in heads if other.priority is not head.priority]
                    continue
                row = session.scalars(foremost(head, version)).one_or_none()
                if row is not None:
                    return self._start(session, row, worker, version)
                heads = [other for other in heads if other is not head]  # all of that line are in others' hands
            return None

        return await self.database.transact(work)

    async def held(self, worker: str) -> dict[str, int]:
        """Job id → attempt of what a worker holds."""

        def work(session: Session) -> dict[str, int]:
            mine = (JobRow.state == JobState.RUNNING.value, JobRow.worker == worker)
            rows = session.execute(select(JobRow.job_id, JobRow.attempt).where(*mine))
            return {row.job_id: row.attempt for row in rows}

        return await self.database.transact(work)

    def fence(self, claim: Claim) -> Callable[[Session], None]:
        """For other records: raises LeaseLost in the transaction that it is called in, unless the claim holds."""

        def require(session: Session) -> None:
            _held(session, claim)

        return require

    async def check(self, claim: Claim) -> None:
        """Raises LeaseLost unless the claim holds."""
        await self.database.transact(self.fence(claim))

    async def report(self, claim: Claim, news: News) -> None:
        """Put on record how it goes. Raises LeaseLost."""
        await self.database.transact(lambda session: self._take(session, _held(session, claim), news))
        self.signals.tell(CHANGED)

    async def finish(self, claim: Claim, news: News, *, needs_review: bool) -> None:
        """It is done, and its analysis on record. Raises LeaseLost."""

        def work(session: Session, row: JobRow) -> None:
            row.needs_review = needs_review
            if row.attempt == row.since and row.started is not None:
                row.seconds = max(0.0, (self._clock.now() - row.started).total_seconds())
            end(session, row, JobState.DONE, self._clock, needs_review=needs_review)

        await self._leave(claim, news, "job.finish", work)

    async def fail(self, claim: Claim, news: News, error: str, remedy: str) -> None:
        """It failed, for good. Raises LeaseLost."""

        def work(session: Session, row: JobRow) -> None:
            row.error, row.remedy = error, remedy
            end(session, row, JobState.FAILED, self._clock)

        await self._leave(claim, news, "job.fail", work)

    async def park(
        self, claim: Claim, news: News, reason: str, again_s: float, *, model: str = "", probe_s: float | None = None
    ) -> None:
        """It waits for something, and is tried again in so many seconds. Raises LeaseLost.

        Args:
            model: that it waits for: it is woken when that answers somebody, see `answers`.
            probe_s: it is tried again so soon where no other job that waits for the model is.
        """

        def work(session: Session, row: JobRow) -> None:
            seconds, now = again_s, self._clock.now()
            if model and probe_s is not None and probe_s < seconds:
                seconds = seconds if is_tried(session, model, now + timedelta(seconds=probe_s)) else probe_s
            row.state, row.waits, row.worker = JobState.WAITING.value, row.waits + 1, ""
            row.waiting_for = words_of(model, reason, woken=claim.woken)
            row.due = now + timedelta(seconds=seconds)
            self._tell_state(session, row, reason=reason, again_s=seconds)

        await self._leave(claim, news, "job.wait", work)

    async def answers(self, model: str) -> int:
        """A model has answered: jobs that wait for it are due at once, for any worker. Returns how many."""
        return await self.database.transact(lambda session: wake(session, model, self._clock.now()))

    async def hand_back(self, claim: Claim, news: News) -> None:
        """Put it back, for any worker of this version to go on with. Raises LeaseLost."""

        def work(session: Session, row: JobRow) -> None:
            row.state, row.worker = JobState.QUEUED.value, ""
            self._tell_state(session, row)

        await self._leave(claim, news, "job.hand_back", work)
        self.signals.tell(QUEUED)

    async def hurry(self, claim: Claim, priority: Priority, reasons: Sequence[dict[str, str]]) -> None:
        """Raise the priority of a job that runs; one that is as urgent already stays as it is. Raises LeaseLost."""

        def work(session: Session) -> None:
            row = _held(session, claim)
            if rank_of(priority) < row.rank:
                hurry(session, row, priority, reasons, self._clock)
                self._audit.append(
                    session, claim.job.access, Attempt("job.hurry", "job", row.job_id), "ok", priority.value
                )
                self.signals.publish(session, CHANGED)

        await self.database.transact(work)
        self.signals.tell(CHANGED)

    async def put_back_others(self, worker: str, known: Collection[str]) -> int:
        """Put back what a worker holds without knowing: a claim whose commit broke off may have been kept."""

        def work(session: Session) -> int:
            mine = (JobRow.state == JobState.RUNNING.value, JobRow.worker == worker)
            rows = session.scalars(select(JobRow).where(*mine, JobRow.job_id.not_in(known)).with_for_update()).all()
            for row in rows:
                row.state, row.worker = JobState.QUEUED.value, ""
                self._tell_state(session, row)
            return len(rows)

        return await self.database.transact(work)

    async def _leave(self, claim: Claim, news: News, action: str, work: Callable[[Session, JobRow], None]) -> None:
        def leave(session: Session) -> None:
            row = _held(session, claim)
            self._take(session, row, news, tell=False)
            work(session, row)
            detail = f"attempt {claim.job.attempt}"
            self._audit.append(session, claim.job.access, Attempt(action, "job", row.job_id), "ok", detail)
            self.signals.publish(session, CHANGED)

        await self.database.transact(leave)
        self.signals.tell(CHANGED)

    def _take(self, session: Session, row: JobRow, news: News, *, tell: bool = True) -> None:
        row.progress = max(row.progress, news.progress)
        if news.further:
            row.deaths = 0
        append_events(session, row, news.events, self._clock.now())
        if tell and news.events:
            self.signals.publish(session, CHANGED)

    def _start(self, session: Session, row: JobRow, worker: str, version: str) -> Claim:
        now = self._clock.now()
        told = told_steps(session, row.number) if row.attempt else frozenset()
        woken = row.waiting_for.startswith(WOKEN)
        row.state, row.worker, row.version, row.due = JobState.RUNNING.value, worker, version, None
        row.attempt, row.kept = row.attempt + 1, True
        row.began, row.started, row.waiting_for = row.began or now, now, ""
        self._tell_state(session, row, eta_s=None, **({"attempt": row.attempt} if row.attempt > 1 else {}))
        record = record_of(row)
        attempt = Attempt("job.start", "job", row.job_id)
        self._audit.append(session, record.access, attempt, "ok", f"attempt {row.attempt}")
        self.signals.publish(session, CHANGED)
        return Claim(record, worker, told, woken)

    def _tell_state(self, session: Session, row: JobRow, **more: object) -> None:
        data = {"state": row.state, "progress": row.progress, **more}
        append_events(session, row, [RunEvent(EventKind.PROGRESS, data)], self._clock.now())

    def _load(self, session: Session) -> QueueLoad:
        count = func.count()
        job = JobRow
        running = select(job.priority, job.site, count).where(job.state == JobState.RUNNING.value)
        return QueueLoad(
            running={(Priority(p), s): n for p, s, n in session.execute(running.group_by(job.priority, job.site))},
            served=self._served_of_late(session),
            paused=frozenset(Priority(p) for p in session.scalars(select(JobPauseRow.priority))),
        )

    def _served_of_late(self, session: Session) -> Mapping[str, float]:
        now = time.monotonic()
        if now - self._counted > COUNTED_S:
            job, late = JobRow, self._clock.now() - timedelta(seconds=SERVED_S)
            served = select(job.site, func.count()).where(job.finished > late, job.began.is_not(None))
            self._served = {site: float(jobs) for site, jobs in session.execute(served.group_by(job.site))}
            self._counted = now
        return self._served


def _held(session: Session, claim: Claim) -> JobRow:
    """The row of a claim, locked. Raises LeaseLost."""
    job = JobRow
    holds = (job.state == JobState.RUNNING.value, job.worker == claim.worker, job.attempt == claim.job.attempt)
    row = session.scalars(select(job).where(job.number == claim.job.number, *holds).with_for_update()).one_or_none()
    if row is None:
        raise LeaseLost("This attempt holds the job no more.")
    return row
