"""A worker's heartbeat, and whether it can tell by those of others who is dead."""

from __future__ import annotations

import time

from records.job_workers import JobWorkers, WorkerFacts


class Heartbeat:
    """Says that a worker lives.

    `beat` is to be called well more often than a dead worker's beats may be missing.
    """

    def __init__(self, workers: JobWorkers, me: WorkerFacts) -> None:
        self._workers = workers
        self._me = me
        self._first: float | None = None
        self._last = 0.0
        self.draining = False

    @property
    def steady(self) -> bool:
        """Its own beats came through for as long as a dead worker's may be missing.

        After the database was away all heartbeats are old, and nobody is dead for it.
        """
        now, missed = time.monotonic(), self._workers.missed_s
        return self._first is not None and now - self._first >= missed and now - self._last < missed

    async def beat(self) -> None:
        """Once, now. Raises MedImageError when the database does not answer."""
        await self._workers.beat(self._me, draining=self.draining)
        now = time.monotonic()
        if self._first is None or now - self._last > self._workers.missed_s:
            self._first = now
        self._last = now
