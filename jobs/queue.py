"""The queue that outlives the process: jobs are on record, and any worker of the database runs them."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.access import AccessContext
from domain.ports import Clock, JobState, RunEvent
from domain.study import Order, Priority
from jobs.queued import QueuedJob, QueuePage, view_of
from jobs.scheduling.estimates import Estimates
from jobs.scheduling.priority import Urgent, raised_by_person, urgency
from records.job_events import steps_of
from records.job_listing import Cursor, JobFilter, JobListing
from records.job_rows import ENDED, NewJob
from records.job_signals import CHANGED
from records.job_workers import JobWorkers
from records.jobs import JobRecords
from records.studies import StudyRecords

FOLLOW_S = 0.3
"""Between two looks of a follower whom nobody wakes."""
AT_MOST_S = 0.1
"""Between two looks of a follower, however much happens."""
KNOWN_S = 2.0
"""How long counts are used before they are taken again, at least."""
SHARE = 0.01
"""Of the time that counting may take: a crowded queue is counted less often."""
FORGET_S = 600.0
BULK = 500
Counts = Mapping[tuple[JobState, Priority], int]


@dataclass(frozen=True)
class _Counted:
    """Counts as they were `at` a moment of the monotonic clock, good `until` another."""

    counts: Counts
    at: float
    until: float


class DurableQueue:
    """`jobs.contracts.Queue` on records.

    Args:
        model: that will do most of the work of a job, for expected times.
    """

    def __init__(
        self,
        *,
        jobs: JobRecords,
        listing: JobListing,
        workers: JobWorkers,
        studies: StudyRecords,
        clock: Clock,
        model: str = "",
    ) -> None:
        self._jobs = jobs
        self._listing = listing
        self._estimates = Estimates(listing, workers, clock)
        self._studies = studies
        self._clock = clock
        self._model = model
        self._counted: dict[str, _Counted] = {}
        self._counting: asyncio.Task[_Counted] | None = None

    async def submit(self, access: AccessContext, study_uid: str, request: Mapping[str, Any]) -> QueuedJob:
        """Queue an analysis.

        Args:
            request: indication, priority, prompts; and key (the same one is queued once), site, batch, order_id,
                accession_number. What the indication names may raise the priority.

        Raises:
            StudyNotFound, PatientLockViolation.
        """
        return view_of(await self._jobs.submit(self._ordered(access, study_uid, request)))

    async def submit_all(self, orders: Sequence[tuple[AccessContext, str, Mapping[str, Any]]]) -> int:
        """Queue many analyses, in large transactions; returns how many were not queued before. Raises as `submit`."""
        fresh = 0
        for start in range(0, len(orders), BULK):
            fresh += await self._jobs.enqueue_all(await self._all_new(orders[start : start + BULK]))
        return fresh

    async def study_of(self, job_id: str) -> str:
        """Study UID of a job. Raises JobNotFound."""
        return await self._jobs.study_of(job_id)

    async def get(self, access: AccessContext, job_id: str) -> QueuedJob:
        """The job now. Raises JobNotFound, PatientLockViolation."""
        record = await self._jobs.get(access, job_id)
        _, events = await self._jobs.events(record.number)
        steps = steps_of((event for _, event in events), ended=record.ended)
        return view_of(record, await self._estimates.of(record), steps)

    async def events(self, access: AccessContext, job_id: str, after: int = 0) -> AsyncIterator[tuple[int, RunEvent]]:
        """Numbered events from the first after `after` on, until the job ends, wherever it runs. Raises as `get`."""
        job = await self._jobs.get(access, job_id, "job.follow")
        signals, seen = self._jobs.signals, max(0, after)
        await signals.listen()
        with signals.waiter(CHANGED) as waiter:
            while True:
                state, events = await self._jobs.events(job.number, seen)
                for number, event in events:
                    seen = number
                    yield number, event
                if state in ENDED:
                    return
                await asyncio.sleep(AT_MOST_S)
                await waiter.wait(FOLLOW_S - AT_MOST_S)

    async def cancel(self, access: AccessContext, job_id: str) -> QueuedJob:
        """Stop at once, wherever it runs; a job that has ended stays as it is. Raises as `get`."""
        await self._jobs.cancel(access, job_id)
        return await self.get(access, job_id)

    async def hurry(self, access: AccessContext, job_id: str, priority: Priority) -> QueuedJob:
        """Raise the priority of a job; it is never lowered. Raises as `get`."""
        now = await self._jobs.get(access, job_id)
        raised = raised_by_person(Urgent(now.priority), priority)
        if raised.reasons:
            await self._jobs.hurry(access, job_id, raised.priority, [reason.as_row() for reason in raised.reasons])
        return await self.get(access, job_id)

    async def page(
        self, access: AccessContext, which: JobFilter | None = None, *, after: Cursor | None = None, limit: int = 50
    ) -> QueuePage:
        """The worklist: jobs that have not ended, or those asked for. Work bound to a patient sees that patient's."""
        page = await self._listing.page(access, which, after=after, limit=limit)
        batch = which.batch if which else ""
        jobs = tuple(view_of(job) for job in page.jobs)
        return QueuePage(jobs, page.after, await self._counts(batch), page.paused)

    async def pause(self, access: AccessContext, priorities: Sequence[Priority] = tuple(Priority)) -> None:
        """Start nothing more of some priorities, or of any; what runs goes on."""
        await self._jobs.pause(access, priorities)

    async def resume(self, access: AccessContext, priorities: Sequence[Priority] = tuple(Priority)) -> None:
        """Start jobs of some priorities again, or of all."""
        await self._jobs.resume(access, priorities)

    async def paused(self) -> frozenset[Priority]:
        """Priorities that nothing is started of."""
        return await self._jobs.paused()

    async def aclose(self) -> None:
        """Hear nothing more. Jobs stay: whoever works, goes on with them."""
        if self._counting is not None:
            await asyncio.gather(self._counting, return_exceptions=True)
        await self._jobs.signals.aclose()

    async def _new(self, access: AccessContext, study_uid: str, request: Mapping[str, Any]) -> NewJob:
        study = await self._studies.get(access, study_uid, "study.files")
        return self._ordered(access, study_uid, request, study.modality)

    def _ordered(self, access: AccessContext, study_uid: str, request: Mapping[str, Any], modality: str = "") -> NewJob:
        indication = str(request.get("indication", ""))
        ordered = Priority(request.get("priority", Priority.ROUTINE))
        urgent = urgency(ordered, indication)
        order = Order(
            indication=indication,
            priority=urgent.priority,
            prompts=tuple(request.get("prompts", ())),
            order_id=str(request.get("order_id", "")),
            accession_number=str(request.get("accession_number", "")),
            requested=self._clock.now(),
        )
        return NewJob(
            job_id=uuid.uuid4().hex,
            analysis_id=uuid.uuid4().hex,
            study_uid=study_uid,
            access=access,
            order=order,
            ordered=ordered,
            priority=urgent.priority,
            reasons=tuple(reason.as_row() for reason in urgent.reasons),
            key=str(request.get("key", "")),
            batch=str(request.get("batch", "")),
            site=str(request.get("site", "")),
            modality=modality,
            model=self._model,
        )

    async def _all_new(self, orders: Sequence[tuple[AccessContext, str, Mapping[str, Any]]]) -> list[NewJob]:
        modalities = await self._jobs.modalities([(access, study_uid) for access, study_uid, _ in orders])
        if modalities is None:  # the one that is refused says so itself
            return [await self._new(*order) for order in orders]
        return [self._ordered(*order, modality) for order, modality in zip(orders, modalities, strict=True)]

    async def _counts(self, batch: str) -> Counts:
        """As they were of late: a hundred thousand jobs are not counted while somebody waits for a page."""
        known = self._counted.get(batch)
        if known is None:
            known = await self._count(batch)
        elif time.monotonic() >= known.until and (self._counting is None or self._counting.done()):
            self._counting = asyncio.create_task(self._count(batch), name="job counts")
        return known.counts

    async def _count(self, batch: str) -> _Counted:
        began = time.monotonic()
        counts = await self._listing.counts(batch)
        now = time.monotonic()
        counted = _Counted(counts, now, now + max(KNOWN_S, (now - began) / SHARE))
        kept = {name: old for name, old in self._counted.items() if now - old.at <= FORGET_S}
        self._counted = {**kept, batch: counted}
        return counted
