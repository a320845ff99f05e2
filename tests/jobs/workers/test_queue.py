"""The durable queue keeps the contract of the one in the process, and tells more."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import event

from domain.access import AccessContext
from domain.errors import JobNotFound, PatientLockViolation, StudyNotFound
from domain.ports import EventKind, JobState
from domain.study import Priority
from jobs.contracts import Queue
from jobs.queue import DurableQueue
from jobs.queued import QueuedJob
from records.errors import Conflict
from records.job_leases import News
from records.job_listing import JobFilter
from records.studies import StudyRecord, StudyRecords
from tests.jobs.workers.parts import NOBODY, Held, Parts, quick

STUDY = "1.2.826.1"
MINE = AccessContext("local", "|P1")
STAT, URGENT, ROUTINE, RESEARCH = Priority


def over(parts: Parts) -> DurableQueue:
    """A queue that remembers nothing of another's."""
    studies = StudyRecords(parts.audit, parts.clock)
    queue = DurableQueue(
        jobs=parts.jobs, listing=parts.listing, workers=parts.workers, studies=studies, clock=parts.clock, model="m"
    )
    keeps_the_contract: Queue = queue
    assert keeps_the_contract is queue
    return queue


@pytest.fixture
async def queue(parts: Parts) -> DurableQueue:
    studies = StudyRecords(parts.audit, parts.clock)
    for uid, patient in ((STUDY, "P1"), ("1.2.826.2", "P1"), ("1.2.826.3", "P2")):
        record = StudyRecord(uid, f"|{patient}", patient, "CT", "", "", None, "", uid, (), ())
        await studies.put(AccessContext("local", record.patient_key), record)
    return over(parts)


async def test_followers_in_every_process_see_every_event_once(parts: Parts, other: Parts, queue: DurableQueue) -> None:
    elsewhere = over(other)
    held = Held()
    job = await queue.submit(MINE, STUDY, {"indication": "wait"})

    async def follow(queue: DurableQueue, after: int) -> list[int]:
        return [number async for number, _ in queue.events(MINE, job.job_id, after)]

    here, there = asyncio.create_task(follow(queue, 0)), asyncio.create_task(follow(elsewhere, 2))
    await parts.worker(held)
    await held.began.wait()
    held.go.set()
    assert await here == [1, 2, 3, 4]
    assert await there == [3, 4]
    assert await follow(queue, 0) == [1, 2, 3, 4]
    assert await follow(elsewhere, 9) == []
    view = await elsewhere.get(MINE, job.job_id)
    assert (view.state, view.progress, [step["state"] for step in view.steps]) == (JobState.DONE, 1.0, ["finished"])


async def test_another_patient_sees_and_stops_nothing_and_that_is_audited(parts: Parts, queue: DurableQueue) -> None:
    stranger = AccessContext("local", "|P2")
    job = await queue.submit(MINE, STUDY, {})
    for attempt in (queue.get(stranger, job.job_id), queue.cancel(stranger, job.job_id)):
        with pytest.raises(PatientLockViolation):
            await attempt
    with pytest.raises(PatientLockViolation):
        await queue.hurry(stranger, job.job_id, STAT)
    with pytest.raises(PatientLockViolation):
        await queue.submit(stranger, STUDY, {})
    with pytest.raises(StudyNotFound):
        await queue.submit(MINE, "9.9", {})
    with pytest.raises(JobNotFound):
        await queue.study_of("none")
    refused = [e.action for e in await parts.audit.list(NOBODY, limit=1000) if e.outcome == "refused"]
    assert refused == ["job.read", "job.cancel", "job.read", "study.files"]
    assert await queue.study_of(job.job_id) == STUDY


async def test_an_order_is_queued_once_by_its_key(queue: DurableQueue) -> None:
    first = await queue.submit(MINE, STUDY, {"key": "order 7"})
    assert (await queue.submit(MINE, STUDY, {"key": "order 7"})).job_id == first.job_id
    with pytest.raises(Conflict):
        await queue.submit(MINE, "1.2.826.2", {"key": "order 7"})
    with pytest.raises(PatientLockViolation):
        await queue.submit(AccessContext("local", "|P2"), "1.2.826.3", {"key": "order 7"})
    assert (await queue.submit(MINE, STUDY, {})).job_id != first.job_id


async def test_what_is_ordered_at_the_same_time_is_committed_together_and_refused_alone(
    parts: Parts, queue: DurableQueue
) -> None:
    begun: list[object] = []
    event.listen(parts.database.engine, "commit", begun.append)
    stranger = AccessContext("local", "|P2")
    orders = [(MINE, STUDY, {"key": f"k{number}"}) for number in range(30)]
    odd = [
        (stranger, STUDY, {}),
        (MINE, "9.9", {}),
        (stranger, "1.2.826.3", {"key": "k0"}),
        (MINE, STUDY, {"key": "k1"}),
    ]
    answers = await asyncio.gather(*(queue.submit(*order) for order in orders + odd), return_exceptions=True)
    assert len(begun) <= 2  # the first does not wait for the others
    assert [type(answer).__name__ for answer in answers[30:]] == [
        "PatientLockViolation",
        "StudyNotFound",
        "PatientLockViolation",
        "QueuedJob",
    ]
    good = [answer.job_id for answer in answers if isinstance(answer, QueuedJob)]
    assert len(good) == 31
    assert good[1] == good[30]
    assert {job.job_id for job in (await queue.page(NOBODY)).jobs} == set(good)
    events = [e for e in await parts.audit.list(NOBODY, limit=1000) if e.action in {"study.files", "job.submit"}]
    assert [(e.action, e.outcome) for e in events if e.outcome != "ok"] == [
        ("study.files", "refused"),
        ("study.files", "not_found"),
        ("job.submit", "refused"),
    ]
    assert {e.detail for e in events if e.outcome == "ok"} == {""}
    assert sum(e.outcome == "ok" for e in events) == 2 * 31 + 1


