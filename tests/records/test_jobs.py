"""Jobs on record: heads of line by index, claims that hold, audit in the same transaction, pages that stay quick."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.errors import JobNotFound, PatientLockViolation
from domain.ports import EventKind, JobState, RunEvent
from domain.study import Order, Priority
from records.audit import AuditLedger
from records.database import Database
from records.job_events import AGAIN, steps_of
from records.job_heads import HEADS
from records.job_leases import JobLeases, LeaseLost, News
from records.job_listing import JobFilter, JobListing
from records.job_rows import Head, JobRecord, NewJob, QueueLoad
from records.job_signals import JobSignals
from records.job_walk import walk_along_indexes
from records.jobs import JobRecords
from tests.api.engine import TickingClock

STAT, URGENT, ROUTINE, RESEARCH = Priority
NOBODY = AccessContext("local", None)


@pytest.fixture
def queue_database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def queue(queue_database: Database) -> tuple[JobRecords, JobLeases, JobListing, AuditLedger]:
    clock = TickingClock()
    audit, signals = AuditLedger(queue_database, clock, b"a key for tests"), JobSignals(queue_database)
    return JobRecords(audit, clock, signals), JobLeases(audit, clock, signals), JobListing(audit), audit


Queue = tuple[JobRecords, JobLeases, JobListing, AuditLedger]


def new(name: str, priority: Priority = ROUTINE, site: str = "", patient: str = "|P1", key: str = "") -> NewJob:
    order = Order(indication=name, prompts=("liver",), context={"ward": "3"})
    access = AccessContext("local", patient)
    return NewJob(name, f"a-{name}", "1.2.3", access, order, priority, priority, site=site, key=key)


class Seen:
    """Takes the first head of its kind, and keeps what it was shown."""

    def __init__(self, priority: Priority | None = None) -> None:
        self.heads: list[tuple[str, str]] = []
        self.load = QueueLoad()
        self._priority = priority

    def __call__(self, heads: Sequence[Head], load: QueueLoad, now: datetime) -> Head | None:
        self.heads, self.load = sorted((head.site, head.job_id) for head in heads), load
        return next((head for head in heads if self._priority in (None, head.priority)), None)


async def test_the_scheduler_sees_the_oldest_of_each_priority_and_site(queue: Queue) -> None:
    jobs, leases, _, _ = queue
    for name, priority, site in (
        ("r1", ROUTINE, "north"),
        ("r2", ROUTINE, "north"),
        ("r3", ROUTINE, "south"),
        ("s1", STAT, "north"),
        ("x1", RESEARCH, ""),
        ("x2", RESEARCH, ""),
    ):
        await jobs.enqueue(new(name, priority, site))
    pick, again = Seen(STAT), Seen()
    assert await leases.claim("w", "1", pick)
    assert pick.heads == [("", "x1"), ("north", "r1"), ("north", "s1"), ("south", "r3")]
    assert await leases.claim("w", "1", again)
    assert again.heads == [("", "x1"), ("north", "r1"), ("south", "r3")]
    assert again.load.running == {(STAT, "north"): 1}


async def test_nothing_to_pick_takes_nothing(queue: Queue) -> None:
    jobs, leases, _, _ = queue
    assert await leases.claim("w", "1", Seen()) is None
    await jobs.enqueue(new("r"))
    assert await leases.claim("w", "1", Seen(STAT)) is None
    assert (await jobs.get(NOBODY_OF_P1, "r")).state is JobState.QUEUED


NOBODY_OF_P1 = AccessContext("local", "|P1")


async def test_a_claim_carries_the_whole_order(queue: Queue) -> None:
    jobs, leases, _, _ = queue
    await jobs.enqueue(replace(new("r"), order=replace(new("r").order, indication="Is there a lesion?\x00")))
    claim = await leases.claim("w", "1", Seen())
    assert claim is not None
    assert (claim.job.order.prompts, claim.job.order.context) == (("liver",), {"ward": "3"})
    assert claim.job.order.indication.startswith("Is there a lesion?")
    assert (claim.job.access, claim.job.attempt, claim.job.version) == (NOBODY_OF_P1, 1, "1")


async def test_a_job_in_another_version_is_left_alone(queue: Queue) -> None:
    jobs, leases, _, _ = queue
    await jobs.enqueue(new("r"))
    claim = await leases.claim("w", "old", Seen())
    assert claim is not None
    await leases.hand_back(claim, News())
    assert await leases.claim("w", "new", Seen()) is None
    again = await leases.claim("w", "old", Seen())
    assert again is not None
    assert again.job.attempt == 2


async def test_news_and_the_end_are_on_record_once_and_in_order(queue: Queue) -> None:
    jobs, leases, _, audit = queue
    await jobs.enqueue(new("r"))
    claim = await leases.claim("w", "1", Seen())
    assert claim is not None
    started, finished = RunEvent(EventKind.STEP_STARTED, {"id": "s1"}), RunEvent(EventKind.STEP_FINISHED, {"id": "s1"})
    await leases.report(claim, News((started,), 0.25))
    await leases.report(claim, News(progress=0.1))
    assert (await jobs.get(NOBODY_OF_P1, "r")).progress == 0.25  # what is shown never goes back
    await leases.finish(claim, News((finished,), 0.5), needs_review=True)
    job = await jobs.get(NOBODY_OF_P1, "r")
    state, events = await jobs.events(job.number)
    assert (state, job.progress, job.needs_review, job.worker) == (JobState.DONE, 1.0, True, "")
    assert [n for n, _ in events] == [1, 2, 3, 4]
    assert [e.kind.value for _, e in events] == ["progress", "step_started", "step_finished", "done"]
    with pytest.raises(LeaseLost):
        await leases.finish(claim, News(), needs_review=False)
    ledger = [(e.action, e.outcome, e.object_id) for e in await audit.list(NOBODY)]
    assert ledger == [("job.submit", "ok", "r"), ("job.start", "ok", "r"), ("job.finish", "ok", "r")]


async def test_a_fence_keeps_other_records_from_a_zombie(queue: Queue) -> None:
    jobs, leases, _, _ = queue
    await jobs.enqueue(new("r"))
    claim = await leases.claim("w", "1", Seen())
    assert claim is not None
    await jobs.database.transact(leases.fence(claim))
    await jobs.cancel(NOBODY_OF_P1, "r")
    with pytest.raises(LeaseLost):
        await jobs.database.transact(leases.fence(claim))


async def test_a_further_attempt_knows_what_was_told(queue: Queue) -> None:
    jobs, leases, _, _ = queue
    await jobs.enqueue(new("r"))
    claim = await leases.claim("w", "1", Seen())
    assert claim is not None
    await leases.report(claim, News((RunEvent(EventKind.STEP_STARTED, {"id": "s1"}),)))
    await leases.hand_back(claim, News())
    again = await leases.claim("w", "1", Seen())
    assert again is not None
    assert not claim.told
    assert again.told == {("step_started", "s1")}


def test_steps_are_what_events_tell_since_the_job_was_begun_again() -> None:
    def step(kind: EventKind, name: str) -> RunEvent:
        return RunEvent(kind, {"id": name, "tool": "segment"})

    events = [
        step(EventKind.STEP_STARTED, "s1"),
        step(EventKind.STEP_FINISHED, "s1"),
        step(EventKind.STEP_STARTED, "s2"),
    ]
    assert [(s["id"], s["state"]) for s in steps_of(events, ended=False)] == [("s1", "finished"), ("s2", "running")]
    assert steps_of(events, ended=True)[1]["state"] == "stopped"
    again = [*events, RunEvent(EventKind.PROGRESS, {AGAIN: True}), step(EventKind.STEP_STARTED, "s1")]
    assert [(s["id"], s["state"]) for s in steps_of(again, ended=False)] == [("s1", "running")]


async def test_hurry_moves_a_job_up_and_never_down(queue: Queue) -> None:
    jobs, leases, listing, audit = queue
    await jobs.enqueue(new("r1"))
    await jobs.enqueue(new("r2"))
    await jobs.hurry(NOBODY_OF_P1, "r2", URGENT)
    assert (await jobs.hurry(NOBODY_OF_P1, "r2", RESEARCH)).priority is URGENT
    assert [job.job_id for job in (await listing.page(NOBODY)).jobs] == ["r2", "r1"]
    claim = await leases.claim("w", "1", Seen(URGENT))
    assert claim is not None
    assert (claim.job.job_id, claim.job.order.priority) == ("r2", URGENT)
    await leases.hurry(claim, STAT, [{"kind": "finding", "code": "x"}])
    job = await jobs.get(NOBODY_OF_P1, "r2")
    assert (job.priority, job.ordered, job.order.priority) == (STAT, ROUTINE, URGENT)  # its run stays what it was
    assert ("job.hurry", "STAT") in [(e.action, e.detail) for e in await audit.list(NOBODY)]


async def test_a_key_is_queued_once(queue: Queue) -> None:
    jobs, _, listing, audit = queue
    await jobs.enqueue(new("a", key="order 1"))
    assert (await jobs.enqueue(new("b", key="order 1"))).job_id == "a"
    with pytest.raises(PatientLockViolation):
        await jobs.enqueue(new("c", key="order 1", patient="|P2"))
    assert await jobs.enqueue_all([new("d", key="order 1"), new("e", key="order 2"), new("f")]) == 2
    assert [job.job_id for job in (await listing.page(NOBODY)).jobs] == ["a", "e", "f"]
    submits = [(e.object_id, e.outcome) for e in await audit.list(NOBODY) if e.action == "job.submit"]
    assert submits == [("a", "ok"), ("b", "ok"), ("c", "refused"), ("e", "ok"), ("f", "ok")]


async def test_what_comes_together_is_queued_together_and_refused_alone(queue: Queue) -> None:
    jobs, _, listing, _ = queue
    coming = [jobs.enqueue(new(f"r{n}", key=f"k{n % 8}")) for n in range(10)]
    coming.append(jobs.enqueue(replace(new("x"), batch="\ud800")))  # half of a pair: no database takes it
    came = await asyncio.gather(*coming, return_exceptions=True)
    assert [job.job_id for job in came if isinstance(job, JobRecord)] == [f"r{n % 8}" for n in range(10)]
    assert isinstance(came[-1], Exception)
    assert len((await listing.page(NOBODY)).jobs) == 8


async def test_a_job_is_about_one_patient(queue: Queue) -> None:
    jobs, _, _, _ = queue
    nobody = NewJob("x", "a", "1.2.3", NOBODY, Order())
    with pytest.raises(PatientLockViolation):
        await jobs.enqueue(nobody)
    with pytest.raises(PatientLockViolation):
        await jobs.enqueue_all([new("a"), nobody])
    with pytest.raises(JobNotFound):
        await jobs.get(NOBODY_OF_P1, "a")


async def test_counts_are_by_state_and_priority(queue: Queue) -> None:
    jobs, leases, listing, _ = queue
    await jobs.enqueue_all([new(f"r{n}") for n in range(3)] + [new("s", STAT)])
    await leases.claim("w", "1", Seen(STAT))
    assert await listing.counts() == {(JobState.QUEUED, ROUTINE): 3, (JobState.RUNNING, STAT): 1}
    page = await listing.page(NOBODY, JobFilter(states=(JobState.RUNNING,)))
    assert [job.job_id for job in page.jobs] == ["s"]
    last = (await listing.page(NOBODY)).jobs[-1]
    assert await listing.ahead_of(last) == 2


async def test_with_a_full_queue_the_heads_are_found_without_reading_it(queue: Queue, queue_database: Database) -> None:
    jobs, _, listing, _ = queue
    await jobs.enqueue_all([new(f"r{n}", list(Priority)[n % 4], f"site {n % 5}", f"|P{n}") for n in range(2000)])

    def plan(session: Session) -> str:
        walk_along_indexes(session)
        explain = "EXPLAIN ANALYZE" if queue_database.engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
        return "\n".join(str(tuple(row)) for row in session.execute(text(f"{explain} {HEADS.text}"), {"version": "1"}))

    plan_text = queue_database.transact_now(plan)
    assert plan_text.count("ix_jobs_heads") == 2
    assert "TEMP B-TREE" not in plan_text
    assert "Sort" not in plan_text
    page = await listing.page(NOBODY, limit=50)
    assert page.after is not None
    assert len((await listing.page(NOBODY, after=page.after, limit=50)).jobs) == 50
