"""A job queue inside the server: bounded, by urgency, cancellable at once. Jobs do not outlive the process."""

from __future__ import annotations

import asyncio
import functools
import heapq
import itertools
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

from domain.access import AccessContext
from domain.analysis import Analysis
from domain.errors import JobNotFound, MedImageError
from domain.ports import Clock, Compute, Job, JobState, RunEvent
from domain.study import Order, Priority
from jobs.contracts import AnalysisEngine
from jobs.failure import internal_error
from jobs.reading import read_study
from jobs.tracked import TrackedJob
from records.analyses import AnalysisRecords
from records.audit import Attempt, AuditLedger
from records.files import FileStudyStore
from records.intake import IngestFunction

_URGENCY = {priority: rank for rank, priority in enumerate(Priority)}


class InProcessQueue:
    """`jobs.contracts.Queue` on asyncio tasks.

    Args:
        compute: processes for decoding; a native decoder may end the one that it runs in.
        ingest: `tools.ingest.ingest`, called there.
        concurrency: analyses that run at the same time.
        keep: ended jobs that are remembered.
    """

    def __init__(
        self,
        *,
        analyser: AnalysisEngine,
        store: FileStudyStore,
        analyses: AnalysisRecords,
        audit: AuditLedger,
        compute: Compute,
        clock: Clock,
        ingest: IngestFunction,
        concurrency: int = 1,
        keep: int = 500,
    ) -> None:
        self._analyser = analyser
        self._store = store
        self._analyses = analyses
        self._audit = audit
        self._compute = compute
        self._clock = clock
        self._ingest = ingest
        self._free = concurrency
        self._keep = keep
        self._jobs: dict[str, TrackedJob] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._waiting: list[tuple[int, int, str]] = []
        self._arrival = itertools.count()
        self._finished_steps: list[int] = []

    async def submit(self, access: AccessContext, study_uid: str, request: Mapping[str, Any]) -> Job:
        """Queue an analysis. Raises StudyNotFound, PatientLockViolation."""
        await self._store.folder(access, study_uid)
        order = Order(
            indication=str(request.get("indication", "")),
            priority=Priority(request.get("priority", Priority.ROUTINE)),
            prompts=tuple(request.get("prompts", ())),
            requested=self._clock.now(),
        )
        job = TrackedJob(
            job_id=uuid.uuid4().hex,
            analysis_id=uuid.uuid4().hex,
            study_uid=study_uid,
            access=access,
            order=order,
            clock=self._clock,
        )
        await self._audit.note(access, Attempt("job.submit", "job", job.job_id))
        self._remember(job)
        heapq.heappush(self._waiting, (_URGENCY[order.priority], next(self._arrival), job.job_id))
        self._start_what_fits()
        return job.view()

    async def study_of(self, job_id: str) -> str:
        """Study UID of a job. Raises JobNotFound."""
        return self._find(job_id).study_uid

    async def get(self, access: AccessContext, job_id: str) -> Job:
        """The job now. Raises JobNotFound, PatientLockViolation."""
        return (await self._open(access, job_id, "job.read")).view()

    async def events(self, access: AccessContext, job_id: str, after: int = 0) -> AsyncIterator[tuple[int, RunEvent]]:
        """Numbered events from the first after `after` on, until the job ends. Raises as `get`."""
        job = await self._open(access, job_id, "job.follow")
        async for numbered in job.follow(after):
            yield numbered

    async def cancel(self, access: AccessContext, job_id: str) -> Job:
        """Stop at once; a job that has ended stays as it is. Raises as `get`."""
        job = await self._open(access, job_id, "job.cancel")
        if not job.ended:
            await self._audit.note(access, Attempt("job.cancel", "job", job_id))
            job.end(JobState.CANCELLED)
            if task := self._tasks.get(job_id):
                task.cancel()
        return job.view()

    async def aclose(self) -> None:
        """Cancel what runs or waits, and wait until it has stopped."""
        self._waiting.clear()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for job in self._jobs.values():
            job.end(JobState.CANCELLED)

    def _find(self, job_id: str) -> TrackedJob:
        try:
            return self._jobs[job_id]
        except KeyError:
            raise JobNotFound("There is no such job.") from None

    async def _open(self, access: AccessContext, job_id: str, action: str) -> TrackedJob:
        job = self._find(job_id)
        try:
            access.require(job.patient_key)
        except MedImageError as error:
            await self._audit.note(access, Attempt(action, "job", job_id), "refused", type(error).__name__)
            raise
        return job

    def _remember(self, job: TrackedJob) -> None:
        ended = [known.job_id for known in self._jobs.values() if known.ended]
        for job_id in ended[: max(0, len(ended) + 1 - self._keep)]:
            del self._jobs[job_id]
        self._jobs[job.job_id] = job

    def _start_what_fits(self) -> None:
        while self._free > 0 and self._waiting:
            job = self._jobs.get(heapq.heappop(self._waiting)[2])
            if job is None or job.ended:
                continue
            self._free -= 1
            task = asyncio.create_task(self._run(job), name=f"job {job.job_id}")
            self._tasks[job.job_id] = task
            task.add_done_callback(functools.partial(self._ended, job.job_id))

    def _ended(self, job_id: str, _task: asyncio.Task[None]) -> None:
        del self._tasks[job_id]
        self._free += 1
        self._start_what_fits()

    async def _run(self, job: TrackedJob) -> None:
        job.begin(self._expected_steps())
        try:
            analysis = await self._analyse(job)
        except asyncio.CancelledError:
            job.end(JobState.CANCELLED)
        except MedImageError as error:
            job.end(JobState.FAILED, f"{error.where}: {error.reason}" if error.where else error.reason, error.remedy)
        except Exception as error:
            job.end(JobState.FAILED, *internal_error(error))
        else:
            self._finished_steps.append(len(analysis.steps))
            job.end(JobState.DONE, needs_review=analysis.needs_review)

    async def _analyse(self, job: TrackedJob) -> Analysis:
        folder = await self._store.folder(job.access, job.study_uid)
        ingested, refused = await read_study(self._compute, self._ingest, folder, job.study_uid, job.order.indication)
        out = self._analyses.folder(job.analysis_id)
        await asyncio.to_thread(out.mkdir, parents=True, exist_ok=True)
        analysis = await self._analyser.analyse(
            ingested,
            job.order,
            job.access,
            out=out,
            analysis_id=job.analysis_id,
            listener=job.hear,
            refused=refused,
        )
        await self._analyses.put(job.access, analysis)
        return analysis

    def _expected_steps(self) -> int | None:
        """Median number of steps of the last analyses here; None before the first."""
        recent = sorted(self._finished_steps[-20:])
        return recent[len(recent) // 2] if recent else None
