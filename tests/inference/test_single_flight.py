"""Identical work is done once, and cancelling one who waits for it is nobody else's business."""

from __future__ import annotations

import asyncio

import pytest

from domain.study import Priority
from inference.transport.priority import Urgency
from inference.transport.single_flight import SingleFlight
from tests.inference.virtual_time import settle


class Work:
    """Something that ends when a test says so."""

    def __init__(self) -> None:
        self.urgencies: list[Urgency] = []
        self.gate = asyncio.Event()
        self.cancelled = 0

    async def __call__(self, urgency: Urgency) -> int:
        self.urgencies.append(urgency)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return len(self.urgencies)


async def test_one_key_one_work() -> None:
    flights, work = SingleFlight[int](), Work()
    tasks = [asyncio.create_task(flights.run("a", Priority.ROUTINE, work)) for _ in range(3)]
    other = asyncio.create_task(flights.run("b", Priority.ROUTINE, work))
    await settle()
    assert len(work.urgencies) == 2
    work.gate.set()
    assert await asyncio.gather(*tasks, other) == [2, 2, 2, 2]
    assert await flights.run("a", Priority.ROUTINE, work) == 3, "what has landed is done anew"


async def test_cancelling_one_leaves_the_others_and_the_last_takes_the_work_along() -> None:
    flights, work = SingleFlight[int](), Work()
    first, second = (asyncio.create_task(flights.run("a", Priority.ROUTINE, work)) for _ in range(2))
    await settle()
    first.cancel()
    await settle()
    assert first.cancelled()
    assert work.cancelled == 0
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert work.cancelled == 1
    third = asyncio.create_task(flights.run("a", Priority.ROUTINE, work))
    await settle()
    work.gate.set()
    assert await third == 2, "who comes after a cancelled flight gets a new one"


async def test_a_more_urgent_caller_makes_the_work_more_urgent() -> None:
    flights, work = SingleFlight[int](), Work()
    tasks = [
        asyncio.create_task(flights.run("a", priority, work))
        for priority in (Priority.ROUTINE, Priority.STAT, Priority.RESEARCH)
    ]
    await settle()
    assert [u.priority for u in work.urgencies] == [Priority.STAT]
    work.gate.set()
    await asyncio.gather(*tasks)


async def test_a_failure_reaches_everybody() -> None:
    async def fails(_: Urgency) -> int:
        await asyncio.sleep(0)
        raise ValueError

    flights = SingleFlight[int]()
    results = await asyncio.gather(
        *(flights.run("a", Priority.ROUTINE, fails) for _ in range(3)), return_exceptions=True
    )
    assert [type(result) for result in results] == [ValueError] * 3
