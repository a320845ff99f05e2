"""Where CPU work runs: a thread for one command, a pool of processes for a server."""

from __future__ import annotations

import asyncio
import functools
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import ParamSpec, TypeVar

from domain.errors import UnusableInput

P = ParamSpec("P")
R = TypeVar("R")


class WorkerDied(UnusableInput):
    """A worker process ended in the middle of its work: native code gave up on what it was given."""

    remedy_default = "Try again; if it stays, send the files in smaller groups to find the one that does it."


class ThreadCompute:
    """Runs in a thread of this process: no copies, for the command line."""

    async def run(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call `function` in a worker thread."""
        return await asyncio.to_thread(function, *args, **kwargs)


class PoolCompute:
    """Runs in other processes, so that the event loop of a server never stalls.

    Args:
        workers: number of processes; they are forked from a clean server process on first use.
        preload: modules that the clean process has loaded already.
    """

    def __init__(self, workers: int, preload: Sequence[str] = ()) -> None:
        self._workers = workers
        self._preload = list(preload)
        self._pool: ProcessPoolExecutor | None = None

    def _executor(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(self._preload)
            self._pool = ProcessPoolExecutor(self._workers, mp_context=context)
        return self._pool

    async def run(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a module-level `function` with picklable arguments in a worker process.

        Raises:
            WorkerDied: the process ended; the next call gets a new one.
        """
        loop = asyncio.get_running_loop()
        pool = self._executor()
        try:
            return await loop.run_in_executor(pool, functools.partial(function, *args, **kwargs))
        except BrokenProcessPool:
            if self._pool is pool:
                self._pool = None
            raise WorkerDied("A worker process ended in the middle of its work.") from None

    def close(self) -> None:
        """End the worker processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
