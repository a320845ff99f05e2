"""Who waits for something to happen to jobs is woken: in this process at once, on PostgreSQL in every process.

A signal says only that it is worth a look: what is true stands in the tables. Whoever waits also looks by itself now
and then, so that a signal that is lost costs a moment and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from records.database import Database

CHANNEL = "medimage_jobs"
QUEUED = "queued"
"""Something may be started."""
CHANGED = "changed"
"""Something was done to a job that runs, or somebody follows."""
_AGAIN_S = 2.0
_TOGETHER_S = 0.02
"""From one waking to the next; what comes in it is heard at once."""

_log = logging.getLogger(__name__)


class Waiter:
    """Somebody who waits, on one event loop."""

    def __init__(self, topics: frozenset[str]) -> None:
        self.topics = topics
        self.loop = asyncio.get_running_loop()
        self._told = asyncio.Event()

    def tell(self) -> None:
        """Wake it; on its loop's thread."""
        self._told.set()

    async def wait(self, timeout_s: float) -> bool:
        """Until it is told, or the time is over; what was told since the last wait counts. True when told."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._told.wait()
        told = self._told.is_set()
        self._told.clear()
        return told


class JobSignals:
    """Signals of one database.

    Args:
        database: on PostgreSQL its notifications are used once `listen` was called; on SQLite other processes look.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiters: set[Waiter] = set()
        self._lock = threading.Lock()
        self._listening: asyncio.Task[None] | None = None
        self._remote = database.engine.dialect.name == "postgresql"

    @contextlib.contextmanager
    def waiter(self, *topics: str) -> Iterator[Waiter]:
        """Somebody who waits for these topics; to be entered before the first look."""
        waiter = Waiter(frozenset(topics))
        with self._lock:
            self._waiters.add(waiter)
        try:
            yield waiter
        finally:
            with self._lock:
                self._waiters.discard(waiter)

    def publish(self, session: Session, topic: str) -> None:
        """Tell other processes, when the transaction under way commits."""
        if self._remote:
            session.execute(select(func.pg_notify(CHANNEL, topic)))

    def tell(self, topic: str) -> None:
        """Tell this process now, from any thread."""
        with self._lock:
            told = [waiter for waiter in self._waiters if topic in waiter.topics]
        for waiter in told:
            with contextlib.suppress(RuntimeError):  # its loop is closed
                waiter.loop.call_soon_threadsafe(waiter.tell)

    async def listen(self) -> None:
        """Hear what other processes publish, until `aclose`. Nothing to do on SQLite."""
        if self._remote and self._listening is None:
            self._listening = asyncio.create_task(self._listen(), name="job signals")

    async def aclose(self) -> None:
        """Hear nothing more."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
            self._listening = None

    async def _listen(self) -> None:
        import psycopg

        address = self._database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    for topic in (QUEUED, CHANGED):  # what was missed while nobody listened
                        self.tell(topic)
                    while True:
                        for topic in {notice.payload async for notice in connection.notifies(stop_after=1)}:
                            self.tell(topic)
                        await asyncio.sleep(_TOGETHER_S)
            except psycopg.Error as error:
                _log.warning("job signals: no connection (%s)", type(error).__name__)
            await asyncio.sleep(_AGAIN_S)
