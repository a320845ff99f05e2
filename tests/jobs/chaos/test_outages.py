"""The database goes away in the middle of the work, or the disk fills: what is said, and that nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from benchmarks.chaos.left import Left, left_by
from benchmarks.chaos.model import scored
from benchmarks.chaos.place import Place, Post, opened
from benchmarks.chaos.run import ended, prepare, until_ended, whole
from benchmarks.chaos.verdict import compare
from benchmarks.chaos.worker import Crew, clear
from records.job_tables import JobRow
from tests.postgres import Cluster

ANALYSES = 30
AWAY_S = 2.0
FULL = 6
ROOM = 24 << 20


async def undisturbed(post: Post, crew: Crew, folder: Path, jobs: int) -> Left:
    """What the same jobs leave where nothing happens."""
    plain = replace(post, folder=str(folder), database=f"sqlite:///{folder}/records.db")
    _, left = await whole(plain, crew, jobs=jobs, studies=jobs, workers=1, kills=0, seed=0, deadline_s=60)
    return left


@contextlib.asynccontextmanager
async def working(post: Post, crew: Crew, workers: int, jobs: int) -> AsyncIterator[Place]:
    """Workers that have begun; they end in good order."""
    await prepare(post, jobs, jobs)
    async with opened(post) as place, asyncio.timeout(90):
        for _ in range(workers):
            crew.start(post)
        yield place
    await asyncio.to_thread(crew.dismiss)
    await clear(post)


@pytest.mark.peer("postgresql")
async def test_postgresql_crashes_and_comes_back(
    postgres: Cluster, endpoint: str, crew: Crew, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    name = postgres.create()
    post = Post(postgres.url(name), str(tmp_path / "disturbed"), endpoint)
    expected = await undisturbed(post, crew, tmp_path / "plain", ANALYSES)
    before = scored(endpoint)
    async with working(post, crew, 2, ANALYSES) as place:
        done = await until_ended(place, 6)
        postgres.stop(signal.SIGQUIT)
        await asyncio.sleep(AWAY_S)
        postgres.start()
        assert done < ANALYSES
        await until_ended(place, ANALYSES)
    left = left_by(post, scored(endpoint) - before)
    postgres.drop(name)
    assert not [f for f in compare(expected, left, jobs=ANALYSES, kills=0, struck=0) if not f.kept]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, too small for much."""
    place = tmp_path / "small"
    place.mkdir()
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("only root may mount a small file system")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path, leave: int = 0) -> Path:
    """Take all room but `leave` bytes."""
    ballast, block = place / "ballast", b"\0" * (1 << 16)
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(block)
    os.truncate(ballast, max(0, ballast.stat().st_size - leave))
    return ballast


async def said_of(place: Place) -> list[tuple[str, str]]:
    """(state, what it waits for) of all jobs."""

    def ask(session: object) -> list[tuple[str, str]]:
        rows = session.execute(select(JobRow.state, JobRow.waiting_for))  # type: ignore[attr-defined]
        return [(state, what) for state, what in rows]

    return await place.database.transact(ask)


async def test_no_room_for_results(fresh: str, endpoint: str, crew: Crew, tmp_path: Path, small_disk: Path) -> None:
    post = Post(fresh, str(small_disk), endpoint, first_wait_s=0.5)
    expected = await undisturbed(post, crew, tmp_path / "plain", FULL)
    before = scored(endpoint)
    await prepare(post, FULL, FULL)
    ballast = fill(small_disk)
    async with opened(post) as place, asyncio.timeout(60):
        crew.start(post)
        while not any(state == "waiting" for state, _ in await said_of(place)):
            await asyncio.sleep(0.1)
        assert {what for state, what in await said_of(place) if what} == {"The disk of the data folder is full."}
        assert (await ended(place))[0] == 0
        ballast.unlink()
        await until_ended(place, FULL)
    await asyncio.to_thread(crew.dismiss)
    await clear(post)
    left = left_by(post, scored(endpoint) - before)
    assert not [f for f in compare(expected, left, jobs=FULL, kills=0, struck=0) if not f.kept]


async def test_no_room_for_the_database(endpoint: str, crew: Crew, tmp_path: Path, small_disk: Path) -> None:
    folder = tmp_path / "data"
    post = Post(f"sqlite:///{small_disk}/records.db", str(folder), endpoint, first_wait_s=0.5)
    expected = await undisturbed(post, crew, tmp_path / "plain", FULL)
    before = scored(endpoint)
    await prepare(post, FULL, FULL)
    async with opened(post) as place, asyncio.timeout(60):
        crew.start(post)
        await until_ended(place, 1)
        ballast = fill(small_disk)
        await asyncio.sleep(2.0)
        ballast.unlink()
        await until_ended(place, FULL)
    await asyncio.to_thread(crew.dismiss)
    await clear(post)
    left = left_by(post, scored(endpoint) - before)
    assert not [f for f in compare(expected, left, jobs=FULL, kills=0, struck=0) if not f.kept]
    for name in ("records.db", "jobs.db"):
        with contextlib.closing(sqlite3.connect(small_disk / name)) as file:
            assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