async def test_many_are_queued_at_once_and_again_without_harm(queue: DurableQueue) -> None:
    orders = [(MINE, STUDY, {"key": f"k{n}", "batch": "night"}) for n in range(20)]
    assert await queue.submit_all(orders) == 20
    assert await queue.submit_all([*orders, (MINE, STUDY, {"key": "one more", "batch": "night"})]) == 1
    page = await queue.page(NOBODY, JobFilter(batch="night"), limit=8)
    assert (len(page.jobs), page.counts) == (8, {(JobState.QUEUED, ROUTINE): 21})


async def test_each_of_many_is_behind_its_own_lock_and_on_the_ledger(parts: Parts, queue: DurableQueue) -> None:
    assert await queue.submit_all([(MINE, STUDY, {"key": "a"}), (MINE, "1.2.826.2", {"key": "b"})]) == 2
    read = [e.object_id for e in await parts.audit.list(NOBODY, limit=1000) if e.action == "study.files"]
    assert read == [STUDY, "1.2.826.2"]
    with pytest.raises(PatientLockViolation):
        await queue.submit_all([(MINE, STUDY, {"key": "c"}), (MINE, "1.2.826.3", {"key": "d"})])
    with pytest.raises(StudyNotFound):
        await queue.submit_all([(MINE, STUDY, {"key": "e"}), (MINE, "1.2.826.9", {"key": "f"})])
    refused = [(e.object_id, e.outcome) for e in await parts.audit.list(NOBODY, limit=1000) if e.outcome != "ok"]
    assert refused == [("1.2.826.3", "refused"), ("1.2.826.9", "not_found")]
    assert len((await queue.page(NOBODY)).jobs) == 2


async def test_an_indication_that_cannot_wait_raises_the_order_and_tells_why(queue: DurableQueue) -> None:
    raised = await queue.submit(MINE, STUDY, {"indication": "V. a. Lungenembolie", "priority": "ROUTINE"})
    kept = await queue.submit(MINE, STUDY, {"indication": "Kein Trauma", "priority": "URGENT"})
    assert (raised.ordered, raised.priority, raised.reasons[-1]["code"]) == (ROUTINE, STAT, "pulmonary-embolism")
    assert (kept.priority, len(kept.reasons)) == (URGENT, 1)
    assert (await queue.hurry(MINE, kept.job_id, STAT)).priority is STAT
    assert (await queue.hurry(MINE, kept.job_id, ROUTINE)).priority is STAT


async def test_the_worklist_is_paged_by_urgency_and_age(parts: Parts, queue: DurableQueue) -> None:
    wanted: dict[Priority, list[str]] = {priority: [] for priority in Priority}
    for number in range(12):
        priority = list(Priority)[number % 4]
        job = await queue.submit(MINE, STUDY, {"priority": priority.value, "site": f"site {number % 2}"})
        wanted[priority].append(job.job_id)
    seen, after = [], None
    while True:
        page = await queue.page(NOBODY, after=after, limit=5)
        seen += [job.job_id for job in page.jobs]
        if (after := page.after) is None:
            break
    assert seen == [job_id for jobs in wanted.values() for job_id in jobs]
    of_site = await queue.page(NOBODY, JobFilter(site="site 1"))
    assert [job.site for job in of_site.jobs] == ["site 1"] * 6
    stat = await queue.page(NOBODY, JobFilter(priorities=(STAT, RESEARCH), states=(JobState.QUEUED,)), limit=4)
    assert [job.priority for job in stat.jobs] == [STAT] * 3 + [RESEARCH]
    assert (await queue.page(AccessContext("local", "|P2"))).jobs == ()
    assert len((await queue.page(MINE)).jobs) == 12
    await queue.pause(NOBODY, [RESEARCH])
    assert (await queue.page(NOBODY)).paused == {RESEARCH}
    await queue.resume(NOBODY)
    assert (await queue.page(NOBODY)).paused == frozenset()


async def test_time_to_go_is_an_interval_from_history(parts: Parts, queue: DurableQueue) -> None:
    job = await queue.submit(MINE, STUDY, {})
    assert (await queue.get(MINE, job.job_id)).eta_s is None
    await parts.jobs.cancel(MINE, job.job_id)
    for _ in range(6):
        await queue.submit(MINE, STUDY, {})
        claim = await parts.leases.claim("w", "1", lambda heads, load, now: heads[0])
        assert claim is not None
        await parts.leases.finish(claim, News(), needs_review=False)
    waiting = await queue.submit(MINE, STUDY, {})
    held = Held()
    await parts.worker(held)
    await held.began.wait()
    running = await over(parts).get(MINE, waiting.job_id)
    later = await queue.submit(MINE, STUDY, {})
    view = await over(parts).get(MINE, later.job_id)
    assert running.state is JobState.RUNNING
    assert view.eta_s is not None
    assert view.eta_low_s is not None
    assert view.eta_high_s is not None
    assert view.eta_low_s <= view.eta_high_s


async def test_a_job_that_ended_says_what_became_of_it(parts: Parts, queue: DurableQueue) -> None:
    await parts.worker(quick)
    job = await queue.submit(MINE, STUDY, {})
    events = [event async for _, event in queue.events(MINE, job.job_id)]
    assert events[-1].kind is EventKind.DONE
    assert events[-1].data == {"state": "done", "analysis_id": job.analysis_id, "needs_review": False}
    assert (await queue.cancel(MINE, job.job_id)).state is JobState.DONE
    await queue.aclose()
