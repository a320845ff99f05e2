"""The run of a batch: find, take in, order, work, watch; stopped or killed, the same batch goes on.

Studies are taken in while earlier ones are analysed, and not far ahead of them: disks are finite.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

from domain.ports import Compute, JobState
from domain.study import Priority
from jobs.batch.admission import Admission
from jobs.batch.discovery import Discovery, Stored
from jobs.batch.entries import StudyState
from jobs.batch.index import BatchIndex
from jobs.batch.pace import Pace
from jobs.batch.request import BatchRequest
from jobs.batch.state import BatchState, BatchWatcher
from jobs.batch.watching import RunningStudies

LOOK_S = 0.5
"""Between two looks at the queue."""
ASK_S = 10.0
"""Between two questions what waiting studies wait for; each is a list of jobs, and audited."""
AHEAD = 64
"""Studies that are taken in and wait, at most."""
DEADLINE_S = 60.0
"""How long what runs may take to end, once the batch is told to stop."""
FOUND_ALL = "found everything"
ENDING = (signal.SIGINT, signal.SIGTERM)

Counts = Callable[[], Awaitable[Mapping[tuple[JobState, Priority], int]]]
"""Jobs of the batch, by state and priority."""
WaitsFor = Callable[[], Awaitable[str]]
"""What a waiting job of the batch waits for."""


class Working(Protocol):
    """A worker; see `jobs.workers.loop.Worker`."""

    async def start(self) -> None:
        """Begin to work."""

    async def drain(self, deadline_s: float) -> int:
        """Take nothing more, let what runs end, hand the rest back. Returns how many."""

    def hand_back_all(self) -> None:
        """Wait for nothing that runs."""


@dataclass(frozen=True)
class RunEnd:
    """How a run ended.

    Attributes:
        signal: that stopped it before the batch was through; 0 for none.
        handed_back: studies that were under way and go on the next time.
    """

    signal: int = 0
    handed_back: int = 0


class BatchRun:
    """One run of a batch.

    Args:
        compute: where headers are read.
        stored: pages of UIDs of studies on record.
    """

    def __init__(
        self,
        request: BatchRequest,
        *,
        index: BatchIndex,
        admission: Admission,
        worker: Working,
        running: RunningStudies,
        compute: Compute,
        stored: Stored,
        counts: Counts,
        waits_for: WaitsFor,
        watcher: BatchWatcher,
    ) -> None:
        self._request = request
        self._index = index
        self._admission = admission
        self._worker = worker
        self._running = running
        self._compute = compute
        self._stored = stored
        self._counts = counts
        self._waits_for = waits_for
        self._watcher = watcher
        self._stop, self._signal = asyncio.Event(), 0
        self._queued = 0
        self._draining: asyncio.Task[int] | None = None
        self._asked, self._reason = 0.0, ""

    async def run(self) -> RunEnd:
        """Until the batch is through, or a signal stops it.

        Raises:
            BatchUsage: the manifest cannot be read.
            MedImageError: the records do not answer, or the disk is full; the batch goes on another time.
        """
        await self._worker.start()
        try:
            with self._told_to_end():
                if await self._find():
                    await self._work()
                stopped = self._stop.is_set()
                if stopped:
                    self._watcher.say("Stopping: what runs may end; once more Ctrl+C does not wait for it.")
                self._draining = asyncio.create_task(self._worker.drain(DEADLINE_S))
                while not self._draining.done():
                    await asyncio.wait({self._draining}, timeout=LOOK_S)
                    if stopped:
                        await self._look(Pace(time.monotonic()))
                return RunEnd(self._signal if stopped else 0, self._draining.result())
        finally:
            if self._draining is None:
                await self._worker.drain(0.0)

    async def _find(self) -> bool:
        """Whether all of it is known."""
        if self._request.retry:
            self._index.reopen_failed(self._request.limit)
        if self._request.resume and FOUND_ALL in self._index.facts():
            return not self._stop.is_set()
        discovery = Discovery(self._index, self._compute, self._stop, self._watcher.found)
        if not await discovery.run(self._request, self._stored):
            return False
        self._index.note(**{FOUND_ALL: "yes"})
        return not self._stop.is_set()

    async def _work(self) -> None:
        """Order, and watch, until all jobs have ended."""
        ordering = asyncio.create_task(self._order_all(), name="batch orders")
        pace = Pace(time.monotonic())
        try:
            while not self._stop.is_set():
                ordered = ordering.done()
                if ordered and ordering.exception() is not None:
                    break
                if not await self._look(pace) and ordered:
                    break
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), LOOK_S)
            await ordering  # a study that is being taken in is taken in whole
        finally:
            ordering.cancel()
            with suppress(asyncio.CancelledError):
                await ordering

    async def _order_all(self) -> None:
        if self._request.retry:
            await self._retry()
        for study in self._index.studies(StudyState.FOUND, limit=self._request.limit):
            await self._room()
            if self._stop.is_set():
                return
            await self._admission.order(study)
            self._queued += 1

    async def _retry(self) -> None:
        """Queue jobs that failed, or were cancelled, once more."""
        for study in self._index.studies(limit=self._request.limit):
            for order in self._index.orders(study.number):
                await self._room()
                if self._stop.is_set():
                    return
                self._queued += await self._admission.again_if_failed(order)

    async def _room(self) -> None:
        while self._queued >= AHEAD and not self._stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), LOOK_S / 5)

    async def _look(self, pace: Pace) -> int:
        """Show how far it is; returns how many jobs have not ended."""
        jobs: dict[JobState, int] = {}
        for (state, _), count in (await self._counts()).items():
            jobs[state] = jobs.get(state, 0) + count
        failed = jobs.get(JobState.FAILED, 0) + jobs.get(JobState.CANCELLED, 0)
        ended, waiting = jobs.get(JobState.DONE, 0) + failed, jobs.get(JobState.WAITING, 0)
        active = jobs.get(JobState.QUEUED, 0) + jobs.get(JobState.RUNNING, 0) + waiting
        self._queued = jobs.get(JobState.QUEUED, 0)
        not_taken = self._index.count(StudyState.FAILED, self._request.limit)
        through = ended + not_taken + self._index.count(StudyState.SAME, self._request.limit)
        now = time.monotonic()
        pace.reached(ended, now)
        total = max(self._index.count(limit=self._request.limit), through)
        self._watcher.state(
            BatchState(
                total=total,
                ended=through,
                failed=failed + not_taken,
                refused=self._index.count_refused(),
                waiting=waiting,
                waits_for=await self._waiting_for(waiting, now),
                running=self._running.now(),
                per_hour=pace.per_hour,
                expected=pace.expected(total - through, now),
                stopping=self._stop.is_set(),
            )
        )
        return active

    async def _waiting_for(self, waiting: int, now: float) -> str:
        if not waiting:
            return ""
        if not self._reason or now - self._asked > ASK_S:
            self._asked, self._reason = now, await self._waits_for()
        return self._reason

    @contextmanager
    def _told_to_end(self) -> Iterator[None]:
        """A first signal stops; a second one does not wait."""
        loop = asyncio.get_running_loop()

        def end(number: int) -> None:
            if self._stop.is_set():
                self._worker.hand_back_all()
            self._signal = self._signal or number
            self._stop.set()

        for number in ENDING:
            loop.add_signal_handler(number, end, number)
        try:
            yield
        finally:
            for number in ENDING:
                with suppress(ValueError):
                    loop.remove_signal_handler(number)
