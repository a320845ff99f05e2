"""Workers as processes that can be killed, forked from one that has loaded everything so that each starts in a moment.

    python -m benchmarks.chaos.worker ENDPOINT

Started as a program it is that one: it reads the post of each worker that is wanted, forks it, and prints its pid. A
forked worker is a process like any other: it has its own connections, its own DBOS, and dies of SIGKILL. All workers of
all runs come from one such process, so that no file that is edited meanwhile makes one run differ from another.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

import dbos  # noqa: F401 - loaded before workers are forked

from benchmarks.chaos.place import USER, Place, Post, opened, take_in
from benchmarks.chaos.studies import question, study_uid
from domain.study import Order
from jobs.collector import set_aside
from jobs.compute import ThreadCompute
from jobs.durable.run import DurableAnalyses
from jobs.durable.system import DurableSystem
from jobs.reading import read_study
from jobs.workers.analysis import AnalysisRuns
from jobs.workers.attempt import Patience
from jobs.workers.drain import serve
from jobs.workers.identity import introduce
from jobs.workers.loop import Slots, Worker
from tools.ingest import ingest

ROOT = Path(__file__).resolve().parents[2]
VERSION = "chaos"
_PR_SET_PDEATHSIG = 1


class Crew:
    """Worker processes.

    Args:
        endpoint: scoring URI of a model, for an analysis that warms up.
    """

    def __init__(self, endpoint: str) -> None:
        self.alive: list[int] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.chaos.worker", endpoint],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            raise RuntimeError("The process that workers are forked from did not start.")

    def start(self, post: Post) -> int:
        """A further worker; its pid."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(post)) + "\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        self.alive.append(pid)
        return pid

    def kill(self, pid: int) -> None:
        """What the kernel does to a process that is out of memory."""
        os.kill(pid, signal.SIGKILL)
        self.alive.remove(pid)

    def dismiss(self, deadline_s: float = 40.0) -> None:
        """Let all end in good order."""
        for pid in self.alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        give_up = time.monotonic() + deadline_s
        while any(is_there(pid) for pid in self.alive) and time.monotonic() < give_up:
            time.sleep(0.02)
        self.alive.clear()

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.dismiss()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()


def is_there(pid: int) -> bool:
    """Whether a process lives."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def analyses_of(place: Place, system: DurableSystem) -> AnalysisRuns:
    """What a worker runs there."""
    durable = DurableAnalyses(
        system,
        analyser=place.analyser,
        store=place.store,
        analyses=place.analyses,
        compute=ThreadCompute(),
        clock=place.clock,
        ingest=ingest,
    )
    return AnalysisRuns(durable, place.analyses)


async def work(post: Post) -> None:
    """A worker, until it is told to end."""
    async with opened(post) as place:
        system = DurableSystem(post.database, version=VERSION)
        await asyncio.to_thread(system.launch)
        runs = analyses_of(place, system)
        worker = Worker(
            introduce(VERSION, post.general + post.reserved),
            leases=place.leases,
            workers=place.workers,
            run=runs.run,
            ended=runs.ended,
            slots=Slots(post.general, post.reserved),
            patience=Patience(first_s=post.first_wait_s, longest_s=4 * post.first_wait_s),
        )
        try:
            await serve(worker)
        finally:
            await system.close()


async def clear(post: Post) -> int:
    """Clear after jobs whose worker was killed before it got to it, as the reaper does a minute later. How many."""
    async with opened(post) as place:
        system = DurableSystem(post.database, version=VERSION)
        await asyncio.to_thread(system.launch)
        runs, count = analyses_of(place, system), 0
        try:
            while left := await place.workers.uncleared(quiet_s=0.0):
                for job in left:
                    await runs.ended(job)
                    await place.workers.cleared(job.number)
                    count += 1
        finally:
            await system.close()
    return count


async def _warm_up(endpoint: str) -> None:
    """Run an analysis, so that workers find read and compiled whatever one needs."""
    with tempfile.TemporaryDirectory() as folder:
        async with opened(Post(f"sqlite:///{folder}/records.db", folder, endpoint)) as place:
            await take_in(place, 1)
            access = await place.studies.access(USER, study_uid(0))
            study = await place.store.folder(access, study_uid(0))
            order = Order(indication=question(0))
            ingested, _ = await read_study(ThreadCompute(), ingest, study, study_uid(0), order.indication)
            out = Path(folder) / "analyses" / "warm"
            await place.analyser.analyse(ingested, order, access, out=out, analysis_id="warm")


def main() -> None:
    """Fork a worker for each line."""
    logging.disable(logging.WARNING)  # of what is bound to happen where workers are killed
    asyncio.run(_warm_up(sys.argv[1]))
    set_aside()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody collects them
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                asyncio.run(work(Post(**json.loads(line))))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(child, flush=True)


if __name__ == "__main__":
    main()
