"""The limits of an endpoint that several workers share: the port, and how a store of documents serves it.

A process alone needs none of this: `inference.transport.limits` is then the whole truth.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol, TypeVar

from inference.transport.allotment import Allotment, Grant, Terms, Wanted

_logger = logging.getLogger(__name__)

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
        self._held: set[tuple[str, str]] = set()
        self._underway: set[asyncio.Future[Any]] = set()
        self._closed = False

    async def acquire(self, endpoint: str, terms: Terms, wanted: Wanted) -> Grant:
        """One change of the endpoint's document; nothing is granted any more once it is closed."""
        if self._closed:
            return Grant()
        self._held.add((endpoint, wanted.worker))
        return await self._changed(endpoint, lambda state, now: state.acquire(terms, wanted, now))

    async def release(self, endpoint: str, worker: str, owed: float = 0.0) -> None:
        """One change of the endpoint's document."""
        if not self._closed:
            await self._changed(endpoint, lambda state, now: state.release(worker, owed, now))
            self._held.discard((endpoint, worker))

    async def back_off(self, endpoint: str, seconds: float) -> None:
        """One change of the endpoint's document."""
        if not self._closed:
            await self._changed(endpoint, lambda state, now: state.rest(seconds, now))

    async def aclose(self) -> None:
        """Give back what was asked for through this object, so that nobody waits until it lapses; ask no more."""
        self._closed = True
        if self._underway:
            await asyncio.wait(self._underway)
        try:
            for endpoint, worker in self._held:
                await self._step(endpoint, partial(_released, worker))
        except Exception as error:
            _logger.warning("Limits shared by workers cannot be given back (%s).", type(error).__name__)

    async def states(self) -> Mapping[str, Allotment]:
        """What holds now, by endpoint."""
        documents, now = await self._store.all()
        return {endpoint: Allotment.load(document, now) for endpoint, document in documents.items()}

    async def _changed(self, endpoint: str, step: Callable[[Allotment, float], R]) -> R:
        # What has begun ends, also where nobody waits for it any more: a store is not closed in the middle of a change.
        changing = asyncio.ensure_future(self._step(endpoint, step))
        self._underway.add(changing)
        changing.add_done_callback(self._done)
        return await asyncio.shield(changing)

    def _done(self, changing: asyncio.Future[Any]) -> None:
        self._underway.discard(changing)
        if not changing.cancelled():
            changing.exception()  # looked at, also where nobody waits any more

    async def _step(self, endpoint: str, step: Callable[[Allotment, float], R]) -> R:
        def work(document: Mapping[str, Any], now: float) -> tuple[dict[str, Any], R]:
            state = Allotment.load(document, now)
            result = step(state, now)
            return state.dump(now), result

        return await self._store.change(endpoint, work)


def _released(worker: str, state: Allotment, now: float) -> None:
    state.release(worker, 0.0, now)
