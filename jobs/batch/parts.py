"""What a batch works with, over one data folder: records, queue, durable analyses, and a worker of this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from domain.ports import Clock, Compute
from jobs.analyse import Analyser
from jobs.durable.run import AnalysisJob, DurableAnalyses
from jobs.durable.system import DurableSystem
from jobs.priors import StoredPriors
from jobs.queue import DurableQueue
from jobs.workers.attempt import Attempt, Ended, Outcome, RunAttempt
from jobs.workers.identity import introduce
from jobs.workers.loop import Slots, Worker
from jobs.workers.version import application_version
from records.analyses import AnalysisRecords
from records.approvals import ApprovalRecords, ApprovalRequests
from records.audit import AuditLedger, pseudonym_key
from records.database import Database
from records.files import FileStudyStore
from records.history import CombinedHistory, HistoryRecords
from records.intake import Intake
from records.job_leases import JobLeases
from records.job_listing import JobListing
from records.job_rows import JobRecord
from records.job_signals import JobSignals
from records.job_workers import JobWorkers
from records.jobs import JobRecords
from records.studies import StudyRecords
from tools.ingest import ingest


@dataclass(frozen=True)
class BatchParts:
    """Everything that a batch asks for.

    Attributes:
        folder: of the data; batches lie below it.
        key: the installation's secret, for pseudonyms.
        run, ended: run one attempt; clear up after a job.
    """

    folder: Path
    key: bytes
    audit: AuditLedger
    studies: StudyRecords
    intake: Intake
    analyses: AnalysisRecords
    jobs: JobRecords
    listing: JobListing
    leases: JobLeases
    workers: JobWorkers
    queue: DurableQueue
    compute: Compute
    version: str
    run: RunAttempt
    ended: Ended | None = None

    def worker(self, slots: int, run: RunAttempt) -> Worker:
        """A worker of this process that runs so many studies at once, of whichever priority."""
        return Worker(
            introduce(self.version, slots),
            leases=self.leases,
            workers=self.workers,
            run=run,
            ended=self.ended,
            slots=Slots(slots, 0),
        )


@asynccontextmanager
async def open_parts(
    folder: Path,
    database_url: str,
    *,
    analyser: Analyser,
    decoding: Compute,
    clock: Clock,
    software_version: str,
    model: str = "",
) -> AsyncIterator[BatchParts]:
    """The parts over a data folder and its database; closed at the end.

    Args:
        analyser: plans and writes; what its runs may reach on record is added here.
        decoding: processes in which studies are read.
        model: that will do most of the work, for expected times.

    Raises:
        ConfigurationError: the database cannot be used.
    """
    database = Database(database_url)
    version = application_version(software_version)
    system = DurableSystem(database_url, version=version)
    try:
        database.upgrade()
        system.launch()
        key = pseudonym_key(folder / "audit.key")
        audit, signals = AuditLedger(database, clock, key), JobSignals(database)
        studies = StudyRecords(audit, clock)
        store = FileStudyStore(folder / "studies", studies)
        analyses = AnalysisRecords(audit, folder / "analyses")
        jobs, listing = JobRecords(audit, clock, signals), JobListing(audit)
        workers = JobWorkers(audit, clock, signals)
        reaching = analyser.reaching(
            history=CombinedHistory([HistoryRecords(audit, clock)]),
            priors=StoredPriors(studies, store, decoding, ingest),
            approvals=ApprovalRequests(ApprovalRecords(audit, clock)),
        )
        durable = DurableAnalyses(
            system, analyser=reaching, store=store, analyses=analyses, compute=decoding, clock=clock, ingest=ingest
        )
        yield BatchParts(
            folder=folder,
            key=key,
            audit=audit,
            studies=studies,
            intake=Intake(studies, store, decoding, ingest),
            analyses=analyses,
            jobs=jobs,
            listing=listing,
            leases=JobLeases(audit, clock, signals),
            workers=workers,
            queue=DurableQueue(jobs=jobs, listing=listing, workers=workers, studies=studies, clock=clock, model=model),
            compute=decoding,
            version=version,
            run=durable_run(durable, analyses),
            ended=durable_ended(durable),
        )
        await signals.aclose()
    finally:
        await system.close()
        database.close()


@dataclass(frozen=True)
class _Attempt(AnalysisJob):
    """An attempt that goes on with those since the job was begun again."""

    since: int = 1

    @property
    def earlier(self) -> list[str]:
        """Workflows of the attempts whose steps count, oldest first."""
        return super().earlier[self.since - 1 :]


def durable_run(durable: DurableAnalyses, analyses: AnalysisRecords) -> RunAttempt:
    """Runs an attempt of a worker as a durable analysis; its record carries the fencing token."""

    async def run(attempt: Attempt) -> Outcome:
        job = attempt.job
        finished = await durable.run(
            _Attempt(
                job.job_id, attempt.number, job.analysis_id, job.study_uid, attempt.access, attempt.order, attempt.since
            ),
            attempt.listener,
            check=attempt.check,
            record=lambda access, analysis: analyses.put(access, analysis, fence=attempt.fence),
        )
        record = await analyses.get(attempt.access, job.analysis_id)
        return Outcome(finished.needs_review, tuple(record.document.get("critical", ())))

    return run


def durable_ended(durable: DurableAnalyses) -> Ended:
    """Removes what only an unfinished job needs."""

    async def ended(job: JobRecord) -> None:
        await durable.forget(job.job_id, job.attempt, job.analysis_id)

    return ended
