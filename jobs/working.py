"""What `app.py worker` and `app.py batch` do: work on jobs without a server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from domain.ports import PromptAdvice
from jobs.batch.command import BatchEnd, run_batch
from jobs.batch.request import BatchRequest
from jobs.collector import set_aside
from jobs.composition import Composition
from jobs.compute import PoolCompute, ThreadCompute
from jobs.installation import Installation
from jobs.progress import batch_shown
from jobs.service import JobService
from jobs.steps import SystemClock
from jobs.workers.drain import serve


async def work(
    composition: Composition,
    *,
    slots: int,
    processes: int,
    deadline_s: float,
    drain_s: float,
    ready: Callable[[], None],
    advice: PromptAdvice | None = None,
) -> int:
    """Work on jobs until SIGTERM or SIGINT. Returns how many were handed back.

    Args:
        processes: for CPU work besides reading studies. deadline_s: of a piece of it.
        drain_s: how long what runs may take to end.
        ready: told when work begins.

    Raises:
        ConfigurationError, DatabaseUnavailable: work cannot begin.
    """
    compute = PoolCompute(processes, ["tools.ingest", "tools.artifacts"], deadline_s)
    decoding, clock = PoolCompute(slots + 1, ["tools.ingest"], deadline_s), SystemClock()
    try:
        async with composition.engine(compute, clock, advice, durable=True) as engine:
            installation, jobs = composition.job_service(engine, clock, decoding, slots)
            async with _open(installation, jobs):
                ready()
                return await serve(jobs.worker, drain_s)
    finally:
        compute.close()
        decoding.close()


async def batch(
    composition: Composition, request: BatchRequest, *, user: str, slots: int, deadline_s: float, quiet: bool
) -> BatchEnd:
    """Run a batch over the data folder's queue, in this process. Raises as `jobs.batch.command.run_batch`."""
    clock = SystemClock()
    decoding = PoolCompute(slots, ["tools.ingest", "jobs.batch.heads"], deadline_s)
    try:
        async with composition.engine(ThreadCompute(), clock, durable=True) as engine:
            installation, jobs = composition.job_service(engine, clock, decoding, slots)
            async with _open(installation, jobs):
                with batch_shown(quiet=quiet) as watcher:
                    return await run_batch(request, installation, jobs, user=user, slots=slots, watcher=watcher)
    finally:
        decoding.close()


@asynccontextmanager
async def _open(installation: Installation, jobs: JobService) -> AsyncIterator[None]:
    try:
        await jobs.open()
        set_aside()
        yield
    finally:
        await jobs.close()
        await installation.close()
