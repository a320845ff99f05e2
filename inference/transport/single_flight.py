"""Identical work in flight is done once: callers with the same key wait for the same result.

A caller that is cancelled leaves the others alone; the last one that leaves takes the work with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from domain.study import Priority
from inference.transport.priority import Urgency

T = TypeVar("T")


@dataclass(eq=False)
class _Flight(Generic[T]):
    urgency: Urgency
    task: asyncio.Task[T]
    waiting: int = 0


class SingleFlight(Generic[T]):
    """Work under way, by key."""

    def __init__(self) -> None:
        self._flights: dict[str, _Flight[T]] = {}

    async def run(self, key: str, priority: Priority, work: Callable[[Urgency], Coroutine[Any, Any, T]]) -> T:
        """The result of `work`, or of the same work that is already under way, made as urgent as this caller."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._start(key, Urgency(priority), work)
        flight.urgency.raise_to(priority)
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                await self._abandon(key, flight)

    def _start(self, key: str, urgency: Urgency, work: Callable[[Urgency], Coroutine[Any, Any, T]]) -> _Flight[T]:
        flight = _Flight(urgency, asyncio.create_task(work(urgency)))
        self._flights[key] = flight
        flight.task.add_done_callback(lambda _: self._forget(key, flight))
        return flight

    async def _abandon(self, key: str, flight: _Flight[T]) -> None:
        self._forget(key, flight)
        flight.task.cancel()
        await asyncio.wait([flight.task])

    def _forget(self, key: str, flight: _Flight[T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
