"""What runs now: the attempts of this process's worker are listened to, so that nobody asks the database for it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from domain.ports import EventKind, RunEvent
from jobs.batch.index import BatchIndex
from jobs.batch.rows import Pseudonyms
from jobs.batch.state import RunningStudy, step_name
from jobs.workers.attempt import Attempt, Outcome, RunAttempt

SHORT = 16
"""Signs of a pseudonym that are shown."""


@dataclass
class _Now:
    began: float
    step: str = ""


class RunningStudies:
    """Listens to the attempts of this process's worker."""

    def __init__(self, index: BatchIndex, names: Pseudonyms) -> None:
        self._index = index
        self._names = names
        self._now: dict[str, _Now] = {}
        self._known: dict[str, tuple[int | None, str]] = {}

    def watched(self, run: RunAttempt) -> RunAttempt:
        """The same run, whose steps are noticed."""

        async def watching(attempt: Attempt) -> Outcome:
            now = self._now[attempt.job.job_id] = _Now(time.monotonic())

            def hear(event: RunEvent) -> None:
                if event.kind is EventKind.STEP_STARTED:
                    now.step = step_name(event)
                elif event.kind is EventKind.STEP_FINISHED and now.step == step_name(event):
                    now.step = ""
                attempt.listener(event)

            try:
                return await run(replace(attempt, listener=hear))
            finally:
                self._now.pop(attempt.job.job_id, None)
                self._known.pop(attempt.job.job_id, None)

        return watching

    def now(self) -> list[RunningStudy]:
        """What runs, the longest first."""
        moment = time.monotonic()
        return [
            RunningStudy(*self._who(job_id), now.step, moment - now.began) for job_id, now in list(self._now.items())
        ]

    def _who(self, job_id: str) -> tuple[int | None, str]:
        if job_id not in self._known:
            order = self._index.order_of(job_id)
            if order is None:  # not written down yet, or somebody else's
                return None, ""
            self._known[job_id] = (order.number, self._names.patient(order.patient_key, order.study_uid)[:SHORT])
        return self._known[job_id]
