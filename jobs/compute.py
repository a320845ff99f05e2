"""Where CPU work runs: a thread for one command, a pool of processes for a server."""

from __future__ import annotations

import asyncio
import functools
import multiprocessing
from collections.abc import Callable, Sequence
from multiprocessing.context import BaseContext
from typing import ParamSpec, TypeVar

from jobs.worker import Worker, WorkerDied, WorkTookTooLong

__all__ = ["PoolCompute", "ThreadCompute", "WorkTookTooLong", "WorkerDied"]

P = ParamSpec("P")
R = TypeVar("R")


class ThreadCompute:
    """Runs in a thread of this process: no copies, for the command line."""

    async def run(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call `function` in a worker thread."""
        return await asyncio.to_thread(function, *args, **kwargs)


class PoolCompute:
    """Runs in other processes, so that the event loop of a server never stalls.

    A worker that dies, or is killed, takes nothing but its own work with it. Workers end with this process.

    Args:
        workers: number of processes; they are forked from a clean server process on first use.
        preload: modules that the clean process has loaded already.
        deadline_s: how long one call may work, waiting for its turn not counted; None for no end.
    """

    def __init__(self, workers: int, preload: Sequence[str] = (), deadline_s: float | None = None) -> None:
        self._preload = list(preload)
        self._deadline_s = deadline_s
        self._turns = asyncio.Semaphore(workers)
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()

    async def run(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a module-level `function` with picklable arguments in a worker process.

        A caller that is cancelled ends the work with its process.

        Raises:
            WorkerDied: the process ended; the next call gets a new one.
            WorkTookTooLong: the deadline passed and the process was ended.
        """
        async with self._turns:
            worker = self._idle.pop() if self._idle else Worker(self._context())
            self._busy.add(worker)
            try:
                return await worker.run(functools.partial(function, *args, **kwargs), self._deadline_s)
            finally:
                self._busy.discard(worker)
                if worker.usable:
                    self._idle.append(worker)

    def _context(self) -> BaseContext:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(self._preload)
        return context

    def close(self) -> None:
        """End the worker processes, whatever they do."""
        for worker in (*self._idle, *self._busy):
            worker.kill()
        self._idle.clear()
