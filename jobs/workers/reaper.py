"""The reaper: any worker puts back what a dead one held, and clears away what ended jobs left."""

from __future__ import annotations

import logging
import time

from jobs.workers.attempt import Ended
from jobs.workers.heartbeat import Heartbeat
from jobs.workers.identity import is_gone
from records.job_workers import JobWorkers, Reaped, WorkerFacts

CLEAR_EVERY_S = 60.0

_log = logging.getLogger(__name__)


class Reaper:
    """Looks round; `round` is to be called every second.

    Args:
        ended: removes what only a run needed.
    """

    def __init__(
        self,
        workers: JobWorkers,
        me: WorkerFacts,
        heartbeat: Heartbeat,
        ended: Ended | None,
    ) -> None:
        self._workers = workers
        self._me = me
        self._heartbeat = heartbeat
        self._ended = ended
        self._cleared = -CLEAR_EVERY_S

    async def round(self) -> Reaped:
        """Once, now. Raises MedImageError when the database does not answer."""
        reaped = await self._workers.reap(self._me, is_gone, of_others=self._heartbeat.steady)
        if reaped.put_back or reaped.failed or reaped.restarted:
            counts = (len(reaped.put_back), len(reaped.failed), len(reaped.restarted))
            _log.warning("reaper: %d jobs put back, %d given up, %d begun again", *counts)
        if time.monotonic() - self._cleared >= CLEAR_EVERY_S:
            self._cleared = time.monotonic()
            await self.clear()
        return reaped

    async def clear(self) -> None:
        """Clear after jobs whose worker did not get to it."""
        if self._ended is not None:
            for job in await self._workers.uncleared():
                await self._ended(job)
                await self._workers.cleared(job.number)
