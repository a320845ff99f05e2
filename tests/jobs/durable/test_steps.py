"""What one attempt finished, the next one replays: results, failures, ids, order and what followers are told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.errors import MedImageError, ModelRefused, ModelUnreachable
from domain.ports import EventKind, RunEvent
from jobs.durable.results import ProgressNotKept, StepResults
from jobs.durable.steps import DurableStepRunner
from jobs.durable.system import AttemptBroken, DurableSystem, Superseded
from tests.api.engine import TickingClock


class Died(BaseException):
    """Stands for the end of a process."""


class Job:
    """Attempts at one job, one after the other."""

    def __init__(self, system: DurableSystem, folder: Path) -> None:
        self.system = system
        self.folder = folder
        self.attempts = 0
        self.waits = False
        self.events: list[RunEvent] = []
        self.done: list[str] = []
        self.runner: DurableStepRunner

    async def attempt(self, body: Callable[[Job], Awaitable[Any]]) -> Any:
        """Run the next attempt; what `body` gives back, or None when it died."""
        past = await self.system.take_over([f"job.{n}" for n in range(1, self.attempts + 1)])
        self.attempts += 1
        self.events.clear()
        self.done.clear()
        self.runner = DurableStepRunner(
            TickingClock(),
            self.events.append,
            system=self.system,
            results=StepResults(self.folder, self.attempts),
            past=past,
            waits=self.waits,
        )
        given: list[Any] = []

        async def run() -> dict[str, Any]:
            given.append(await body(self))
            return {}

        try:
            await self.system.run(f"job.{self.attempts}", {}, run)
        except Died:
            return None
        return given[0]

    async def step(self, name: str, *, inputs: dict[str, object] | None = None, seconds: float = 0.0) -> Any:
        """A step whose result says in which attempt it was done."""

        async def work() -> dict[str, Any]:
            await asyncio.sleep(seconds)
            self.done.append(name)
            return {"name": name, "attempt": self.attempts}

        outputs: Callable[[Any], dict[str, object]] = lambda found: {"found": found["name"]}  # noqa: E731
        return await self.runner.run("agent", name, work, inputs=inputs or {}, model="m@1", outputs=outputs)

    def told(self, kind: EventKind) -> list[tuple[str, bool]]:
        return [(e.data["id"], bool(e.data.get("replayed"))) for e in self.events if e.kind is kind]


@pytest.fixture
def job(system: DurableSystem, tmp_path: Path) -> Job:
    return Job(system, tmp_path / "steps")


async def test_only_what_was_not_finished_is_done(job: Job) -> None:
    async def dies(job: Job) -> None:
        await job.step("one")
        await job.step("two")
        raise Died

    async def lives(job: Job) -> Any:
        return [await job.step(name) for name in ("one", "two", "three")]

    await job.attempt(dies)
    first = list(job.runner.steps)
    found = await job.attempt(lives)
    assert job.done == ["three"]
    assert [r["attempt"] for r, _ in found] == [1, 1, 2]
    assert [s.step_id for _, s in found] == ["s1", "s2", "s3"]
    assert job.runner.steps[:2] == first
    assert job.told(EventKind.STEP_STARTED) == [("s1", True), ("s2", True), ("s3", False)]
    assert job.told(EventKind.STEP_FINISHED) == [("s1", True), ("s2", True), ("s3", False)]
    finished = next(e for e in job.events if e.kind is EventKind.STEP_FINISHED)
    assert (finished.data["outputs"], finished.data["model"]) == ({"found": "one"}, "m@1")


async def test_a_model_that_does_not_answer_is_asked_again_where_the_job_waits_for_it(job: Job) -> None:
    down = [ModelUnreachable("Connection refused."), ModelRefused("Not like that.")]

    async def body(job: Job) -> str:
        async def asks() -> str:
            if down:
                raise down.pop(0)
            return "answer"

        await job.step("one")
        for model in ("first", "second"):
            try:
                return (await job.runner.run("agent", "ask", asks, inputs={}, model=model))[0]
            except Exception:  # a tool tries the next model; an attempt that waits never comes here
                job.done.append(model)
        return "no answer"

    job.waits = True
    with pytest.raises(ModelUnreachable, match="Connection refused"):
        await job.attempt(body)
    assert job.done == ["one"]
    assert await job.attempt(body) == "answer"
    assert job.done == ["first"]
    assert [(step.ok, step.model) for step in job.runner.steps] == [(True, "m@1"), (False, "first"), (True, "second")]


async def test_a_third_attempt_has_the_steps_of_both_before(job: Job) -> None:
    for count in (1, 2):

        async def dies(job: Job, count: int = count) -> None:
            for name in ("one", "two", "three")[:count]:
                await job.step(name)
            raise Died

        await job.attempt(dies)

    async def lives(job: Job) -> Any:
        return [(await job.step(name))[0]["attempt"] for name in ("one", "two", "three")]

    assert await job.attempt(lives) == [1, 2, 3]


async def test_a_failure_is_on_record_and_raised_again_as_it_was(job: Job) -> None:
    calls = []

    async def body(job: Job) -> Any:
        async def work() -> None:
            calls.append("work")
            raise ModelRefused("No.", remedy="Ask otherwise.", where="endpoint-1")

        with pytest.raises(ModelRefused) as caught:
            await job.runner.run("agent", "fails", work, inputs={})
        if job.attempts == 1:
            raise Died
        return caught.value, job.runner.steps

    await job.attempt(body)
    error, steps = await job.attempt(body)
    assert calls == ["work"]
    assert (type(error), error.reason, error.remedy, error.where) == (
        ModelRefused,
        "No.",
        "Ask otherwise.",
        "endpoint-1",
    )
    assert [(s.ok, s.error) for s in steps] == [(False, "endpoint-1: No. Ask otherwise.")]


async def test_a_foreign_exception_is_on_record_by_its_kind_alone(job: Job, tmp_path: Path) -> None:
    async def body(job: Job) -> Any:
        async def work() -> None:
            raise KeyError("Doe^John")

        try:
            await job.runner.run("agent", "fails", work, inputs={})
        except Exception as error:
            if job.attempts == 1:
                raise Died from None
            return error
        return None

    await job.attempt(body)
    error = await job.attempt(body)
    assert type(error).__name__ == "KeyError"
    assert "Doe" not in str(error)
    written = [p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()]
    assert not any(b"Doe" in content for content in written)


async def test_a_cancelled_step_is_not_on_record(job: Job) -> None:
    began = asyncio.Event()

    async def hangs(job: Job) -> None:
        async def work() -> None:
            began.set()
            await asyncio.sleep(60)

        await job.step("one")
        await job.runner.run("agent", "long", work, inputs={})

    task = asyncio.create_task(job.attempt(hangs))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async def lives(job: Job) -> Any:
        async def work() -> str:
            return "now"

        await job.step("one")
        return await job.runner.run("agent", "long", work, inputs={})

    result, step = await job.attempt(lives)
    assert (result, step.step_id, job.done) == ("now", "s2", [])


async def test_parallel_calls_keep_their_ids_however_they_end(job: Job) -> None:
    async def chain(job: Job, name: str, seconds: float) -> list[str]:
        ids = []
        for part in ("first", "second"):
            _, step = await job.step("tool", inputs={"chain": name, "part": part}, seconds=seconds)
            ids.append(step.step_id)
        return ids

    async def dies(job: Job) -> Any:
        done = await asyncio.gather(chain(job, "a", 0.03), chain(job, "b", 0.0), chain(job, "c", 0.01))
        before.extend(done)
        order.extend(s.step_id for s in job.runner.steps)
        raise Died

    async def lives(job: Job) -> Any:
        done = await asyncio.gather(chain(job, "a", 0), chain(job, "b", 0), chain(job, "c", 0))
        _, last = await job.step("last")
        return done, last.step_id

    before: list[list[str]] = []
    order: list[str] = []
    await job.attempt(dies)
    after, last = await job.attempt(lives)
    assert after == before
    assert [ids[0] for ids in after] == ["s1", "s2", "s3"]
    assert [s.step_id for s in job.runner.steps] == [*order, "s7"]
    assert (last, job.done) == ("s7", ["last"])


async def test_a_step_that_was_in_flight_gets_its_id_again(job: Job) -> None:
    async def both(job: Job, slow: float) -> Any:
        await job.step("one")
        return await asyncio.gather(job.step("slow", seconds=slow), job.step("fast"))

    async def dies(job: Job) -> None:
        running = asyncio.create_task(both(job, 60))
        while "fast" not in job.done:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        raise Died

    async def lives(job: Job) -> Any:
        return await both(job, 0)

    await job.attempt(dies)
    (_, slow), (_, fast) = await job.attempt(lives)
    assert (slow.step_id, fast.step_id, job.done) == ("s2", "s3", ["slow"])
    assert [s.step_id for s in job.runner.steps] == ["s1", "s3", "s2"]


async def test_the_same_call_twice_is_two_steps(job: Job) -> None:
    async def body(job: Job) -> Any:
        found = [await job.step("again", inputs={"prompt": "liver"}) for _ in range(job.attempts)]
        if job.attempts < 3:
            raise Died
        return [(r["attempt"], s.step_id) for r, s in found]

    await job.attempt(body)
    await job.attempt(body)
    assert await job.attempt(body) == [(1, "s1"), (2, "s2"), (3, "s3")]


async def test_a_broken_result_is_found_again_under_its_id(job: Job) -> None:
    async def body(job: Job) -> Any:
        found = [await job.step(name) for name in ("one", "two")]
        if job.attempts == 1:
            raise Died
        return [(r["attempt"], s.step_id) for r, s in found]

    await job.attempt(body)
    next(job.folder.glob("1-s1*")).write_bytes(b"rotten")
    assert await job.attempt(body) == [(2, "s1"), (1, "s2")]
    assert await job.attempt(body) == [(2, "s1"), (1, "s2")]


async def test_a_superseded_attempt_keeps_nothing_and_stops(job: Job, system: DurableSystem) -> None:
    async def zombie(job: Job) -> None:
        await job.step("one")

        async def overtaken() -> str:
            # Another process takes over while this one works.
            context = __import__("contextvars").Context()
            await asyncio.get_running_loop().create_task(system.take_over(["job.1"]), context=context)
            return "late"

        try:
            await job.runner.run("agent", "two", overtaken, inputs={})
        except Exception as error:  # a filter that takes every exception for a failed tool
            raise AssertionError from error

    with pytest.raises(Superseded):
        await job.attempt(zombie)
    with pytest.raises(AttemptBroken):
        await job.runner.run("agent", "three", _nothing, inputs={})

    async def lives(job: Job) -> Any:
        await job.step("one")
        return await job.step("two")

    await job.attempt(lives)
    assert job.done == ["two"]


async def test_a_disk_that_fills_ends_the_attempt_and_not_the_step(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(job: Job) -> Any:
        await job.step("one")
        if job.attempts == 1:
            monkeypatch.setattr("jobs.durable.results.os.fsync", _full)
        try:
            await job.step("two")
        except MedImageError as error:  # what a planner would go on after
            raise AssertionError from error
        return "whole"

    with pytest.raises(ProgressNotKept, match="full"):
        await job.attempt(body)
    monkeypatch.undo()
    assert await job.attempt(body) == "whole"
    assert job.done == ["two"]


async def test_a_value_is_found_once(job: Job) -> None:
    async def body(job: Job) -> Any:
        async def count() -> list[str]:
            job.done.append("counted")
            return ["a", "b"]

        value = await job.runner.keep("count", count, about={"of": 1})
        job.runner.announce(RunEvent(EventKind.APPROVAL, {"approval_id": "1"}))
        if job.attempts == 1:
            raise Died
        return value, job.runner.kept("other")

    await job.attempt(body)
    assert await job.attempt(body) == (["a", "b"], None)
    assert job.done == []


async def test_the_last_end_is_the_same_instant_in_every_attempt(job: Job) -> None:
    ends: list[datetime] = []

    async def body(job: Job) -> None:
        steps = [(await job.step(name))[1] for name in ("one", "two")]
        ends.append(job.runner.last_end)
        assert ends[-1] == steps[-1].started + timedelta(seconds=steps[-1].seconds)
        if job.attempts == 1:
            raise Died

    await job.attempt(body)
    await job.attempt(body)
    assert ends[0] == ends[1]


async def test_a_value_that_could_not_be_found_is_looked_for_again(job: Job) -> None:
    async def body(job: Job) -> Any:
        async def find() -> str:
            if job.attempts == 1:
                raise ModelRefused("Not now.")
            return "found"

        return await job.runner.keep("value", find)

    with pytest.raises(ModelRefused):
        await job.attempt(body)
    assert await job.attempt(body) == "found"


async def test_what_was_told_before_says_so(job: Job) -> None:
    async def body(job: Job) -> None:
        await job.step("one")
        job.runner.announce(RunEvent(EventKind.APPROVAL, {"approval_id": "1"}))
        if job.attempts == 1:
            raise Died
        await job.step("two")
        job.runner.announce(RunEvent(EventKind.APPROVAL, {"approval_id": "2"}))

    await job.attempt(body)
    await job.attempt(body)
    told = [(e.data["approval_id"], e.data.get("replayed")) for e in job.events if e.kind is EventKind.APPROVAL]
    assert told == [("1", True), ("2", None)]


async def test_progress_inside_a_step_is_told_live_only(job: Job) -> None:
    async def body(job: Job) -> None:
        async def work() -> None:
            job.runner.progress(1, 2)

        await job.runner.run("agent", "slices", work, inputs={})
        if job.attempts == 1:
            assert any(e.kind is EventKind.PROGRESS for e in job.events)
            raise Died

    await job.attempt(body)
    await job.attempt(body)
    assert not any(e.kind is EventKind.PROGRESS for e in job.events)


async def _nothing() -> None:
    return


def _full(_: int) -> None:
    raise OSError(28, "No space left on device")
