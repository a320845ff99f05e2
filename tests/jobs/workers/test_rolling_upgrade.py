"""A rolling upgrade, one worker after the other: what the old version began it ends, or goes on with, or the new begins
anew; nothing is lost, nothing is done twice."""

from __future__ import annotations

import asyncio
import signal

from domain.ports import JobState
from jobs.workers.attempt import Attempt, Outcome
from records.job_rows import JobRecord
from tests.jobs.workers.parts import Parts, quick
from tests.jobs.workers.test_reaper import process


async def said(worker: asyncio.subprocess.Process) -> str:
    """Its next line."""
    assert worker.stdout is not None
    async with asyncio.timeout(30):
        return (await worker.stdout.readline()).decode().strip()


async def draining(parts: Parts, version: str) -> None:
    """As soon as a worker of the version takes nothing more."""
    async with asyncio.timeout(30):
        while not any(w.draining for w in await parts.workers.seen() if w.facts.version == version):
            await asyncio.sleep(0.02)


async def ended_with(parts: Parts, job: JobRecord) -> tuple[JobState, str, int]:
    """State, version and attempt of a job when it has ended."""
    record = await parts.until(job, lambda now: now.ended)
    return record.state, record.version, record.attempt


async def test_the_whole_story(parts: Parts, database_url: str) -> None:
    parts.workers.grace_s = 600.0
    begun_by_new: list[tuple[str, int]] = []

    async def new(attempt: Attempt) -> Outcome:
        begun_by_new.append((attempt.order.indication, attempt.since))
        return await quick(attempt)

    short, long = await parts.add("short"), await parts.add("long")
    async with process(database_url, "told", version="old", general=2, deadline=600.0) as first:
        for job in (short, long):
            await parts.until(job, lambda now: now.state is JobState.RUNNING and now.events > 0)
        await parts.worker(new, version="new")

        # SIGTERM: the old one takes nothing more; what comes meanwhile is the new one's.
        first.send_signal(signal.SIGTERM)
        await draining(parts, "old")
        fresh = await parts.add("fresh")
        assert await ended_with(parts, fresh) == (JobState.DONE, "new", 1)
        assert (await parts.now(short)).state is JobState.RUNNING

        # What ends in the time of its drain ends with the version that began it.
        assert first.stdin is not None
        first.stdin.write(b"end\n")
        assert await ended_with(parts, short) == (JobState.DONE, "old", 1)

        # What does not is handed back, here by a second signal.
        first.send_signal(signal.SIGTERM)
        assert await said(first) == "handed back 1"
        assert await first.wait() == 0

    # Another old one lives, or comes back: it goes on with the job, and keeps its steps.
    async with process(database_url, "told", version="old") as second:
        going_on = await parts.until(long, lambda now: now.state is JobState.RUNNING and now.attempt == 2)
        assert (going_on.version, going_on.since) == ("old", 1)
        second.send_signal(signal.SIGTERM)
        assert await said(second) == "handed back 1"
        assert await second.wait() == 0

    # No old one is left: after a while the new one begins it anew, without the old one's steps.
    assert (await parts.now(long)).state is JobState.QUEUED
    assert begun_by_new == [("fresh", 1)]
    parts.workers.grace_s = 0.1
    assert await ended_with(parts, long) == (JobState.DONE, "new", 3)
    assert begun_by_new == [("fresh", 1), ("long", 3)]
    audited = [detail for _, detail in await parts.audited("job.restart")]
    assert audited == ["begun by version old, which no worker runs any more"]
    assert len(await parts.audited("job.hand_back")) == 2
    assert await parts.audited("job.orphan") == [], "nobody died"
