"""A decoder that ends its process costs one file, not the run."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest
from pydicom.data import get_testdata_file

from jobs import reading
from jobs.compute import PoolCompute, WorkerDied
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
