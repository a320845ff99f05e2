"""The limits of an endpoint that several workers share: the port, and how a store of documents serves it.

A process alone needs none of this: `inference.transport.limits` is then the whole truth.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from inference.transport.allotment import Allotment, Grant, Terms, Wanted

R = TypeVar("R")

Change = Callable[[Mapping[str, Any], float], tuple[dict[str, Any], R]]
"""From a document and the store's time in seconds to the next document, and what the caller gets."""


class SharedLimits(Protocol):
    """What workers ask before they ask an endpoint."""

    async def acquire(self, endpoint: str, terms: Terms, wanted: Wanted) -> Grant:
        """Slots, requests and bytes, and how long to wait where there are none. It renews what the worker holds."""

    async def release(self, endpoint: str, worker: str, owed: float = 0.0) -> None:
        """Give everything back. `owed`: bytes that came back and were not granted before."""

    async def back_off(self, endpoint: str, seconds: float) -> None:
        """The endpoint answered 429: nobody asks it for so long."""


class LimitStore(Protocol):
    """Documents by endpoint; `change` is one atomic step for all who share it."""

    async def change(self, endpoint: str, work: Change[R]) -> R:
        """Replace a document, {} where there is none; `work` may be run again."""

    async def all(self) -> tuple[Mapping[str, Mapping[str, Any]], float]:
        """Every document, and the store's time."""


class MemoryLimitStore:
    """Documents of this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._documents: dict[str, dict[str, Any]] = {}

    async def change(self, endpoint: str, work: Change[R]) -> R:
        """Replace a document; nobody is in between, as nothing is waited for."""
        self._documents[endpoint], result = work(self._documents.get(endpoint, {}), self._clock())
        return result

    async def all(self) -> tuple[Mapping[str, Mapping[str, Any]], float]:
        """Every document."""
        return dict(self._documents), self._clock()


class StoredLimits:
    """`SharedLimits` on a store: `MemoryLimitStore`, or the records' for workers of several processes."""

    def __init__(self, store: LimitStore) -> None:
        self._store = store

    async def acquire(self, endpoint: str, terms: Terms, wanted: Wanted) -> Grant:
        """One change of the endpoint's document."""
        return await self._changed(endpoint, lambda state, now: state.acquire(terms, wanted, now))

    async def release(self, endpoint: str, worker: str, owed: float = 0.0) -> None:
        """One change of the endpoint's document."""
        await self._changed(endpoint, lambda state, now: state.release(worker, owed, now))

    async def back_off(self, endpoint: str, seconds: float) -> None:
        """One change of the endpoint's document."""
        await self._changed(endpoint, lambda state, now: state.rest(seconds, now))

    async def states(self) -> Mapping[str, Allotment]:
        """What holds now, by endpoint."""
        documents, now = await self._store.all()
        return {endpoint: Allotment.load(document, now) for endpoint, document in documents.items()}

    async def _changed(self, endpoint: str, step: Callable[[Allotment, float], R]) -> R:
        def work(document: Mapping[str, Any], now: float) -> tuple[dict[str, Any], R]:
            state = Allotment.load(document, now)
            result = step(state, now)
            return state.dump(now), result

        return await self._store.change(endpoint, work)
