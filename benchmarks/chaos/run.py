"""A run of the queue to its end, with workers that are killed at random moments."""

from __future__ import annotations

import asyncio
import math
import random
import time
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from benchmarks.chaos.left import Left, left_by
from benchmarks.chaos.model import allow, scored
from benchmarks.chaos.place import Place, Post, enqueue, opened, take_in
from benchmarks.chaos.worker import Crew, clear
from records.job_rows import ENDED
from records.job_tables import JobRow

FIRST_GUESS_S = 0.5
"""A job's share of the time, before any has ended."""
LOOK_S = 0.1
HASTE = 0.6
"""Kills come faster than an even spread, so that workers seldom wait for one."""
LONGEST_S = 5.0
"""Between two kills."""


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

    Each kill finds work to disturb, however fast the machine is: until it has come, the model answers fewer requests
    than there are jobs, in step with the kills.

    Raises:
        TimeoutError: some have not.
    """
    told, chance, began = Told(), random.Random(seed), time.monotonic()
    async with opened(post) as place, asyncio.timeout(deadline_s):
        total = (await ended(place))[1]
        before = await asyncio.to_thread(scored, post.endpoint)
        await asyncio.to_thread(allow, post.endpoint, before + permitted(total, kills, 0))
        for _ in range(workers):
            await asyncio.to_thread(crew.start, post)
        strike = began + FIRST_GUESS_S
        while True:
            done, _ = await ended(place)
            if done == total:
                break
            now = time.monotonic()
            if len(told.killed) < kills and now >= strike:
                await asyncio.to_thread(crew.kill, chance.choice(crew.alive))
                told.killed.append(round(now - began, 3))
                await asyncio.to_thread(allow, post.endpoint, before + permitted(total, kills, len(told.killed)))
                await asyncio.to_thread(crew.start, post)
                pace = (now - began) / done if done else FIRST_GUESS_S
                mean = HASTE * pace * (total - done) / (kills - len(told.killed) + 1)
                strike = time.monotonic() + chance.uniform(0.0, min(LONGEST_S, 2.0 * mean))
            await asyncio.sleep(max(0.0, min(LOOK_S, strike - now)) if len(told.killed) < kills else LOOK_S)
        told.seconds = time.monotonic() - began
    await asyncio.to_thread(crew.dismiss)
    told.cleared = await clear(post)
    return told


def permitted(jobs: int, kills: int, struck: int) -> float:
    """How many requests the model may answer after so many kills: each job has at least one."""
    return math.inf if struck >= kills else min(jobs - 1, jobs * (struck + 1) // kills)


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
