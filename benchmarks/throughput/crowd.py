"""A crowded queue: how fast it fills, how soon a page of it is there, how soon STAT starts in front of it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
from sqlalchemy import select

from benchmarks.chaos.place import USER, Place, Post, enqueue, opened, take_in
from benchmarks.chaos.studies import question, study_uid
from benchmarks.chaos.worker import Crew
from benchmarks.throughput.processes import resident_mb
from domain.access import AccessContext
from domain.ports import JobState
from domain.study import Priority
from jobs.queue import DurableQueue
from records.job_tables import JobRow

PAGES = 60
ORDERS = 3000
"""Of the batch whose speed is measured; the rest of the crowd comes as rows."""
SETTLED_S = 3.0
"""From the first moment in which all workers are busy to the first STAT order."""
PAUSE_S = 0.25
"""Between two STAT orders: more often than they are done."""


@dataclass(frozen=True)
class Crowd:
    """What was measured.

    Attributes:
        orders_s: orders a second that come as one batch. rows_s: jobs a second into the table.
        each_s: orders a second that come one by one, 50 at once.
        page_ms: median of the first pages and of pages further on, with state and counts. page_p99_ms: of all.
        before_mb, after_mb: resident memory of the process that fills the queue and shows it.
        stat_s: from the order to the start, of each STAT job.
    """

    jobs: int
    orders_s: float
    rows_s: float
    each_s: float
    page_ms: float
    page_p99_ms: float
    before_mb: float
    after_mb: float
    stat_s: tuple[float, ...]

    @property
    def stat_p99_s(self) -> float:
        """99th percentile."""
        return float(np.percentile(self.stat_s, 99))


async def crowd(post: Post, crew: Crew, *, jobs: int, single: int, stats: int, studies: int, workers: int) -> Crowd:
    """Fill, look, then work in front of it."""
    async with opened(post) as place:
        await take_in(place, studies)
        queue = DurableQueue(
            jobs=place.jobs,
            listing=place.listing,
            workers=place.workers,
            studies=place.studies,
            clock=place.clock,
        )
        await enqueue(place, 500, studies, name="w")
        before = resident_mb()
        orders = ORDERS / await _all_at_once(place, queue, ORDERS, studies)
        rows = jobs / await enqueue(place, jobs, studies)
        each_s = single / await _one_by_one(place, queue, single, studies)
        pages = await _pages(queue)
        after = resident_mb()
        for _ in range(workers):
            await asyncio.to_thread(crew.start, post)
        await _until_busy(place, workers * post.general)
        await _order_stat(place, queue, stats, studies)
        waits = await _waits(place, stats)
        await queue.aclose()
    for pid in list(crew.alive):  # what is left of the queue is nobody's concern
        crew.kill(pid)
    return Crowd(
        jobs=jobs,
        orders_s=orders,
        rows_s=rows,
        each_s=each_s,
        page_ms=1000 * median(pages),
        page_p99_ms=1000 * float(np.percentile(pages, 99)),
        before_mb=before,
        after_mb=after,
        stat_s=waits,
    )


async def _all_at_once(place: Place, queue: DurableQueue, count: int, studies: int) -> float:
    accesses = [await place.studies.access(USER, study_uid(number)) for number in range(studies)]
    orders = [
        (accesses[number % studies], study_uid(number % studies), {"indication": question(number), "key": f"b{number}"})
        for number in range(count)
    ]
    began = time.perf_counter()
    await queue.submit_all(orders)
    return time.perf_counter() - began


async def _one_by_one(place: Place, queue: DurableQueue, count: int, studies: int) -> float:
    accesses = [await place.studies.access(USER, study_uid(number)) for number in range(studies)]
    numbers, began = iter(range(count)), time.perf_counter()

    async def orders() -> None:
        for number in numbers:
            which = number % studies
            await queue.submit(accesses[which], study_uid(which), {"indication": question(number), "key": f"k{number}"})

    await asyncio.gather(*(orders() for _ in range(50)))
    return time.perf_counter() - began


async def _pages(queue: DurableQueue) -> list[float]:
    nobody, after, taken = AccessContext(USER, None), None, []
    await queue.page(nobody)
    for turn in range(PAGES):
        began = time.perf_counter()
        page = await queue.page(nobody, after=after)
        taken.append(time.perf_counter() - began)
        after = page.after if turn % 2 else None
    return taken


async def _until_busy(place: Place, wanted: int) -> None:
    async with asyncio.timeout(60):
        while True:
            counts = await place.listing.counts()
            if sum(jobs for (state, _), jobs in counts.items() if state is JobState.RUNNING) >= wanted:
                break
            await asyncio.sleep(0.2)
    await asyncio.sleep(SETTLED_S)


async def _order_stat(place: Place, queue: DurableQueue, count: int, studies: int) -> None:
    for number in range(count):
        access = await place.studies.access(USER, study_uid(number % studies))
        request = {"indication": "Segment the liver.", "priority": Priority.STAT, "key": f"stat{number}"}
        await queue.submit(access, study_uid(number % studies), request)
        await asyncio.sleep(PAUSE_S)


async def _waits(place: Place, count: int) -> tuple[float, ...]:
    def look() -> list[tuple[object, ...]]:
        with place.database.engine.connect() as session:
            rows = session.execute(select(JobRow.queued, JobRow.began).where(JobRow.key.like("stat%")))
            return [tuple(row) for row in rows]

    async with asyncio.timeout(120):
        while True:
            rows = await asyncio.to_thread(look)
            if len(rows) == count and all(began for _, began in rows):
                return tuple((began - queued).total_seconds() for queued, began in rows)  # type: ignore[operator]
            await asyncio.sleep(0.2)


def with_reserve(post: Post) -> Post:
    """The same, with one slot more that only STAT uses."""
    return replace(post, reserved=1)
