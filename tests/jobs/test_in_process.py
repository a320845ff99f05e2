"""The queue: urgency before arrival, bounded, cancellable at once, honest about time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api.services import Services
from domain.access import AccessContext
from domain.errors import JobNotFound, PatientLockViolation, StudyNotFound
from domain.ports import EventKind, Job, JobState, RunEvent
from domain.study import Order
from jobs.in_process import InProcessQueue
from jobs.tracked import TrackedJob
from tests.api.engine import ThresholdAnalyser, TickingClock, build_services, ct_slice

STUDY = "1.2.826.1"
MINE = AccessContext("local", "|P1")


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[tuple[Services, ThresholdAnalyser]]:
    services, analyser = build_services(tmp_path)
    (tmp_path / "a.dcm").write_bytes(ct_slice())
    await services.intake.admit(services.nobody, [tmp_path / "a.dcm"])
    yield services, analyser
    for close in services.shutdown:
        await close()


async def last(queue: InProcessQueue, job: Job) -> RunEvent:
    events = [event async for _, event in queue.events(MINE, job.job_id)]
    return events[-1]


async def test_the_most_urgent_runs_first_then_the_oldest(parts: tuple[Services, ThresholdAnalyser]) -> None:
    services, analyser = parts
    jobs = [await services.queue.submit(MINE, STUDY, {"indication": "wait"})]
    await analyser.began.wait()
    for name, priority in (("r1", "ROUTINE"), ("x", "RESEARCH"), ("r2", "ROUTINE"), ("u", "URGENT"), ("s", "STAT")):
        jobs.append(await services.queue.submit(MINE, STUDY, {"indication": name, "priority": priority}))
    assert [(await services.queue.get(MINE, j.job_id)).state for j in jobs] == [JobState.RUNNING] + [
        JobState.QUEUED
    ] * 5
    analyser.hold.set()
    for job in jobs:
        assert (await last(services.queue, job)).data["state"] == "done"
    assert analyser.order == ["wait", "s", "u", "r1", "r2", "x"]


async def test_a_waiting_job_that_is_cancelled_never_runs(parts: tuple[Services, ThresholdAnalyser]) -> None:
    services, analyser = parts
    first = await services.queue.submit(MINE, STUDY, {"indication": "wait"})
    second = await services.queue.submit(MINE, STUDY, {"indication": "second"})
    third = await services.queue.submit(MINE, STUDY, {"indication": "third"})
    await analyser.began.wait()
    assert (await services.queue.cancel(MINE, second.job_id)).state is JobState.CANCELLED
    assert (await services.queue.cancel(MINE, first.job_id)).state is JobState.CANCELLED
    assert (await last(services.queue, third)).kind is EventKind.DONE
    assert analyser.order == ["wait", "third"]
    assert (await services.queue.cancel(MINE, third.job_id)).state is JobState.DONE


async def test_every_follower_sees_every_event_once(parts: tuple[Services, ThresholdAnalyser]) -> None:
    services, analyser = parts
    job = await services.queue.submit(MINE, STUDY, {"indication": "wait"})

    async def follow(after: int) -> list[int]:
        return [number async for number, _ in services.queue.events(MINE, job.job_id, after)]

    early, late = asyncio.create_task(follow(0)), asyncio.create_task(follow(2))
    await analyser.began.wait()
    analyser.hold.set()
    assert await early == [1, 2, 3, 4]
    assert await late == [3, 4]
    assert await follow(0) == [1, 2, 3, 4]
    assert await follow(9) == []


async def test_another_patient_sees_and_stops_nothing_and_that_is_audited(
    parts: tuple[Services, ThresholdAnalyser],
) -> None:
    services, _ = parts
    other = AccessContext("local", "|P2")
    job = await services.queue.submit(MINE, STUDY, {})
    for attempt in (services.queue.get, services.queue.cancel):
        with pytest.raises(PatientLockViolation):
            await attempt(other, job.job_id)
    with pytest.raises(PatientLockViolation):
        await services.queue.submit(other, STUDY, {})
    with pytest.raises(StudyNotFound):
        await services.queue.submit(MINE, "9.9", {})
    with pytest.raises(JobNotFound):
        await services.queue.study_of("none")
    refused = [e.action for e in await services.audit.list(services.nobody, limit=1000) if e.outcome == "refused"]
    assert refused == ["job.read", "job.cancel", "study.files"]


async def test_files_that_are_gone_fail_the_job_with_a_remedy(parts: tuple[Services, ThresholdAnalyser]) -> None:
    services, _ = parts
    for file in (services.store.root / STUDY / "files").iterdir():
        file.unlink()
    job = await services.queue.submit(MINE, STUDY, {})
    assert (await last(services.queue, job)).kind is EventKind.FAILED
    failed = await services.queue.get(MINE, job.job_id)
    assert (failed.state, failed.remedy) == (JobState.FAILED, "Send the study again.")


async def test_closing_cancels_everything(parts: tuple[Services, ThresholdAnalyser]) -> None:
    services, analyser = parts
    jobs = [await services.queue.submit(MINE, STUDY, {"indication": "wait"}) for _ in range(3)]
    await analyser.began.wait()
    await services.shutdown[0]()
    assert {(await services.queue.study_of(j.job_id)) for j in jobs} == {STUDY}
    assert analyser.cancelled == 1


def tracked() -> TrackedJob:
    return TrackedJob(job_id="j", analysis_id="a", study_uid=STUDY, access=MINE, order=Order(), clock=TickingClock())


def step(kind: EventKind, number: int) -> RunEvent:
    return RunEvent(kind, {"id": f"s{number}", "agent": "qa", "tool": "judge", "ok": True})


def test_nothing_is_promised_before_there_is_something_to_go_by() -> None:
    job = tracked()
    job.begin(None)
    assert (job.view().progress, job.view().eta_s) == (0.0, None)
    job.hear(step(EventKind.STEP_STARTED, 1))
    job.hear(step(EventKind.STEP_FINISHED, 1))
    assert job.view().eta_s is None
    assert 0 < job.view().progress < 1


def test_time_to_go_follows_from_finished_and_expected_steps() -> None:
    job = tracked()
    job.begin(4)
    job.hear(step(EventKind.STEP_STARTED, 1))
    job.hear(step(EventKind.STEP_FINISHED, 1))
    view = job.view()
    assert view.progress == pytest.approx(0.25)
    assert view.eta_s == pytest.approx(3.0)  # the clock ticks one second a look: 1 s for one step, three to go


def test_progress_never_goes_back_and_is_whole_only_at_the_end() -> None:
    job = tracked()
    job.begin(2)
    seen = []
    for number in range(1, 6):
        job.hear(step(EventKind.STEP_STARTED, number))
        job.hear(step(EventKind.STEP_FINISHED, number))
        seen.append(job.view().progress)
    assert seen == sorted(seen)
    assert seen[-1] < 1
    job.end(JobState.DONE)
    assert job.view().progress == 1


def test_a_job_that_has_ended_hears_nothing() -> None:
    job = tracked()
    job.begin(None)
    job.hear(step(EventKind.STEP_STARTED, 1))
    job.end(JobState.CANCELLED)
    job.hear(step(EventKind.STEP_FINISHED, 1))
    job.end(JobState.FAILED, "late")
    view = job.view()
    assert (view.state, view.error, view.steps[0]["state"]) == (JobState.CANCELLED, "", "stopped")
