"""Expected times of jobs on record."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

from domain.ports import Clock, JobState
from jobs.scheduling.expected import Expected, from_the_queue, to_go
from records.job_listing import JobListing
from records.job_rows import JobRecord
from records.job_workers import JobWorkers

R = TypeVar("R")

KNOWN_S = 5.0
"""How long workers and durations are used before they are read again."""


class Estimates:
    """Estimates from the history of a modality and a model, and from who works now."""

    def __init__(self, listing: JobListing, workers: JobWorkers, clock: Clock) -> None:
        self._listing = listing
        self._workers = workers
        self._clock = clock
        self._known: dict[object, tuple[float, object]] = {}

    async def of(self, job: JobRecord) -> Expected | None:
        """Time to go of a job; None where nothing is known, where it has ended, and where it waits for something."""
        if job.ended or job.state is JobState.WAITING:
            return None
        like = (job.modality, job.model)
        durations = await self._lately(like, lambda: self._listing.durations(*like))
        if job.state is JobState.RUNNING:
            elapsed_s = (self._clock.now() - job.started).total_seconds() if job.started else 0.0
            return to_go(durations, elapsed_s, job.progress)
        slots = await self._lately("slots", self._slots)
        return from_the_queue(durations, await self._listing.ahead_of(job), slots)

    async def _slots(self) -> int:
        seen = await self._workers.seen()
        return sum(w.facts.slots for w in seen if not w.draining and w.quiet_s <= self._workers.missed_s)

    async def _lately(self, what: object, read: Callable[[], Awaitable[R]]) -> R:
        now = time.monotonic()
        known = self._known.get(what)
        if known is None or now - known[0] > KNOWN_S:
            self._known = {name: entry for name, entry in self._known.items() if now - entry[0] <= KNOWN_S}
            known = self._known[what] = (now, await read())
        return cast(R, known[1])
