"""Workers: the rule decides, STAT is started at once, cancel works everywhere, ends are put on record."""

from __future__ import annotations

import asyncio

import pytest

from domain.errors import ModelUnavailable, ModelUnreachable
from domain.ports import EventKind, JobState
from domain.study import Priority
from jobs.durable.system import Superseded
from jobs.scheduling.policy import Limits
from jobs.workers.attempt import Attempt, Outcome, Patience
from records.job_events import steps_of
from records.job_rows import JobRecord
from tests.jobs.workers.parts import NOBODY, Held, Parts, quick, step

STAT, URGENT, ROUTINE, RESEARCH = Priority
SOON_S = 20.0
"""Long enough for any machine: how long it takes is measured by `benchmarks.throughput`."""


def ended(job: JobRecord) -> bool:
    return job.ended


async def test_a_job_runs_to_its_end_and_is_told_of(parts: Parts) -> None:
    await parts.worker(quick)
    job = await parts.until(await parts.add(), ended)
    _, events = await parts.jobs.events(job.number)
    assert [(n, e.kind.value, e.data.get("state") or e.data.get("id")) for n, e in events] == [
        (1, "progress", "running"),
        (2, "step_started", "s1"),
        (3, "step_finished", "s1"),
        (4, "step_started", "s2"),
        (5, "step_finished", "s2"),
        (6, "done", "done"),
    ]
    assert (job.state, job.progress, job.attempt, job.worker) == (JobState.DONE, 1.0, 1, "")
    assert await parts.audited("job.submit", "job.start", "job.finish") == [
        ("job.submit", ""),
        ("job.start", "attempt 1"),
        ("job.finish", "attempt 1"),
    ]


async def test_the_most_urgent_runs_first_then_the_oldest(parts: Parts) -> None:
    held = Held()
    first = await parts.add("first")
    await parts.worker(held)
    await held.began.wait()
    jobs = [first]
    for name, priority in (("r1", ROUTINE), ("x", RESEARCH), ("r2", ROUTINE), ("u", URGENT), ("s", STAT)):
        jobs.append(await parts.add(name, priority))
    held.go.set()
    for job in jobs:
        await parts.until(job, ended)
    assert held.order == ["first", "s", "u", "r1", "r2", "x"]


async def test_stat_starts_while_everything_else_is_busy(parts: Parts, other: Parts) -> None:
    """Queued by another process: it is woken on PostgreSQL, and looks by itself on SQLite."""
    held = Held()
    for number in range(3):
        await parts.add(f"r{number}")
    await parts.worker(held, general=1, reserved=1)
    await held.began.wait()
    stat = await other.add("s", STAT)
    async with asyncio.timeout(SOON_S):
        while len(held.order) < 2:
            await asyncio.sleep(0.01)
    assert held.order == ["r0", "s"]
    assert (await parts.now(stat)).state is JobState.RUNNING


async def test_cancel_stops_a_run_in_another_process(parts: Parts, other: Parts) -> None:
    held = Held()
    await parts.worker(held)
    job = await parts.until(await parts.add("long"), lambda job: job.events > 1)
    assert (await other.jobs.cancel(job.access, job.job_id)).state is JobState.CANCELLED
    async with asyncio.timeout(SOON_S):
        while not held.stopped:
            await asyncio.sleep(0.01)
    _, events = await parts.jobs.events(job.number)
    assert (events[-1][1].kind, events[-1][1].data["state"]) == (EventKind.DONE, "cancelled")
    assert steps_of((event for _, event in events), ended=True)[0]["state"] == "stopped"
    nxt = await parts.add("next")
    held.go.set()
    await parts.until(nxt, ended)


async def test_a_waiting_job_that_is_cancelled_never_runs(parts: Parts) -> None:
    held = Held()
    await parts.worker(held)
    await parts.add("first")
    await held.began.wait()
    second, third = await parts.add("second"), await parts.add("third")
    await parts.jobs.cancel(second.access, second.job_id)
    held.go.set()
    await parts.until(third, ended)
    assert held.order == ["first", "third"]


async def test_a_model_that_is_down_makes_the_job_wait_and_try_again(parts: Parts) -> None:
    tries: list[int] = []

    async def run(attempt: Attempt) -> Outcome:
        tries.append(attempt.number)
        if len(tries) < 3:
            raise ModelUnreachable("The endpoint does not answer.", where="medimageparse")
        return Outcome(needs_review=True)

    await parts.worker(run, patience=Patience(first_s=0.1, longest_s=0.1))
    job = await parts.add()
    waiting = await parts.until(job, lambda now: now.state is JobState.WAITING)
    assert (waiting.waiting_for, waiting.due is not None) == ("medimageparse: The endpoint does not answer.", True)
    done = await parts.until(job, ended)
    assert (done.state, done.needs_review, done.waits, tries) == (JobState.DONE, True, 2, [1, 2, 3])


