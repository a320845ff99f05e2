"""Dead workers: killed processes, silent ones, versions that nobody runs; and those who end in good order."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from domain.ports import JobState
from jobs.workers.attempt import Attempt, Outcome
from jobs.workers.identity import introduce, is_gone
from records.job_leases import LeaseLost, News
from records.job_rows import Head, JobRecord, QueueLoad
from records.job_workers import DEADLY, JobWorkers
from tests.jobs.workers.parts import Parts, quick

ROOT = Path(__file__).resolve().parents[3]


@asynccontextmanager
async def process(
    url: str, run: str, version: str = "1", general: int = 1, deadline: float = 0.0
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker that works, in a process of its own."""
    arguments = ("-m", "tests.jobs.workers.parts", url, run, version, str(general), str(deadline))
    worker = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=ROOT, stdin=PIPE, stdout=PIPE)
    try:
        assert worker.stdout is not None
        async with asyncio.timeout(30):
            assert await worker.stdout.readline() == b"ready\n"
        yield worker
    finally:
        if worker.returncode is None:
            worker.kill()
        await worker.wait()


def first(heads: object, load: QueueLoad, now: object) -> Head:
    assert isinstance(heads, list)
    head = heads[0]
    assert isinstance(head, Head)
    return head


async def test_a_killed_workers_job_goes_on_elsewhere_at_once(parts: Parts, database_url: str) -> None:
    job = await parts.add()
    async with process(database_url, "deaf") as worker:
        running = await parts.until(job, lambda now: now.events >= 4, 20)  # all that it tells is on record
        assert running.progress > 0
        worker.kill()
        await worker.wait()
        parts.workers = JobWorkers(parts.audit, parts.clock, parts.signals, missed_s=600, grace_s=0.5, deaths=3)
        await parts.worker(quick)
        done = await parts.until(job, lambda now: now.ended)  # long before a heartbeat is missed
    assert (done.state, done.attempt) == (JobState.DONE, 2)
    _, events = await parts.jobs.events(job.number)
    told = [(event.kind.value, event.data.get("id", "")) for _, event in events]
    assert told.count(("step_started", "s1")) == told.count(("step_finished", "s1")) == 1
    assert [number for number, _ in events] == list(range(1, len(events) + 1))
    assert ("job.orphan", "attempt 1: its worker is gone") in await parts.audited("job.orphan")


async def test_a_silent_workers_job_is_taken_over_and_the_zombie_can_write_nothing(parts: Parts) -> None:
    """A worker of another machine: nobody can look for its process."""
    far = replace(introduce("1", 1), worker_id="far", host="another machine")
    await parts.workers.beat(far)
    job = await parts.add()
    claim = await parts.leases.claim("far", "1", first)
    assert claim is not None
    await parts.worker(quick)
    done = await parts.until(job, lambda now: now.ended)
    assert (done.state, done.attempt) == (JobState.DONE, 2)
    for write in (
        parts.leases.report(claim, News(progress=0.5)),
        parts.leases.finish(claim, News(), needs_review=True),
        parts.leases.fail(claim, News(), "", ""),
        parts.leases.park(claim, News(), "", 1.0),
        parts.leases.hand_back(claim, News()),
        parts.leases.check(claim),
    ):
        with pytest.raises(LeaseLost):
            await write
    assert await parts.now(job) == done


async def test_nobody_is_dead_for_it_when_the_database_was_away(parts: Parts) -> None:
    """All heartbeats are old then; a worker judges others after its own came through for a while."""
    me, far = introduce("1", 1), replace(introduce("1", 1), worker_id="far", host="another machine")
    await parts.workers.beat(far)
    job = await parts.add()
    assert await parts.leases.claim("far", "1", first)
    await asyncio.sleep(parts.workers.missed_s + 0.1)
    await parts.workers.beat(me)
    assert (await parts.workers.reap(me, is_gone, of_others=False)).put_back == ()
    await parts.workers.beat(far)
    assert (await parts.workers.reap(me, is_gone)).put_back == ()
    assert (await parts.now(job)).state is JobState.RUNNING


