"""What a job shows of its progress: nothing that is not known, never back, and not whole before its end."""

from __future__ import annotations

from typing import cast

from domain.ports import EventKind, RunEvent
from jobs.workers.reporter import JobReporter
from records.job_leases import Claim
from tests.jobs.workers.parts import Parts

STARTED, FINISHED, PROGRESS = EventKind.STEP_STARTED, EventKind.STEP_FINISHED, EventKind.PROGRESS


async def claimed(parts: Parts) -> Claim:
    await parts.add()
    claim = await parts.leases.claim("w", "1", lambda heads, load, now: heads[0])
    return cast(Claim, claim)


def step(kind: EventKind, number: int, **more: object) -> RunEvent:
    return RunEvent(kind, {"id": f"s{number}", "agent": "qa", "tool": "judge", **more})


def reporter(parts: Parts, claim: Claim) -> JobReporter:
    return JobReporter(parts.leases, claim)


async def test_progress_is_finished_steps_as_a_part_of_those_expected(parts: Parts) -> None:
    told = reporter(parts, await claimed(parts))
    told.hear(RunEvent(PROGRESS, {"expected": 4}))
    for kind in (STARTED, FINISHED):
        told.hear(step(kind, 1))
    assert told.take().progress == 0.25
    told.hear(step(STARTED, 2))
    told.hear(RunEvent(PROGRESS, {"done": 1, "total": 2}))
    assert told.take().progress == 0.375


async def test_progress_never_goes_back_and_is_not_whole_before_the_end(parts: Parts) -> None:
    told, seen = reporter(parts, await claimed(parts)), list[float]()
    told.hear(RunEvent(PROGRESS, {"expected": 2}))
    for number in range(1, 6):
        told.hear(step(STARTED, number))
        told.hear(step(FINISHED, number))
        seen.append(told.take().progress)
    assert seen == sorted(seen)
    assert 0 < seen[0] <= seen[-1] < 1


async def test_what_an_earlier_attempt_told_is_not_told_again(parts: Parts) -> None:
    claim = await claimed(parts)
    first = reporter(parts, claim)
    for kind in (STARTED, FINISHED):
        first.hear(step(kind, 1))
    await first.flush()
    await parts.leases.hand_back(claim, first.take())
    again = await parts.leases.claim("w", "1", lambda heads, load, now: heads[0])
    assert again is not None
    second = reporter(parts, again)
    for kind in (STARTED, FINISHED):
        second.hear(step(kind, 1, replayed=True))
    second.hear(step(STARTED, 2))
    news = second.take()
    assert [(event.kind, event.data["id"]) for event in news.events] == [(STARTED, "s2")]
    assert not news.further


async def test_the_end_of_the_run_is_not_the_end_of_the_job(parts: Parts) -> None:
    told = reporter(parts, await claimed(parts))
    told.hear(RunEvent(EventKind.DONE, {"analysis_id": "a"}))
    told.hear(RunEvent(EventKind.FAILED, {}))
    assert told.take().events == ()
