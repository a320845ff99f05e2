"""A decoder that ends its process costs one file, not the run."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest
from pydicom.data import get_testdata_file

from domain.study import Ingest
from jobs import reading
from jobs.compute import PoolCompute, WorkerDied, WorkTookTooLong
from tests.jobs.processes import gone
from tools.file_walk import FoundFile, walk
from tools.ingest import ingest

P = ParamSpec("P")
R = TypeVar("R")

CT = Path(str(get_testdata_file("CT_small.dcm", download=False)))


@pytest.fixture
def pool() -> Iterator[PoolCompute]:
    compute = PoolCompute(1)
    yield compute
    compute.close()


def die() -> None:
    """What a native decoder does when it calls abort."""
    os.abort()


def pid() -> int:
    return os.getpid()


async def test_work_runs_in_another_process(pool: PoolCompute) -> None:
    assert await pool.run(pid) != os.getpid()


async def test_a_dead_worker_is_an_error_that_can_be_named_and_the_pool_goes_on(pool: PoolCompute) -> None:
    with pytest.raises(WorkerDied):
        await pool.run(die)
    assert await pool.run(pid) != os.getpid()


async def test_work_beyond_its_deadline_ends_with_its_process_and_the_next_call_is_served() -> None:
    compute = PoolCompute(1, deadline_s=0.5)
    try:
        first = await compute.run(os.getpid)
        with pytest.raises(WorkTookTooLong, match=r"0\.5 s") as refused:
            await compute.run(time.sleep, 600)
        assert refused.value.remedy
        assert await gone(first)
        assert await compute.run(os.getpid) != first
    finally:
        compute.close()


async def test_who_stops_waiting_ends_the_work(pool: PoolCompute) -> None:
    first = await pool.run(os.getpid)
    waiting = asyncio.create_task(pool.run(time.sleep, 600))
    while not pool._busy:
        await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await gone(first)
    assert await pool.run(os.getpid) != first


async def test_a_worker_takes_nobody_with_it() -> None:
    compute = PoolCompute(2)
    try:
        other = asyncio.create_task(compute.run(time.sleep, 1.0))
        while not compute._busy:
            await asyncio.sleep(0.01)
        with pytest.raises(WorkerDied):
            await compute.run(die)
        await other
    finally:
        compute.close()


async def test_an_error_of_the_work_is_the_callers_and_the_worker_stays(pool: PoolCompute) -> None:
    first = await pool.run(os.getpid)
    with pytest.raises(ValueError, match="invalid literal"):
        await pool.run(int, "x")
    assert await pool.run(os.getpid) == first


def noisy() -> bool:
    import logging
    import warnings

    os.write(2, b"native noise")
    warnings.warn("a warning", RuntimeWarning, stacklevel=1)
    logging.getLogger("tifffile").error("a log")
    return True


async def test_libraries_in_workers_say_nothing_on_the_terminal(
    pool: PoolCompute, capfd: pytest.CaptureFixture[str]
) -> None:
    assert await pool.run(noisy)
    assert capfd.readouterr() == ("", "")


SERVER = """
    import asyncio, os, time
    from jobs.compute import PoolCompute

    async def main():
        compute = PoolCompute(2)
        idle = await compute.run(os.getpid)
        busy = asyncio.create_task(compute.run(time.sleep, 600))
        await asyncio.sleep(0.2)
        other = await compute.run(os.getpid)
        print(idle, other, await compute.run(os.getppid), flush=True)
        await busy

    if __name__ == "__main__":
        asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_workers_and_their_fork_server_end_with_the_server_however_it_goes(
    tmp_path: Path, how: signal.Signals
) -> None:
    script = tmp_path / "server.py"
    script.write_text(textwrap.dedent(SERVER))
    root = Path(__file__).resolve().parents[2]
    server = await asyncio.create_subprocess_exec(
        sys.executable,
        str(script),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    assert server.stdout is not None
    processes = [int(word) for word in (await server.stdout.readline()).split()]
    server.send_signal(how)
    await server.wait()
    assert len(set(processes)) == 3
    assert [await gone(process) for process in processes] == [True, True, True]


class Deadly:
    """A pool whose decoder aborts on one file, as gdcm has been seen to do on damaged JPEG headers."""

    def __init__(self, pool: PoolCompute) -> None:
        self._pool = pool

    async def run(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        touched = [p for a in args for p in (a if isinstance(a, list) else [a])]
        if function in (ingest, reading._try) and any(_holds_deadly(p) for p in touched if isinstance(p, Path)):
            await self._pool.run(die)
        return await asyncio.to_thread(function, *args, **kwargs)


def _holds_deadly(path: Path) -> bool:
    return path.name == "deadly.dcm" or (path.is_dir() and (path / "deadly.dcm").exists())


async def test_the_deadly_file_is_refused_by_name_and_the_rest_is_read(pool: PoolCompute, tmp_path: Path) -> None:
    shutil.copy(CT, tmp_path / "good.dcm")
    shutil.copy(CT, tmp_path / "deadly.dcm")
    found = await reading.read(Deadly(pool), [tmp_path], "")
    assert [r.file for r in found.refused] == ["deadly.dcm"]
    assert found.refused[0].remedy
    assert len(found.studies) == 1


def slow_on_one(paths: list[Path], *, question: str = "") -> Ingest:
    """An ingest that a file named slow.dcm keeps for ever."""
    files = [one.path for one in walk(paths) if isinstance(one, FoundFile)]
    if any(file.name == "slow.dcm" for file in files):
        time.sleep(600)
    return ingest(paths, question=question)


async def test_a_file_that_takes_too_long_is_refused_by_its_name_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    shutil.copy(CT, tmp_path / "good.dcm")
    (tmp_path / "a" / "slow.dcm").write_bytes(b"x")
    (tmp_path / "a" / "noise.dcm").write_bytes(b"noise")
    os.mkfifo(tmp_path / "pipe")
    compute = PoolCompute(1, ["tools.ingest", "tests.jobs.test_reading"], deadline_s=2.5)
    try:
        found = await reading.read(compute, [tmp_path], "", slow_on_one)
    finally:
        compute.close()
    reasons = {r.file: r.reason for r in found.refused}
    assert reasons.keys() == {"a/slow.dcm", "a/noise.dcm", "pipe"}
    assert reasons["a/slow.dcm"] == reading.TOO_LONG
    assert len(found.studies) == 1
