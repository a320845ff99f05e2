"""Jobs outlive processes: a server that is killed, a worker that goes on where it was, and several at once."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydicom.data import get_testdata_file

import app
from domain.access import AccessContext
from domain.ports import JobState
from jobs.command_line import EXIT_DONE, EXIT_FAILED
from jobs.steps import SystemClock
from records.audit import AuditLedger
from records.database import Database
from records.job_listing import JobFilter, JobListing
from records.job_rows import ENDED, JobRecord
from tests.inference.endpoint_server import Behaviour, disc, endpoint_server

ROOT = Path(app.__file__).parent
CT = Path(str(get_testdata_file("CT_small.dcm", download=False)))
QUESTION = "How large are the liver and the spleen?"


class Product:
    """Processes of one data folder.

    Args:
        database: its URL.
    """

    def __init__(self, folder: Path, database: str, behaviour: Behaviour, endpoint: str) -> None:
        self.behaviour, self.database = behaviour, database
        self._folder = folder
        self._environment = {
            **os.environ,
            "MEDIMAGE_DATA_DIR": str(folder / "data"),
            "MEDIMAGE_DATABASE_URL": database,
            "MEDIMAGE_SERVER__PORT": "0",
            "MEDIMAGE_MEMORY__ENABLED": "false",
            "MEDIMAGE_MODELS__CACHE_MB": "0",
            "MEDIMAGE_MODELS__MEDIMAGEPARSE__ENDPOINTS": json.dumps([{"url": endpoint, "key": "k", "version": "7"}]),
        }
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *command: str) -> tuple[subprocess.Popen[str], str]:
        """A process, and its first line."""
        said = self._folder / f"{len(self._started)}.txt"
        with said.open("w") as stream:
            process = subprocess.Popen(
                [sys.executable, str(ROOT / "app.py"), *command], env=self._environment, stderr=stream, text=True
            )
        self._started.append(process)
        until(lambda: said.read_text().endswith("\n") or process.poll() is not None)
        return process, said.read_text()

    def serve(self) -> tuple[subprocess.Popen[str], httpx.Client]:
        """A server, and a client of it."""
        process, said = self.start("serve")
        address = next(word for word in said.split() if word.startswith("http://"))
        return process, httpx.Client(base_url=address, timeout=60)

    def close(self) -> None:
        """End what still runs."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait()


def until(holds: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What holds as soon as it does."""
    give_up = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < give_up
        time.sleep(0.02)
    return found


@pytest.fixture
def product(tmp_path: Path, database_url: str) -> Iterator[Product]:
    shapes = {"liver": disc(0.45, 0.4, 0.2, "liver"), "spleen": disc(0.5, 0.75, 0.1, "other organ")}
    behaviour = Behaviour(shapes, (128, 128), slow_s=8.0)
    with ExitStack() as stack:
        product = Product(tmp_path, database_url, behaviour, stack.enter_context(endpoint_server(behaviour)))
        stack.callback(product.close)
        yield product


def ordered(http: httpx.Client) -> str:
    sent = http.post("/api/v1/studies", files=[("files", ("a.dcm", CT.read_bytes(), "application/dicom"))])
    uid = sent.json()["studies"][0]["study_uid"]
    return str(http.post(f"/api/v1/studies/{uid}/analyses", json={"indication": QUESTION}).json()["job_id"])


def asked(behaviour: Behaviour) -> list[str]:
    return [request["body"]["input_data"]["data"][0][1] for request in behaviour.requests]


def test_a_killed_server_goes_on_where_it_was_and_follows_on(product: Product) -> None:
    first, http = product.serve()
    product.behaviour.faults = ["", "slow"]
    job = ordered(http)
    until(lambda: len(product.behaviour.requests) == 2)
    before = http.get(f"/api/v1/jobs/{job}").json()
    first.kill()
    first.wait()
    _, http = product.serve()
    followed = http.get(f"/api/v1/jobs/{job}/events").text
    assert "event: done" in followed
    after = http.get(f"/api/v1/jobs/{job}").json()
    assert (after["state"], after["attempt"], after["analysis_id"]) == ("done", 2, before["analysis_id"])
    document = http.get(f"/api/v1/analyses/{after['analysis_id']}").json()
    assert sorted(mask["target"] for mask in document["masks"]) == ["liver", "spleen"]
    assert len({step["id"] for step in document["steps"]}) == len(document["steps"])
    # Only what was in flight is asked for again.
    requests = asked(product.behaviour)
    assert len(requests) == 3
    assert requests[1] == requests[2] != requests[0]


def test_workers_share_the_jobs_of_a_database_and_stop_in_good_order(product: Product) -> None:
    server, http = product.serve()
    jobs = [ordered(http) for _ in range(4)]
    server.kill()
    server.wait()
    workers = [product.start("worker")[0] for _ in range(2)]
    done = until(lambda: ended(product.database, len(jobs)))
    assert {job.job_id for job in done} == set(jobs)
    assert {job.state for job in done} == {JobState.DONE}
    assert len(asked(product.behaviour)) <= 2 * len(jobs) + 1  # the one in flight when the server was killed
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
    assert [worker.wait(30) for worker in workers] == [EXIT_DONE, EXIT_DONE]


def ended(url: str, count: int) -> list[JobRecord]:
    """Jobs that have ended, as soon as so many have."""

    async def look() -> list[JobRecord]:
        database = Database(url)
        listing = JobListing(AuditLedger(database, SystemClock(), b"key"))
        page = await listing.page(AccessContext("tester", None), JobFilter(states=tuple(ENDED)))
        database.close()
        return list(page.jobs)

    found = asyncio.run(look())
    return found if len(found) == count else []


def test_the_tables_are_brought_up_and_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MEDIMAGE_DATABASE_URL", f"sqlite:///{tmp_path / 'records.db'}")
    assert app.main(["db", "current"]) == EXIT_FAILED
    assert app.main(["db", "upgrade"]) == EXIT_DONE
    assert app.main(["db", "current"]) == EXIT_DONE
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 3
    assert "nothing" in said[0]


def test_jobs_that_outlive_the_process_need_a_database_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MEDIMAGE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MEDIMAGE_DATABASE_URL", "sqlite://")
    monkeypatch.setenv("MEDIMAGE_MEMORY__ENABLED", "false")
    assert app.main(["worker"]) == EXIT_FAILED
    assert "MEDIMAGE_DATABASE_URL" in capsys.readouterr().err