async def test_a_job_that_ends_its_workers_is_given_up(parts: Parts) -> None:
    me, job = introduce("1", 1), await parts.add()
    for number in range(3):
        assert await parts.leases.claim(f"dead {number}", "1", first)
        await parts.workers.reap(me, is_gone)
    failed = await parts.now(job)
    assert (failed.state, failed.error, failed.attempt) == (JobState.FAILED, DEADLY, 3)


async def test_deaths_count_only_where_nothing_got_further(parts: Parts) -> None:
    me, job = introduce("1", 1), await parts.add()
    for number in range(6):
        claim = await parts.leases.claim(f"dead {number}", "1", first)
        assert claim is not None
        await parts.leases.report(claim, News(further=True))
        await parts.workers.reap(me, is_gone)
    assert (await parts.now(job)).state is JobState.QUEUED


async def test_what_a_version_began_is_its_own_until_nobody_runs_it_any_more(parts: Parts, database_url: str) -> None:
    job = await parts.add()
    seen: list[tuple[int, int]] = []

    async def run(attempt: Attempt) -> Outcome:
        seen.append((attempt.number, attempt.since))
        return Outcome()

    async with process(database_url, "deaf", version="old") as worker:
        await parts.until(job, lambda now: now.events >= 4, 20)
        async with process(database_url, "quick", version="old", general=0) as idle:
            worker.kill()
            await worker.wait()
            await parts.worker(run, version="new")
            await parts.until(job, lambda now: now.state is JobState.QUEUED)
            await asyncio.sleep(0.7)  # an old worker lives: it is the old one's to go on with
            assert (await parts.now(job)).attempt == 1
            idle.kill()
            await idle.wait()
        done = await parts.until(job, lambda now: now.ended)
    assert (done.state, done.version, seen) == (JobState.DONE, "new", [(2, 2)])
    assert ("job.restart", "begun by version old, which no worker runs any more") in await parts.audited("job.restart")


async def test_sigterm_lets_end_what_ends_and_hands_back_the_rest(parts: Parts, database_url: str) -> None:
    job = await parts.add()
    async with process(database_url, "deaf", deadline=0.2) as worker:
        await parts.until(job, lambda now: now.state is JobState.RUNNING, 20)
        later = await parts.add("later")
        worker.send_signal(signal.SIGTERM)
        assert worker.stdout is not None
        async with asyncio.timeout(10):
            assert await worker.stdout.readline() == b"handed back 1\n"
            assert await worker.wait() == 0
    back = await parts.now(job)
    assert (back.state, back.attempt, (await parts.now(later)).attempt) == (JobState.QUEUED, 1, 0)
    assert await parts.audited("job.hand_back") == [("job.hand_back", "attempt 1")]


async def test_a_claim_that_nobody_knows_of_is_put_back(parts: Parts) -> None:
    """A commit that broke off may have been kept: the worker lives, so that no reaper takes it for dead."""
    worker = await parts.worker(quick, start=False)
    job = await parts.add()
    assert await parts.leases.claim(worker.me.worker_id, "1", first)
    assert await parts.leases.put_back_others(worker.me.worker_id, [job.job_id]) == 0
    assert await parts.leases.put_back_others(worker.me.worker_id, []) == 1
    assert (await parts.now(job)).state is JobState.QUEUED


async def test_what_a_dead_worker_left_behind_is_cleared(parts: Parts) -> None:
    cleared: list[str] = []

    async def clear(job: JobRecord) -> None:
        cleared.append(job.job_id)

    job = await parts.add()
    claim = await parts.leases.claim("dead", "1", first)
    assert claim is not None
    await parts.leases.finish(claim, News(), needs_review=False)
    assert [j.job_id for j in await parts.workers.uncleared(quiet_s=-1.0)] == [job.job_id]
    await parts.workers.cleared(job.number)
    assert await parts.workers.uncleared(quiet_s=-1.0) == ()


def test_a_process_is_gone_only_where_one_can_look() -> None:
    me = introduce("1", 1)
    assert not is_gone(me)
    assert is_gone(replace(me, pid=2**22 + 1))
    assert is_gone(replace(me, born="1"))  # its number is another's now
    assert not is_gone(replace(me, pid=2**22 + 1, host="another machine"))
    assert me.pid == os.getpid()
