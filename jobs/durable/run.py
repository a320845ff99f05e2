"""An analysis as one durable attempt: whatever kills the process, the next attempt goes on where it was.

Attempt n of a job is carried on by attempt n + 1: it ends all earlier attempts, so that none of them can keep
anything more, takes their steps, reads the study's pixels again and runs the same plan; only the step in flight is
done again. The artifacts come from recorded values only, so that they are the ones of an undisturbed run.
"""

from __future__ import annotations

import asyncio
import errno
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from domain.access import AccessContext
from domain.analysis import Analysis
from domain.ports import Clock, Compute, EventKind, Listener, RunEvent, StudyStore
from domain.study import Order
from jobs.analyse import Analyser, assemble, completed
from jobs.durable.priors import KeptPriors
from jobs.durable.results import StepResults, not_kept
from jobs.durable.steps import DurableStepRunner, running
from jobs.durable.system import DurableSystem, Row
from jobs.reading import read_study
from records.analyses import AnalysisRecords
from records.intake import IngestFunction
from tools.artifacts import NOT_WRITTEN

STEPS = ".steps"
"""Folder below an analysis's own, with the results of its steps, until the job is forgotten."""
STAGING = ".staging"
RECORDED = "analysis on record"
DISK = f"{NOT_WRITTEN} ({OSError.__name__})"
"""In a warning of the artifacts: not written for want of space; other errors of files have names of their own."""

Record = Callable[[AccessContext, Analysis], Awaitable[object]]
Check = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class AnalysisJob:
    """An attempt at an analysis, as references.

    Attributes:
        attempt: 1, 2, …: the fencing token. Never used twice.
    """

    job_id: str
    attempt: int
    analysis_id: str
    study_uid: str
    access: AccessContext
    order: Order

    @property
    def workflow_id(self) -> str:
        """Of this attempt, in DBOS."""
        return workflow_id(self.job_id, self.attempt)

    @property
    def earlier(self) -> list[str]:
        """Workflows of the attempts before this one, oldest first."""
        return [workflow_id(self.job_id, n) for n in range(1, self.attempt)]


@dataclass(frozen=True)
class Finished:
    """What an attempt came to.

    Attributes:
        steps: of the run, those of earlier attempts too.
    """

    analysis_id: str
    needs_review: bool
    steps: int


class DurableAnalyses:
    """Runs attempts.

    Args:
        analyser: plans, and writes artifacts.
        store: where studies lie.
        ingest: reads a stored study; called in a compute process.
        compute: where studies are read.
    """

    def __init__(
        self,
        system: DurableSystem,
        *,
        analyser: Analyser,
        store: StudyStore,
        analyses: AnalysisRecords,
        compute: Compute,
        clock: Clock,
        ingest: IngestFunction,
    ) -> None:
        self._system = system
        self._analyser = analyser
        self._store = store
        self._analyses = analyses
        self._compute = compute
        self._clock = clock
        self._ingest = ingest

    async def run(
        self,
        job: AnalysisJob,
        listener: Listener | None = None,
        *,
        check: Check | None = None,
        record: Record | None = None,
        waits: bool = False,
    ) -> Finished:
        """Run an attempt to its end. Cancelling this task stops it at once and leaves the job to the next attempt.

        Args:
            listener: told what happens; what an earlier attempt told already says `replayed`.
            check: raises where the attempt holds the job no more; asked before the artifacts become visible.
            record: puts the analysis on record, with the fencing token in the same transaction where there is one.
            waits: a model that does not answer ends the attempt, instead of leaving its question unanswered.

        Raises:
            Superseded: another attempt carries the job on, or it was cancelled.
            ProgressNotKept: the disk is full or the job database is gone; the next attempt goes on.
            ModelUnreachable: with `waits`; the next attempt asks again.
            MedImageError, Exception: the analysis failed.
        """
        past = await self._system.take_over(job.earlier)
        results = StepResults(self._analyses.folder(job.analysis_id) / STEPS, job.attempt)
        runner = DurableStepRunner(self._clock, listener, system=self._system, results=results, past=past, waits=waits)

        async def body() -> Row:
            token = running.set(runner)
            try:
                return await self._attempt(job, runner, check or _unchecked, record or self._analyses.put)
            finally:
                running.reset(token)

        facts: dict[str, str | int] = {"job": job.job_id, "attempt": job.attempt, "analysis": job.analysis_id}
        row = await self._system.run(job.workflow_id, facts, body)
        return Finished(job.analysis_id, row["needs_review"], row["steps"])

    async def cancel(self, job_id: str, attempts: int) -> None:
        """Let the attempts so far keep nothing more, wherever they run. Raises ProgressNotKept."""
        await self._system.cancel([workflow_id(job_id, n) for n in range(1, attempts + 1)])

    async def forget(self, job_id: str, attempts: int, analysis_id: str) -> None:
        """Remove what only an unfinished job needs: its rows in DBOS and the results of its steps.

        To be called when the job's end is on record. Raises ProgressNotKept.
        """
        folder = self._analyses.folder(analysis_id)
        await self._system.forget([workflow_id(job_id, n) for n in range(1, attempts + 1)])
        await asyncio.to_thread(_remove, [folder / STEPS, *folder.glob(f"{STAGING}*")])

    async def _attempt(self, job: AnalysisJob, runner: DurableStepRunner, check: Check, record: Record) -> Row:
        already: Row | None = runner.kept(RECORDED)
        if already is not None:
            return already
        study = await self._store.folder(job.access, job.study_uid)
        ingested, refused = await read_study(self._compute, self._ingest, study, job.study_uid, job.order.indication)
        workspace = await self._analyser.open(ingested, job.order, job.access, runner=runner)
        if workspace.around.priors is not None:
            workspace.around = replace(workspace.around, priors=KeptPriors(workspace.around.priors, runner))
        reply = await self._analyser.plan(workspace, runner.tell)
        draft = assemble(workspace, reply, analysis_id=job.analysis_id, created=runner.last_end, refused=refused)
        out = self._analyses.folder(job.analysis_id)

        async def write() -> Sequence[str]:
            staged = out / f"{STAGING}-{job.attempt}"
            await asyncio.to_thread(_remove, [staged])
            try:
                warnings = await self._analyser.write(workspace, draft, staged)
                if any(DISK in warning for warning in warnings):
                    raise OSError(errno.ENOSPC, "")  # one that is full for a large file has room for a small one
                await check()
                await asyncio.to_thread(_move, staged, out)
            except OSError as error:
                await asyncio.to_thread(_remove, [staged])
                raise not_kept(error) from error
            return warnings

        async def finish() -> Row:
            analysis = completed(draft, await write())
            await record(job.access, analysis)
            return {"needs_review": analysis.needs_review, "steps": len(analysis.steps)}

        # One step: files and record are the same whenever they are made, so that doing both again changes nothing.
        row = await runner.keep(RECORDED, finish)
        done = {"analysis_id": job.analysis_id, "needs_review": row["needs_review"]}
        runner.tell(RunEvent(EventKind.DONE, done))
        return row


def workflow_id(job_id: str, attempt: int) -> str:
    """Of an attempt, in DBOS."""
    return f"{job_id}.{attempt}"


async def _unchecked() -> None:
    return


def _remove(folders: Sequence[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _move(staged: Path, out: Path) -> None:
    """Files of a staging folder into place, report.json last: where it is, the folder is complete."""
    for path in sorted(staged.iterdir(), key=lambda p: (p.name == "report.json", p.name)):
        path.replace(out / path.name)
    staged.rmdir()
