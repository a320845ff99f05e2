"""The product's own parts over a data folder: records, queue, planner, plugins, model client, durable attempts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agents.chat_models import ChatConfiguration
from agents.guardrails import Budget
from agents.planner import Planner
from benchmarks.chaos.studies import question, study_uid, write_study
from domain.access import AccessContext
from domain.study import Order, Priority
from inference.catalogue import Catalogue
from inference.medimageparse import MedImageParse
from inference.transport.transport import Endpoint, EndpointTransport, open_client
from jobs.analyse import Analyser
from jobs.compute import ThreadCompute
from jobs.steps import SystemClock
from records.analyses import AnalysisRecords
from records.audit import AuditLedger
from records.database import Database
from records.files import FileStudyStore
from records.intake import Intake
from records.job_leases import JobLeases
from records.job_listing import JobListing
from records.job_rows import NewJob
from records.job_signals import JobSignals
from records.job_workers import JobWorkers
from records.jobs import JobRecords
from records.studies import StudyRecords
from tools.ingest import ingest

WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = b"the key of a benchmark's pseudonyms"
USER = "benchmark"
BULK = 500


class RunningClock(SystemClock):
    """The machine's time, as a clock and as the model client's timing."""

    def call_later(self, seconds: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """As a loop's own."""
        return asyncio.get_running_loop().call_later(seconds, callback)


class StoppedClock(RunningClock):
    """The same instant always: files of two runs can be compared byte for byte. Leases go by the machine's time."""

    def now(self) -> datetime:
        """Noon of one day."""
        return WHEN

    def monotonic(self) -> float:
        """Nothing takes time."""
        return 0.0


@dataclass(frozen=True)
class Post:
    """Where a worker works.

    Attributes:
        database: URL of the records. endpoint: scoring URI of the model.
        general: jobs that a worker runs at once; reserved: more of STAT.
        stopped: analyses see a clock that stands still.
        first_wait_s: how long a job waits for what is down, the first time.
    """

    database: str
    folder: str
    endpoint: str
    general: int = 2
    reserved: int = 0
    stopped: bool = True
    first_wait_s: float = 1.0


@dataclass(frozen=True)
class Place:
    """Everything over one data folder, open.

    Attributes:
        jobs, leases, listing, workers: of the queue, by the machine's time.
    """

    post: Post
    database: Database
    studies: StudyRecords
    store: FileStudyStore
    analyses: AnalysisRecords
    analyser: Analyser
    clock: RunningClock
    jobs: JobRecords
    leases: JobLeases
    listing: JobListing
    workers: JobWorkers


@asynccontextmanager
async def opened(post: Post) -> AsyncIterator[Place]:
    """Open a place whose tables are made."""
    clock = StoppedClock() if post.stopped else RunningClock()
    database, real, folder = Database(post.database), SystemClock(), Path(post.folder)
    audit, signals = AuditLedger(database, real, KEY), JobSignals(database)
    studies = StudyRecords(audit, real)
    async with open_client(read_s=60) as client:
        model = MedImageParse(EndpointTransport(Endpoint(post.endpoint, concurrency=8), client, timing=clock))
        compute = ThreadCompute()
        planner = Planner(ChatConfiguration(), Budget(), None)
        yield Place(
            post=post,
            database=database,
            studies=studies,
            store=FileStudyStore(folder / "studies", studies),
            analyses=AnalysisRecords(audit, folder / "analyses"),
            analyser=Analyser(planner, Catalogue([model]), compute=compute, clock=clock, software_version="chaos"),
            clock=clock,
            jobs=JobRecords(audit, real, signals),
            leases=JobLeases(audit, real, signals),
            listing=JobListing(audit),
            workers=JobWorkers(audit, real, signals),
        )
    await signals.aclose()
    database.close()


async def take_in(place: Place, studies: int) -> None:
    """Make tables and studies, and put them on record."""
    await asyncio.to_thread(place.database.upgrade)
    arriving = Path(place.post.folder) / "arriving"
    for number in range(studies):
        await asyncio.to_thread(write_study, arriving / f"{number}.dcm", number)
    intake = Intake(place.studies, place.store, ThreadCompute(), ingest)
    received = await intake.admit(AccessContext(USER, None), [arriving])
    if len(received.records) != studies:
        raise RuntimeError(f"{len(received.records)} of {studies} studies were taken in")


async def enqueue(
    place: Place, jobs: int, studies: int, priority: Priority = Priority.ROUTINE, name: str = "j"
) -> float:
    """Queue jobs with ids that are the same in every run, "j0", "j1", …; returns the seconds that it took."""
    new: list[NewJob] = []
    accesses = [await place.studies.access(USER, study_uid(number)) for number in range(min(jobs, studies))]
    for number in range(jobs):
        job_id, which = f"{name}{number}", number % studies
        order = Order(indication=question(number), priority=priority, requested=WHEN)
        job = NewJob(job_id, f"analysis-{job_id}", study_uid(which), accesses[which], order, priority, priority)
        new.append(job)
    began = time.perf_counter()
    for first in range(0, jobs, BULK):
        await place.jobs.enqueue_all(new[first : first + BULK])
    return time.perf_counter() - began
