"""Parts of a queue for tests, and a worker as a process of its own: `python -m tests.jobs.workers.parts URL …`."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from domain.access import AccessContext
from domain.ports import EventKind, RunEvent
from domain.study import Order, Priority
from jobs.scheduling.policy import Limits
from jobs.steps import SystemClock
from jobs.workers.attempt import Attempt, Ended, Outcome, Patience, RunAttempt
from jobs.workers.drain import serve
from jobs.workers.identity import introduce
from jobs.workers.loop import Pace, Slots, Worker
from records.audit import AuditLedger
from records.database import Database
from records.job_leases import JobLeases
from records.job_listing import JobListing
from records.job_rows import JobRecord, NewJob
from records.job_signals import JobSignals
from records.job_workers import JobWorkers
from records.jobs import JobRecords

NOBODY = AccessContext("local", None)
QUICK = Pace(beat=0.2, reap=0.1, poll=0.25, watch=0.2, settle=0.05)
MISSED_S = 1.0


@dataclass
class Parts:
    """Everything over one database."""

    database: Database
    audit: AuditLedger
    clock: SystemClock
    signals: JobSignals
    jobs: JobRecords
    leases: JobLeases
    listing: JobListing
    workers: JobWorkers
    started: list[Worker] = field(default_factory=list)

    async def worker(
        self,
        run: RunAttempt,
        *,
        general: int = 1,
        reserved: int = 0,
        version: str = "1",
        limits: Limits | None = None,
        patience: Patience | None = None,
        ended: Ended | None = None,
        start: bool = True,
    ) -> Worker:
        """A worker of this process."""
        worker = Worker(
            introduce(version, general + reserved),
            leases=self.leases,
            workers=self.workers,
            run=run,
            ended=ended,
            slots=Slots(general, reserved),
            limits=limits,
            patience=patience,
            pace=QUICK,
        )
        if start:
            await worker.start()
            self.started.append(worker)
        return worker

    async def add(self, name: str = "j", priority: Priority = Priority.ROUTINE, **more: Any) -> JobRecord:
        """Queue a job whose indication is its name."""
        return await self.jobs.enqueue(new_job(name, priority, **more))

    async def now(self, job: JobRecord) -> JobRecord:
        """The job as it is."""
        return await self.jobs.get(job.access, job.job_id)

    async def until(self, job: JobRecord, done: Callable[[JobRecord], bool], seconds: float = 30.0) -> JobRecord:
        """The job as soon as it is so."""
        async with asyncio.timeout(seconds):
            while not done(record := await self.now(job)):
                await asyncio.sleep(0.02)
        return record

    async def audited(self, *actions: str) -> list[tuple[str, str]]:
        """(action, detail) of the ledger, of some actions."""
        events = await self.audit.list(NOBODY, limit=10_000)
        return [(event.action, event.detail) for event in events if event.action in actions]

    async def aclose(self) -> None:
        for worker in self.started:
            await worker.drain(0.0)
        await self.signals.aclose()
        self.database.close()


def open_parts(url: str, *, missed_s: float = MISSED_S, grace_s: float = 0.5) -> Parts:
    """A queue on a database that has its tables."""
    database, clock = Database(url), SystemClock()
    audit = AuditLedger(database, clock, b"a key for tests")
    signals = JobSignals(database)
    return Parts(
        database=database,
        audit=audit,
        clock=clock,
        signals=signals,
        jobs=JobRecords(audit, clock, signals),
        leases=JobLeases(audit, clock, signals),
        listing=JobListing(audit),
        workers=JobWorkers(audit, clock, signals, missed_s=missed_s, grace_s=grace_s, deaths=3),
    )


def new_job(name: str = "j", priority: Priority = Priority.ROUTINE, patient: str = "|P1", **more: Any) -> NewJob:
    """A job whose indication is its name."""
    access = AccessContext("local", patient)
    ids = (uuid.uuid4().hex, uuid.uuid4().hex)
    return NewJob(*ids, "1.2.3", access, Order(indication=name), ordered=priority, priority=priority, **more)


def step(attempt: Attempt, number: int, *, done: bool, **more: object) -> None:
    """Tell of a step."""
    kind = EventKind.STEP_FINISHED if done else EventKind.STEP_STARTED
    attempt.listener(RunEvent(kind, {"id": f"s{number}", "agent": "qa", "tool": "judge", **more}))


async def quick(attempt: Attempt) -> Outcome:
    """Two steps and no waiting."""
    for number in (1, 2):
        step(attempt, number, done=False)
        step(attempt, number, done=True, ok=True)
    return Outcome()


class Held:
    """Attempts that wait until they are let go; `order` is that in which they began."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.stopped: list[str] = []
        self.go = asyncio.Event()
        self.began = asyncio.Event()

    async def __call__(self, attempt: Attempt) -> Outcome:
        self.order.append(attempt.order.indication)
        self.began.set()
        step(attempt, 1, done=False)
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.stopped.append(attempt.order.indication)
            raise
        step(attempt, 1, done=True, ok=True)
        return Outcome()


async def _deaf(attempt: Attempt) -> Outcome:
    """Begins, tells of a step that is finished and one that is not, and waits for ever."""
    step(attempt, 1, done=False)
    step(attempt, 1, done=True, ok=True)
    step(attempt, 2, done=False)
    await asyncio.Event().wait()
    return Outcome()


async def _told(attempt: Attempt) -> Outcome:
    """As `_deaf`, but for "short", which ends when the process reads a line."""
    if attempt.order.indication != "short":
        return await _deaf(attempt)
    step(attempt, 1, done=False)
    await asyncio.to_thread(sys.stdin.readline)
    step(attempt, 1, done=True, ok=True)
    return Outcome()


RUNS: dict[str, Callable[[Attempt], Coroutine[Any, Any, Outcome]]] = {"quick": quick, "deaf": _deaf, "told": _told}


async def _main(url: str, run: str, version: str, general: str, deadline: str) -> None:
    parts = open_parts(url)
    worker = await parts.worker(RUNS[run], general=int(general), version=version, start=False)
    print("ready", flush=True)
    handed_back = await serve(worker, float(deadline))
    print(f"handed back {handed_back}", flush=True)
    await parts.signals.aclose()
    parts.database.close()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