async def test_a_job_does_not_wait_for_ever(parts: Parts) -> None:
    async def run(attempt: Attempt) -> Outcome:
        raise ModelUnreachable("The endpoint does not answer.", remedy="Start it.")

    await parts.worker(run, patience=Patience(first_s=0.05, times=1))
    job = await parts.until(await parts.add(), ended)
    assert (job.state, job.error, job.remedy) == (JobState.FAILED, "The endpoint does not answer.", "Start it.")


class Outage:
    """Attempts that ask a model; it does not answer those that are `cut` off."""

    def __init__(self, *cut: str) -> None:
        self.cut = set(cut)
        self.tries: list[str] = []

    async def __call__(self, attempt: Attempt) -> Outcome:
        name = attempt.order.indication
        self.tries.append(name)
        step(attempt, 1, done=False, model="Seg@2")
        if name in self.cut:
            raise ModelUnreachable("The endpoint does not answer.", where="Seg (host)")
        step(attempt, 1, done=True, ok=True, model="Seg@2")
        return Outcome()


LONG = Patience(first_s=900, longest_s=900, again_s=900, probe_s=900)
"""Nothing is tried again by itself while a test runs."""


async def test_what_waits_for_a_model_is_woken_when_it_answers_anybody(parts: Parts, other: Parts) -> None:
    outage = Outage("a", "b")
    await parts.worker(outage, patience=LONG)
    waiting = [await parts.until(await parts.add(name), lambda now: now.waits == 1) for name in "ab"]
    assert [job.waiting_for for job in waiting] == ["Seg (host): The endpoint does not answer."] * 2
    outage.cut.clear()
    elsewhere = await other.worker(outage, patience=LONG)
    await parts.add("c")
    for job in waiting:
        assert (await parts.until(job, ended)).state is JobState.DONE
    assert elsewhere.running == 0


async def test_what_is_woken_in_vain_then_waits_its_time(parts: Parts) -> None:
    outage = Outage("a")
    await parts.worker(outage, patience=LONG)
    stubborn = await parts.until(await parts.add("a"), lambda now: now.waits == 1)
    await parts.until(await parts.add("b"), ended)
    again = await parts.until(stubborn, lambda now: now.waits == 2)
    assert again.waiting_for == "answers others: Seg (host): The endpoint does not answer."
    assert await parts.leases.answers("Seg") == 0
    assert outage.tries == ["a", "b", "a"]


async def test_one_of_those_that_wait_finds_out_whether_the_model_answers(parts: Parts) -> None:
    outage = Outage("a", "b", "c")
    await parts.worker(outage, patience=Patience(first_s=900, longest_s=900, probe_s=0.05, times=2))
    jobs = [await parts.add(name) for name in "abc"]
    await parts.until(jobs[0], lambda _: len(outage.tries) >= 9)
    now = [await parts.now(job) for job in jobs]
    assert not any(job.ended for job in now), "who finds out loses no patience by it"
    outage.cut.clear()
    for job in jobs:
        assert (await parts.until(job, ended)).state is JobState.DONE


def test_patience_is_a_time_and_stat_waits_shortly() -> None:
    patience = Patience()
    assert [patience.pause_s(waits) for waits in (0, 1, 4, 5, 23, 24)] == [30.0, 60.0, 480.0, 600.0, 600.0, None]
    assert patience.total_s == 30 + 60 + 120 + 240 + 480 + 19 * 600
    assert patience.pause_s(9, priority=STAT) == 30.0
    assert patience.pause_s(300, waited_s=patience.total_s - 1, priority=STAT) == 30.0
    assert patience.pause_s(300, waited_s=patience.total_s, priority=STAT) is None
    assert [patience.pause_s(waits, waited_s=0, woken=True) for waits in (0, 9, 24)] == [30.0, 60.0, 600.0]


async def test_errors_fail_the_job_with_a_remedy_and_without_foreign_text(parts: Parts) -> None:
    async def run(attempt: Attempt) -> Outcome:
        if attempt.order.indication == "known":
            raise ModelUnavailable("No model for that.", remedy="Configure one.")
        raise RuntimeError("Secret^Name")

    await parts.worker(run)
    known = await parts.until(await parts.add("known"), ended)
    foreign = await parts.until(await parts.add("foreign"), ended)
    assert (known.state, known.error, known.remedy) == (JobState.FAILED, "No model for that.", "Configure one.")
    assert foreign.error == "An internal error happened."
    _, events = await parts.jobs.events(foreign.number)
    assert events[-1][1].kind is EventKind.FAILED
    assert "Secret" not in str(events)


