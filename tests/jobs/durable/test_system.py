"""DBOS as it is opened here: its place, its silence, one owner of an attempt."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from domain.errors import ConfigurationError, ModelUnavailable
from jobs.durable.opening import system_url
from jobs.durable.system import DurableSystem, Superseded
from tests.jobs.durable.process import ROOT


def test_its_rows_lie_beside_the_records() -> None:
    assert system_url("sqlite:////data/medimage.sqlite") == "sqlite:////data/jobs.db"
    url = "postgresql+psycopg://user:secret@host/records"
    assert system_url(url) == url


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "not a url"])
def test_records_that_do_not_last_are_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        system_url(url)


async def test_sqlite_is_opened_as_it_must_be(system: DurableSystem, tmp_path: Path) -> None:
    assert (tmp_path / "jobs.db").exists()
    with pytest.raises(ConfigurationError, match="open already"):
        DurableSystem(f"sqlite:///{tmp_path}/other.sqlite", version="test").launch()
    connection = sqlite3.connect(tmp_path / "jobs.db")
    try:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        if sqlite3.sqlite_version_info < (3, 42):
            # What it lacks is added to DBOS's own connections only.
            assert connection.execute("SELECT unixepoch('subsec')").fetchone() == (None,)
    finally:
        connection.close()
    assert system.executor_id != DurableSystem(f"sqlite:///{tmp_path}/o.sqlite", version="test").executor_id


async def test_an_attempt_begins_once(system: DurableSystem) -> None:
    async def body() -> dict[str, Any]:
        return {"x": 1}

    assert await system.run("j.1", {"job": "j"}, body) == {"x": 1}
    with pytest.raises(Superseded):
        await system.run("j.1", {"job": "j"}, body)


async def test_what_a_body_raises_comes_out_and_its_text_stays_in(system: DurableSystem, tmp_path: Path) -> None:
    async def named() -> dict[str, Any]:
        raise ModelUnavailable("No model for Doe^John.")

    async def foreign() -> dict[str, Any]:
        raise ValueError("Doe^John")

    with pytest.raises(ModelUnavailable):
        await system.run("named.1", {}, named)
    with pytest.raises(ValueError, match="Doe"):
        await system.run("foreign.1", {}, foreign)
    assert not any(b"Doe" in p.read_bytes() for p in tmp_path.glob("jobs.db*"))


async def test_a_cancelled_attempt_is_the_next_ones(system: DurableSystem) -> None:
    began = asyncio.Event()

    async def step() -> dict[str, Any]:
        return {"key": "k"}

    async def body() -> dict[str, Any]:
        await system.step("one", step)
        began.set()
        await asyncio.sleep(60)
        return {}

    task = asyncio.create_task(system.run("j.1", {}, body))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await system.take_over(["never-began.1", "j.1"]) == [{"key": "k"}]
    await system.forget(["j.1"])
    assert await system.take_over(["j.1"]) == []


async def test_threads_work_on_after_it_is_closed(tmp_path: Path) -> None:
    opened = DurableSystem(f"sqlite:///{tmp_path}/medimage.sqlite", version="test")
    opened.launch()

    async def body() -> dict[str, Any]:
        return {}

    await opened.run("j.1", {}, body)
    await opened.close()
    await opened.close()
    assert await asyncio.to_thread(lambda: "works") == "works"


QUIET = """
import asyncio, os, sys
from jobs.durable.system import DurableSystem
assert "dbos" not in sys.modules
system = DurableSystem("sqlite:///" + sys.argv[1] + "/medimage.sqlite", version="test")
system.launch()
here = "/proc/self/fd/"
links = [os.readlink(here + fd) for fd in os.listdir(here) if os.path.lexists(here + fd)]
tcp = [line.split()[9] for name in ("tcp", "tcp6") for line in list(open(f"/proc/net/{name}"))[1:]]
assert not [link for link in links if link.strip("socket:[]") in tcp], links
async def body():
    raise ValueError("secret")
try:
    asyncio.run(system.run("j.1", {}, body))
except ValueError:
    pass
system.destroy()
"""


def test_it_says_nothing_and_listens_nowhere(tmp_path: Path) -> None:
    program = [sys.executable, "-c", QUIET, str(tmp_path)]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_database_that_does_not_answer_is_a_setting_that_cannot_work(tmp_path: Path) -> None:
    (tmp_path / "jobs.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        DurableSystem(f"sqlite:///{tmp_path}/medimage.sqlite", version="test").launch()
