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
from contextlib import contextmanager
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
        database: its URL. more: further settings of the endpoint.
    """

    def __init__(self, folder: Path, database: str, behaviour: Behaviour, endpoint: str, **more: object) -> None:
        self.behaviour, self.database = behaviour, database
        self._folder = folder
        self._environment = {
            **os.environ,
            "MEDIMAGE_DATA_DIR": str(folder / "data"),
            "MEDIMAGE_DATABASE_URL": database,
            "MEDIMAGE_SERVER__PORT": "0",
            "MEDIMAGE_MEMORY__ENABLED": "false",
            "MEDIMAGE_MODELS__CACHE_MB": "0",
            "MEDIMAGE_MODELS__MEDIMAGEPARSE__ENDPOINTS": json.dumps(
                [{"url": endpoint, "key": "k", "version": "7", **more}]
            ),
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
def behaviour() -> Behaviour:
    shapes = {"liver": disc(0.45, 0.4, 0.2, "liver"), "spleen": disc(0.5, 0.75, 0.1, "other organ")}
    return Behaviour(shapes, (128, 128), slow_s=8.0)


@contextmanager
def product(folder: Path, database: str, behaviour: Behaviour, **more: object) -> Iterator[Product]:
    """Processes that ask an endpoint of this test's own, with `more` settings of it; none is left at the end."""
    with endpoint_server(behaviour) as endpoint:
        made = Product(folder, database, behaviour, endpoint, **more)
        try:
            yield made
        finally:
            made.close()


def ordered(http: httpx.Client) -> str:
    sent = http.post("/api/v1/studies", files=[("files", ("a.dcm", CT.read_bytes(), "application/dicom"))])
    uid = sent.json()["studies"][0]["study_uid"]
    return str(http.post(f"/api/v1/studies/{uid}/analyses", json={"indication": QUESTION}).json()["job_id"])


def asked(behaviour: Behaviour) -> list[str]:
    return [request["body"]["input_data"]["data"][0][1] for request in behaviour.requests]


def test_a_killed_server_goes_on_where_it_was(tmp_path: Path, sqlite_url: str, behaviour: Behaviour) -> None:
    with product(tmp_path, sqlite_url, behaviour) as here:
        first, http = here.serve()
        with http:
            behaviour.faults = ["", "slow"]
            job = ordered(http)
            until(lambda: len(behaviour.requests) == 2)
            before = until(lambda: whose(http, job, "craft_prompts"))
        first.kill()
        first.wait()
        _, http = here.serve()
        with http:
            followed = http.get(f"/api/v1/jobs/{job}/events").text
            assert "event: done" in followed
            assert followed.count('"tool": "craft_prompts"') == 2  # begun and finished, told once
            after = whose(http, job, "craft_prompts")
            assert (after["state"], after["attempt"], after["analysis_id"]) == ("done", 2, before["analysis_id"])
            kept = {step["id"]: step for step in after["steps"]}
            assert all(kept[step["id"]] == step for step in before["steps"] if step["state"] == "finished")
            document = http.get(f"/api/v1/analyses/{after['analysis_id']}").json()
        assert sorted(mask["target"] for mask in document["masks"]) == ["liver", "spleen"]
        # The step in flight asks for both again, and nothing else is.
        assert sorted(asked(behaviour)) == ["liver", "liver", "spleen", "spleen"]


def whose(http: httpx.Client, job: str, tool: str) -> Any:
    """A job as soon as a step of it has ended."""
    now = http.get(f"/api/v1/jobs/{job}").json()
    return now if any(s["tool"] == tool and s["state"] == "finished" for s in now["steps"]) else None


@pytest.mark.peer("postgresql")
def test_workers_share_jobs_and_stop_in_good_order(tmp_path: Path, postgres_url: str, behaviour: Behaviour) -> None:
    with product(tmp_path, postgres_url, behaviour) as here:
        server, http = here.serve()
        with http:
            http.post("/api/v1/jobs/pause", json={"priorities": ["ROUTINE"]})
            jobs = [ordered(http) for _ in range(4)]
            workers = [here.start("worker")[0] for _ in range(2)]
            server.kill()
            server.wait()
        assert not behaviour.requests  # what is paused outlives the server
        _, http = here.serve()
        with http:
            http.post("/api/v1/jobs/resume", json={"priorities": ["ROUTINE"]})
            done = until(lambda: ended(postgres_url, len(jobs)))
        assert {job.job_id: job.state for job in done} == dict.fromkeys(jobs, JobState.DONE)
        assert len(asked(behaviour)) == 2 * len(jobs)
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        assert [worker.wait(30) for worker in workers] == [EXIT_DONE, EXIT_DONE]


@pytest.mark.peer("postgresql")
def test_server_and_workers_share_an_endpoint(tmp_path: Path, postgres_url: str, behaviour: Behaviour) -> None:
    behaviour.faults, behaviour.slow_s = ["slow"] * 8, 0.3
    with product(tmp_path, postgres_url, behaviour, name="parse", concurrency=1, daily_requests=10) as here:
        _, http = here.serve()
        with http:
            http.post("/api/v1/jobs/pause", json={"priorities": ["ROUTINE"]})
            jobs = [ordered(http) for _ in range(4)]
            workers = [here.start("worker")[0] for _ in range(2)]
            said = until(lambda: now if (now := metrics(http))["medimage_workers"] == 3 else None)
            assert said['medimage_queue_depth{priority="ROUTINE"}'] == 4
            http.post("/api/v1/jobs/resume", json={"priorities": ["ROUTINE"]})
            done = until(lambda: ended(postgres_url, len(jobs)), 120)
            assert {job.job_id: job.state for job in done} == dict.fromkeys(jobs, JobState.DONE)
            for worker in workers:
                worker.send_signal(signal.SIGTERM)
            assert [worker.wait(60) for worker in workers] == [EXIT_DONE, EXIT_DONE]
            used = 'medimage_quota_used{endpoint="parse (127.0.0.1)",kind="requests"}'
            said = until(lambda: now if (now := metrics(http)).get(used) == 8 else None)
        assert len(asked(behaviour)) == 8
        assert behaviour.most == 1, "one call at once, of all three processes"
        assert said['medimage_endpoint_limit{endpoint="parse (127.0.0.1)"}'] == 1
        assert said['medimage_quota_left{endpoint="parse (127.0.0.1)",kind="requests"}'] == 2
        assert said['medimage_quota_alert_ratio{endpoint="parse (127.0.0.1)",kind="requests"}'] == 0.8
        assert said["medimage_throughput_per_second"] == pytest.approx(4 / 600)


def metrics(http: httpx.Client) -> dict[str, float]:
    """Every sample, by its name and labels."""
    lines = [line for line in http.get("/metrics").text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


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
