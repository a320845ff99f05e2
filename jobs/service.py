"""Durable jobs of an installation: the queue that is on record, and a worker of this process that works on it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from jobs.durable.run import DurableAnalyses
from jobs.durable.system import DurableSystem
from jobs.installation import Installation
from jobs.ordering import Ordering
from jobs.queue import DurableQueue
from jobs.workers.analysis import AnalysisRuns
from jobs.workers.attempt import Ended, Patience, RunAttempt
from jobs.workers.identity import introduce
from jobs.workers.loop import Slots, Worker
from jobs.workers.version import application_version
from records.job_leases import JobLeases
from records.job_listing import JobListing
from records.job_signals import JobSignals
from records.job_workers import JobWorkers
from records.jobs import JobRecords
from records.orders import OrderRecords
from tools.ingest import ingest


@dataclass(frozen=True)
class Working:
    """How a process works on jobs.

    Attributes:
        slots: jobs at once of any priority, and how many more of STAT.
        drain_s: how long what runs may take to end when the process does; the rest is handed back.
        waits: a job whose model does not answer waits for it, instead of ending as a partial analysis.
        model: that does most of the work of a job, for expected times.
    """

    software_version: str
    slots: Slots = field(default_factory=Slots)
    drain_s: float = 5.0
    waits: bool = False
    patience: Patience = field(default_factory=Patience)
    model: str = ""


class JobService:
    """Queue and worker; nothing runs before `start`.

    Attributes:
        ordering: orders from elsewhere, and the images that they wait for.
        run, ended: one attempt, and what is cleared away after a job; for further workers of this process.
    """

    def __init__(self, installation: Installation, how: Working) -> None:
        audit, clock = installation.audit, installation.clock
        self._how = how
        self._opened = False
        self._signals = JobSignals(audit.database)
        self.version = application_version(how.software_version)
        self.jobs = JobRecords(audit, clock, self._signals)
        self.listing = JobListing(audit)
        self.leases = JobLeases(audit, clock, self._signals)
        self.workers = JobWorkers(audit, clock, self._signals)
        self.queue = DurableQueue(
            jobs=self.jobs,
            listing=self.listing,
            workers=self.workers,
            studies=installation.studies,
            clock=clock,
            model=how.model,
        )
        self.ordering = Ordering(OrderRecords(audit, clock), self.queue)
        self._system = DurableSystem(installation.database_url, version=self.version)
        durable = DurableAnalyses(
            self._system,
            analyser=installation.analyser,
            store=installation.store,
            analyses=installation.analyses,
            compute=installation.decoding,
            clock=clock,
            ingest=ingest,
        )
        runs = AnalysisRuns(durable, installation.analyses, how.patience if how.waits else None)
        self.run: RunAttempt = runs.run
        self.ended: Ended = runs.ended
        self.worker = self.new_worker(how.slots)

    def new_worker(self, slots: Slots, run: RunAttempt | None = None) -> Worker:
        """A worker of this process.

        Args:
            run: runs one attempt, in place of this service's.
        """
        return Worker(
            introduce(self.version, slots.general + slots.reserved),
            leases=self.leases,
            workers=self.workers,
            run=run or self.run,
            ended=self.ended,
            slots=slots,
            patience=self._how.patience,
        )

    async def open(self) -> None:
        """Open the job database; once more does nothing. Raises ConfigurationError."""
        if not self._opened:
            await asyncio.to_thread(self._system.launch)
            self._opened = True

    async def start(self) -> None:
        """Open, and let the worker begin; once more does nothing. Raises as `open`, and DatabaseUnavailable."""
        await self.open()
        await self.worker.start()

    async def close(self) -> None:
        """Take nothing more, let what runs end for a moment, hand the rest back, close."""
        await self.worker.drain(self._how.drain_s)
        await self.queue.aclose()
        if self._opened:
            await self._system.close()
        self._opened = False
