"""One job while it is known: its state, its steps, its numbered events, what can honestly be said of the time left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from domain.access import AccessContext
from domain.ports import Clock, EventKind, Job, JobState, RunEvent
from domain.study import Order

ENDED = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})


class TrackedJob:
    """Mutable; used on the event loop's thread only."""

    def __init__(
        self, *, job_id: str, analysis_id: str, study_uid: str, access: AccessContext, order: Order, clock: Clock
    ) -> None:
        self.job_id = job_id
        self.analysis_id = analysis_id
        self.study_uid = study_uid
        self.access = access
        self.order = order
        self.state = JobState.QUEUED
        self._clock = clock
        self._created = clock.now()
        self._began: float | None = None
        self._expected: int | None = None
        self._progress = 0.0
        self._steps: dict[str, dict[str, Any]] = {}
        self._events: list[RunEvent] = []
        self._changed = asyncio.Event()
        self._error = ""
        self._remedy = ""

    @property
    def patient_key(self) -> str:
        """The patient this job is about."""
        return self.access.patient_key or ""

    @property
    def ended(self) -> bool:
        """Nothing will happen to it any more."""
        return self.state in ENDED

    def begin(self, expected_steps: int | None) -> None:
        """It runs now; `expected_steps` from earlier jobs, None when there were none."""
        self.state = JobState.RUNNING
        self._began = self._clock.monotonic()
        self._expected = expected_steps
        self._tell(RunEvent(EventKind.PROGRESS, {"state": self.state.value, "progress": 0.0, "eta_s": None}))

    def hear(self, event: RunEvent) -> None:
        """Take an event of the run; a job that has ended hears nothing.

        DONE and FAILED of the run are told by `end`, when the result is on record. PROGRESS may name
        the number of steps to expect as `expected`.
        """
        if self.ended or event.kind in {EventKind.DONE, EventKind.FAILED}:
            return
        if event.kind in {EventKind.STEP_STARTED, EventKind.STEP_FINISHED}:
            self._take_step(event)
        if isinstance(event.data.get("expected"), int):
            self._expected = event.data["expected"]
        if event.data.get("total"):
            self._advance(event.data["done"] / event.data["total"])
        self._tell(event)

    def end(self, state: JobState, error: str = "", remedy: str = "", **facts: Any) -> None:
        """It is over: the last event. The first end counts."""
        if self.ended:
            return
        self.state, self._error, self._remedy = state, error, remedy
        if state is JobState.DONE:
            self._progress = 1.0
        for step in self._steps.values():
            if step["state"] == "running":
                step["state"] = "stopped"
        data: dict[str, Any] = {"state": state.value, "analysis_id": self.analysis_id, **facts}
        if state is JobState.FAILED:
            data |= {"error": error, "remedy": remedy}
        self._tell(RunEvent(EventKind.FAILED if state is JobState.FAILED else EventKind.DONE, data))

    def view(self) -> Job:
        """What a caller may know."""
        return Job(
            job_id=self.job_id,
            state=self.state,
            study_uid=self.study_uid,
            analysis_id=self.analysis_id,
            created=self._created,
            progress=round(self._progress, 4),
            eta_s=self._eta_s(),
            steps=tuple(dict(step) for step in self._steps.values()),
            error=self._error,
            remedy=self._remedy,
        )

    async def follow(self, after: int) -> AsyncIterator[tuple[int, RunEvent]]:
        """Events numbered from 1; returns after the last one."""
        number = max(0, after)
        while True:
            changed = self._changed
            while number < len(self._events):
                number += 1
                yield number, self._events[number - 1]
            if self.ended:
                return
            await changed.wait()

    def _take_step(self, event: RunEvent) -> None:
        step_id = str(event.data.get("id", ""))
        finished = event.kind is EventKind.STEP_FINISHED
        known = self._steps.setdefault(step_id, {"id": step_id})
        known |= event.data | {"state": "finished" if finished else "running"}
        if finished:
            self._advance(0.0)

    def _advance(self, part: float) -> None:
        """Finished steps, and the part of the one under way; steps that nobody foresaw make the total grow."""
        total = max(self._expected or 0, len(self._steps) + (0 if self._expected else 1))
        # What is shown never goes back.
        self._progress = max(self._progress, min((self._finished() + part) / total, 0.99))

    def _finished(self) -> int:
        return sum(step["state"] == "finished" for step in self._steps.values())

    def _eta_s(self) -> float | None:
        """Mean time of the finished steps × the steps to go; None without a number of steps to expect."""
        finished = self._finished()
        if self.state is not JobState.RUNNING or self._expected is None or self._began is None or finished == 0:
            return None
        to_go = max(self._expected, len(self._steps)) - finished
        return round((self._clock.monotonic() - self._began) / finished * to_go, 1)

    def _tell(self, event: RunEvent) -> None:
        self._events.append(event)
        waiting, self._changed = self._changed, asyncio.Event()
        waiting.set()
