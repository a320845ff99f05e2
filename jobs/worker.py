"""One worker process: it can be killed in the middle of its work, is quiet, and ends when its parent does."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import BaseContext
from typing import Any, TypeVar

from domain.errors import UnusableInput
from jobs.collector import set_aside

R = TypeVar("R")

_PR_SET_PDEATHSIG = 1
_FAREWELL_S = 10.0
"""How long a killed process is waited for; the kernel needs milliseconds."""


class WorkerDied(UnusableInput):
    """A worker process ended in the middle of its work: native code gave up on what it was given."""

    remedy_default = "Try again; if it stays, send the files in smaller groups to find the one that does it."


class WorkTookTooLong(WorkerDied):
    """Work in a worker process went over its deadline and was ended with the process."""

    remedy_default = "Send fewer files at a time; if it stays, find the one that does it and export it again."


class Worker:
    """A process that does one thing at a time.

    Attributes:
        usable: it has not died; one that is not is replaced.
    """

    def __init__(self, context: BaseContext) -> None:
        self.usable = True
        self._ready = False
        self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_settle)

    async def run(self, work: Callable[[], R], deadline_s: float | None) -> R:
        """Do `work` in the process. Who stops waiting, stops it.

        Args:
            deadline_s: from the moment the process is ready; None for no end.

        Raises:
            WorkerDied: the process ended. WorkTookTooLong: it was ended.
        """
        running: asyncio.Future[Any] | None = None
        try:
            await self._start()
            running = await self._submit(work)
            done, _ = await asyncio.wait({running}, timeout=deadline_s)
        except BaseException:
            await self._end(running)
            raise
        if not done:
            await self._end(running)
            raise WorkTookTooLong(f"The work took longer than {deadline_s:g} s and was ended.")
        result: R = await self._settled(running)
        return result

    async def _start(self) -> None:
        if not self._ready:
            await self._settled(await self._submit(_nothing))
            self._ready = True

    async def _submit(self, work: Callable[[], R]) -> asyncio.Future[R]:
        """In a thread: the first call starts processes, which the event loop need not wait for."""
        try:
            future: Future[R] = await asyncio.to_thread(self._pool.submit, work)
        except BrokenProcessPool:
            raise self._died() from None
        return asyncio.wrap_future(future)

    async def _settled(self, running: asyncio.Future[R]) -> R:
        try:
            return await running
        except BrokenProcessPool:
            raise self._died() from None

    def _died(self) -> WorkerDied:
        self.usable = False
        return WorkerDied("A worker process ended in the middle of its work.")

    async def _end(self, running: asyncio.Future[Any] | None) -> None:
        """Kill the process and see it gone, so that nothing writes to a folder that is removed next."""
        self.kill()
        if running is not None:
            await asyncio.wait({running}, timeout=_FAREWELL_S)
            if running.done() and not running.cancelled():
                running.exception()  # looked at: nobody is to be told of it

    def kill(self) -> None:
        """End the process now, whatever it does."""
        self.usable = False
        for process in tuple((self._pool._processes or {}).values()):
            process.kill()
        self._pool.shutdown(wait=False, cancel_futures=True)


def _nothing() -> None:
    """What a process does to show that it is there."""


def _settle() -> None:
    """First thing in a worker: leave with the parent, let the parent stop it, say nothing on its terminal."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    _mute()
    _die_with_forkserver()
    set_aside()
    threading.Thread(target=_leave_with_parent, name="parent watch", daemon=True).start()


def _mute() -> None:
    """Native decoders write to descriptor 2 itself, sometimes what stands in the file."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _leave_with_parent() -> None:
    """The sentinel of the process that asked for this one becomes readable when that is gone, however it went.

    Without this a worker waits for ever: it holds a writing end of its own queue, which so never ends.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _die_with_forkserver() -> None:
    """The kernel ends this process with the fork server, even when native code never lets a thread of ours run."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
