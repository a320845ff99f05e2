"""A worker: takes jobs by the scheduling rule, runs them, and stops what it holds no more.

Slots: general ones, and reserved ones that only STAT uses. An idle worker is woken by whoever queues a job; where
nobody can wake it (another process on SQLite), it looks four times a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from jobs.scheduling.policy import Choice, Limits, Load, Slot, Waiting, Why, choose
from jobs.workers.attempt import Ended, Patience, RunAttempt
from jobs.workers.heartbeat import Heartbeat
from jobs.workers.held import HeldJob
from jobs.workers.reaper import Reaper
from jobs.workers.rounds import every, safely
from jobs.workers.wakes import Wakes
from records.job_leases import Claim, JobLeases
from records.job_rows import Head, QueueLoad
from records.job_signals import CHANGED, QUEUED
from records.job_workers import JobWorkers, WorkerFacts

STOPPING_S = 10.0
"""How long a run, or a transaction, may take to end when the worker does."""
WATCH_AT_MOST_S = 0.1
"""Between two looks, however often something changes."""


@dataclass(frozen=True)
class Pace:
    """How often a worker does what, in seconds.

    Attributes:
        poll: looks for jobs that nobody woke it for. watch: looks whether it still holds what it runs.
        settle: between two tries to put an end on record while the database is away.
    """

    beat: float = 2.0
    reap: float = 1.0
    poll: float = 0.25
    watch: float = 0.5
    settle: float = 1.0


@dataclass(frozen=True)
class Slots:
    """Jobs that a worker runs at once: `general` of any priority, and `reserved` more of STAT."""

    general: int = 1
    reserved: int = 1


class Worker:
    """Runs jobs until it is drained.

    Args:
        me: see `jobs.workers.identity.introduce`; its version says which jobs it may go on with.
        run: runs one attempt.
        ended: told of ended jobs, to remove what only their runs needed.
    """

    def __init__(
        self,
        me: WorkerFacts,
        *,
        leases: JobLeases,
        workers: JobWorkers,
        run: RunAttempt,
        ended: Ended | None = None,
        slots: Slots | None = None,
        limits: Limits | None = None,
        patience: Patience | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.me = me
        self._leases = leases
        self._workers = workers
        self._run = run
        self._ended = ended
        self._slots = slots or Slots()
        self._limits = limits or Limits()
        self._patience = patience or Patience()
        self._pace = pace or Pace()
        self._heartbeat = Heartbeat(workers, me)
        self._reaper = Reaper(workers, me, self._heartbeat, ended)
        self._wakes = Wakes(leases)
        self._jobs: dict[str, HeldJob] = {}
        self._handed_back: set[HeldJob] = set()
        self._chosen: Choice | None = None
        self._since_overdue = 0
        self._unsure = False
        self._stop = asyncio.Event()
        self._claims: asyncio.Task[None] | None = None
        self._others: list[asyncio.Task[None]] = []

    @property
    def running(self) -> int:
        """Jobs that it runs now."""
        return len(self._jobs)

    async def start(self) -> None:
        """Begin to work; once more does nothing. Raises MedImageError when the database does not answer."""
        if self._claims is not None:
            return
        await self._heartbeat.beat()  # before the first claim: a worker that nobody knows is a dead one
        await self._leases.signals.listen()
        self._claims = asyncio.create_task(self._claim(), name="worker claims")
        self._others = [
            asyncio.create_task(every(self._pace.beat, self._stop, "heartbeat", self._heartbeat.beat)),
            asyncio.create_task(every(self._pace.reap, self._stop, "reaper", self._reaper.round)),
            asyncio.create_task(self._watch(), name="worker watch"),
        ]

    async def drain(self, deadline_s: float) -> int:
        """Take nothing more, let what runs end until the deadline, hand the rest back, stop. Returns how many."""
        self._heartbeat.draining = True
        self._leases.signals.tell(QUEUED)
        await _ended([self._claims] if self._claims else [])
        if self._jobs and deadline_s > 0:
            await asyncio.wait([job.task for job in self._jobs.values()], timeout=deadline_s)
        rest = list(self._jobs.values())
        self.hand_back_all()
        if rest:
            await asyncio.wait([job.task for job in rest], timeout=STOPPING_S)
        self._stop.set()
        self._leases.signals.tell(CHANGED)
        await _ended(self._others)
        return len(self._handed_back)

    def hand_back_all(self) -> None:
        """Wait for nothing that runs."""
        for job in self._jobs.values():
            job.hand_back()
            self._handed_back.add(job)

    async def _claim(self) -> None:
        with self._leases.signals.waiter(QUEUED) as waiter:
            while not self._heartbeat.draining:
                if not await safely("claims", self._take_what_fits):
                    self._unsure = True
                    await asyncio.sleep(self._pace.settle)
                await waiter.wait(self._pace.poll)

    async def _take_what_fits(self) -> None:
        if self._unsure:
            await self._leases.put_back_others(self.me.worker_id, list(self._jobs))
            self._unsure = False
        while not self._heartbeat.draining and self._free(Slot.GENERAL) + self._free(Slot.RESERVED) > 0:
            claim = await self._leases.claim(self.me.worker_id, self.me.version, self._pick, self._limits.at_once)
            if claim is None:
                return
            self._begin(claim)

    def _pick(self, heads: Sequence[Head], load: QueueLoad, now: datetime) -> Head | None:
        waiting = {Waiting(h.priority, h.queued.timestamp(), h.job_id, h.site, h.number): h for h in heads}
        here = Load(self._free(Slot.GENERAL), self._free(Slot.RESERVED), load.running, load.served, self._since_overdue)
        limits = replace(self._limits, paused=self._limits.paused | load.paused)
        self._chosen = choose(waiting, here, limits, now.timestamp())
        return None if self._chosen is None else waiting[self._chosen.job]

    def _begin(self, claim: Claim) -> None:
        chosen = self._chosen
        assert chosen is not None
        if chosen.slot is Slot.GENERAL:
            self._since_overdue = 0 if chosen.why is Why.OVERDUE else self._since_overdue + 1
        self._jobs[claim.job.job_id] = HeldJob(
            claim,
            chosen.slot,
            leases=self._leases,
            workers=self._workers,
            run=self._run,
            ended=self._ended,
            wakes=self._wakes,
            patience=self._patience,
            settle_s=self._pace.settle,
            gone=self._over,
        )

    def _over(self, job: HeldJob, settled: bool) -> None:
        del self._jobs[job.claim.job.job_id]
        self._unsure |= not settled
        self._leases.signals.tell(QUEUED)

    def _free(self, slot: Slot) -> int:
        size = self._slots.general if slot is Slot.GENERAL else self._slots.reserved
        return size - sum(job.slot is slot for job in self._jobs.values())

    async def _watch(self) -> None:
        with self._leases.signals.waiter(CHANGED) as waiter:
            while not self._stop.is_set():
                await waiter.wait(self._pace.watch)
                if self._jobs:
                    await safely("watch", self._stop_what_is_lost)
                    await asyncio.sleep(WATCH_AT_MOST_S)

    async def _stop_what_is_lost(self) -> None:
        """Stop at once what was cancelled, or taken away."""
        known = list(self._jobs.values())
        held = await self._leases.held(self.me.worker_id)
        for job in known:
            if held.get(job.claim.job.job_id) != job.claim.job.attempt and not job.task.done():
                job.lose()


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait for tasks that end by themselves; not for ever, where the database is away."""
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=STOPPING_S)
        for task in late:
            task.cancel()
