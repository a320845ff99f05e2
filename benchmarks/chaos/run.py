"""A run of the queue to its end, with workers that are killed at random moments."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from benchmarks.chaos.left import Left, left_by
from benchmarks.chaos.model import scored
from benchmarks.chaos.place import Place, Post, enqueue, opened, take_in
from benchmarks.chaos.worker import Crew, clear
from records.job_rows import ENDED
from records.job_tables import JobRow

FIRST_GUESS_S = 0.5
"""A job's share of the time, before any has ended."""
LOOK_S = 0.1
LATE = 0.9
"""Share of the jobs from which on a kill that is behind an even spread comes at once."""
HASTE = 0.6
"""Kills come faster than an even spread, so that none is left when the jobs are done."""


@dataclass
class Told:
    """How a run went."""

    seconds: float = 0.0
    killed: list[float] = field(default_factory=list)
    cleared: int = 0


async def prepare(post: Post, jobs: int, studies: int) -> None:
    """Studies on record and jobs in the queue."""
    async with opened(post) as place:
        await take_in(place, studies)
        await enqueue(place, jobs, studies)


async def carry_through(post: Post, crew: Crew, workers: int, kills: int, seed: int, deadline_s: float) -> Told:
    """Start workers, kill them, until every job has ended.

    Raises:
        TimeoutError: some have not.
    """
    told, chance, began = Told(), random.Random(seed), time.monotonic()
    async with opened(post) as place, asyncio.timeout(deadline_s):
        total = (await ended(place))[1]
        for _ in range(workers):
            await asyncio.to_thread(crew.start, post)
        strike = began + FIRST_GUESS_S
        while True:
            done, _ = await ended(place)
            now = time.monotonic()
            if done == total and len(told.killed) >= kills:
                break
            if done == total:
                raise RuntimeError(f"All jobs were done after {len(told.killed)} of {kills} kills.")
            late = done >= LATE * total and len(told.killed) < kills * done / (total - workers * post.general)
            if len(told.killed) < kills and (now >= strike or late):
                await asyncio.to_thread(crew.kill, chance.choice(crew.alive))
                told.killed.append(round(now - began, 3))
                await asyncio.to_thread(crew.start, post)
                pace = (now - began) / done if done else FIRST_GUESS_S
                mean = HASTE * pace * (total - done) / (kills - len(told.killed) + 1)
                strike = time.monotonic() + chance.uniform(0.0, 2.0 * mean)
            await asyncio.sleep(max(0.0, min(LOOK_S, strike - now)) if len(told.killed) < kills else LOOK_S)
        told.seconds = time.monotonic() - began
    await asyncio.to_thread(crew.dismiss)
    told.cleared = await clear(post)
    return told


async def ended(place: Place) -> tuple[int, int]:
    """Jobs that have ended, and all."""

    def ask(session: Session) -> tuple[int, int]:
        rows = session.execute(select(JobRow.state, func.count()).group_by(JobRow.state))
        counts = {row[0]: int(row[1]) for row in rows}
        return sum(counts.get(state.value, 0) for state in ENDED), sum(counts.values())

    return await place.database.transact(ask)


async def until_ended(place: Place, jobs: int, every_s: float = LOOK_S) -> int:
    """Wait until so many jobs have ended; how many have by then."""
    while True:
        done, _ = await ended(place)
        if done >= jobs:
            return done
        await asyncio.sleep(every_s)


async def whole(
    post: Post, crew: Crew, *, jobs: int, studies: int, workers: int, kills: int, seed: int, deadline_s: float
) -> tuple[Told, Left]:
    """Prepare, run, and look at what is left."""
    await prepare(post, jobs, studies)
    before = await asyncio.to_thread(scored, post.endpoint)
    told = await carry_through(post, crew, workers, kills, seed, deadline_s)
    calls = await asyncio.to_thread(scored, post.endpoint) - before
    return told, await asyncio.to_thread(left_by, post, calls)
