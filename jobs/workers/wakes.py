"""A model that answers one job is told to those that wait for it: an outage is over for all of them at once."""

from __future__ import annotations

import time
from collections.abc import Iterable

from jobs.workers.rounds import safely
from records.job_leases import JobLeases

EVERY_S = 2.0
"""Between two looks for jobs that wait for the same model; it answers several times a second."""


class Wakes:
    """Wakes jobs of any worker; one for all attempts of a worker."""

    def __init__(self, leases: JobLeases, every_s: float = EVERY_S) -> None:
        self._leases = leases
        self._every_s = every_s
        self._told: dict[str, float] = {}

    async def tell(self, models: Iterable[str]) -> None:
        """These models have answered just now. Never raises: jobs are due by themselves, some time later."""
        for model in models:
            now = time.monotonic()
            if now - self._told.get(model, -self._every_s) >= self._every_s:
                self._told[model] = now
                await safely("wakes", lambda model=model: self._leases.answers(model))  # type: ignore[misc]