async def test_an_attempt_that_is_superseded_is_handed_back_and_goes_on(parts: Parts) -> None:
    async def run(attempt: Attempt) -> Outcome:
        if attempt.number == 1:
            raise Superseded("Not this one.")
        return Outcome()

    await parts.worker(run)
    job = await parts.until(await parts.add(), ended)
    assert (job.state, job.attempt) == (JobState.DONE, 2)


async def test_a_critical_finding_makes_the_job_stat_with_its_reason(parts: Parts) -> None:
    row = {"urgency": "minutes", "name": "tension pneumothorax", "rule": "tension-pneumothorax", "source": "ACR"}

    async def run(attempt: Attempt) -> Outcome:
        return Outcome(critical=(row,))

    await parts.worker(run)
    job = await parts.until(await parts.add(), ended)
    research = await parts.until(await parts.add("x", RESEARCH), ended)
    assert (job.ordered, job.priority, job.reasons[-1]["code"]) == (ROUTINE, STAT, "tension-pneumothorax")
    assert research.priority is RESEARCH


async def test_a_critical_finding_raises_the_job_while_it_runs(parts: Parts) -> None:
    row = {"urgency": "hours", "name": "pneumothorax", "rule": "pneumothorax", "source": "ACR"}
    on_record = asyncio.Event()

    async def run(attempt: Attempt) -> Outcome:
        step(attempt, 1, done=False)
        step(attempt, 1, done=True, ok=True, outputs={"findings": 1, "critical": [row]})
        await on_record.wait()
        return Outcome(critical=(row,))

    await parts.worker(run, general=2)
    research = await parts.add("x", RESEARCH)
    job = await parts.until(await parts.add(), lambda job: job.priority is URGENT)
    assert job.state is JobState.RUNNING
    on_record.set()
    done = await parts.until(job, ended)
    assert [reason["code"] for reason in done.reasons] == ["pneumothorax"]
    assert (await parts.until(research, ended)).priority is RESEARCH
    assert await parts.audited("job.hurry") == [("job.hurry", "URGENT")]


async def test_what_is_paused_waits_until_it_is_resumed(parts: Parts) -> None:
    held = Held()
    held.go.set()
    await parts.jobs.pause(NOBODY, [ROUTINE])
    await parts.worker(held)
    routine, urgent = await parts.add("r"), await parts.add("u", URGENT)
    await parts.until(urgent, ended)
    assert (await parts.now(routine)).state is JobState.QUEUED
    await parts.jobs.resume(NOBODY)
    await parts.until(routine, ended)
    assert held.order == ["u", "r"]


async def test_no_more_of_a_priority_at_once_than_it_may_on_all_workers(parts: Parts) -> None:
    held = Held()
    limits = Limits(at_once={RESEARCH: 1})
    for number in range(3):
        await parts.add(f"x{number}", RESEARCH)
    routine = await parts.add("r")
    await parts.worker(held, general=2, limits=limits)
    await parts.worker(held, general=2, limits=limits)
    await parts.until(routine, lambda job: job.state is JobState.RUNNING)
    await asyncio.sleep(0.5)
    assert sorted(held.order) == ["r", "x0"]


async def test_two_workers_never_take_the_same_job(parts: Parts, other: Parts) -> None:
    taken: list[str] = []

    async def run(attempt: Attempt) -> Outcome:
        taken.append(attempt.job.job_id)
        return Outcome()

    jobs = [await parts.add(f"{n}") for n in range(30)]
    for place in (parts, other):
        await place.worker(run, general=3)
    for job in jobs:
        await parts.until(job, ended)
    assert sorted(taken) == sorted(job.job_id for job in jobs)


async def test_the_end_of_a_job_is_told_for_cleaning_up(parts: Parts) -> None:
    cleared: list[str] = []

    async def clear(job: JobRecord) -> None:
        cleared.append(job.job_id)

    await parts.worker(quick, ended=clear)
    job = await parts.until(await parts.add(), ended)
    async with asyncio.timeout(5):
        while not cleared:
            await asyncio.sleep(0.02)
    assert cleared == [job.job_id]


@pytest.mark.parametrize("deadline_s", [0.0, 5.0])
async def test_draining_lets_end_what_ends_and_hands_the_rest_back(parts: Parts, deadline_s: float) -> None:
    held = Held()
    worker = await parts.worker(held)
    job, later = await parts.add("first"), await parts.add("later")
    await held.began.wait()
    draining = asyncio.create_task(worker.drain(deadline_s))
    await asyncio.sleep(0.1)
    held.go.set()
    assert await draining == (0 if deadline_s else 1)
    now = await parts.now(job)
    assert now.state is (JobState.DONE if deadline_s else JobState.QUEUED)
    assert (await parts.now(later)).attempt == 0
    if not deadline_s:
        await parts.worker(quick)
        done = await parts.until(job, ended)
        assert (done.state, done.attempt) == (JobState.DONE, 2)
