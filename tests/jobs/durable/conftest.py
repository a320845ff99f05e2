"""Databases of both kinds, an open DBOS, and worlds in which children are killed."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from jobs.durable.system import DurableSystem
from tests.inference.endpoint_server import Behaviour, disc, endpoint_server
from tests.jobs.durable.process import Errand, Zygote

BINARIES = Path("/usr/lib/postgresql/15/bin")
QUESTION = "Measure the liver and the spleen."


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a PostgreSQL server of our own, without a database's name; skipped where its programs are not there."""
    if not (BINARIES / "initdb").exists():
        pytest.skip("no PostgreSQL here: apt-get install postgresql-15")
    # The server refuses to run as root, and its folder must be its user's own.
    nobody = pwd.getpwnam("nobody")
    user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": ()} if os.getuid() == 0 else {}
    place = Path(tempfile.mkdtemp(prefix="medimage-pg-"))
    if user:
        os.chown(place, nobody.pw_uid, nobody.pw_gid)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": place, **user}
    start = [BINARIES / "initdb", "-D", place / "data", "-U", "tester", "-A", "trust", "--no-sync", "-E", "UTF8"]
    subprocess.run(start, check=True, **quiet)  # type: ignore[call-overload]
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= -c fsync=off"
    control = [BINARIES / "pg_ctl", "-D", place / "data", "-w"]
    subprocess.run([*control, "-o", options, "-l", place / "log", "start"], check=True, **quiet)  # type: ignore[call-overload]
    try:
        yield f"postgresql+psycopg://tester@127.0.0.1:{port}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, **quiet)  # type: ignore[call-overload]
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def postgres_database(postgres: str) -> str:
    """URL of a new database."""
    import psycopg

    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(postgres.replace("+psycopg", "") + "/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{postgres}/{name}"


@pytest.fixture(autouse=True)
def quick_to_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing waits for a look of DBOS's."""
    monkeypatch.setattr("jobs.durable.opening.IDLE_POLL_S", 0.05)


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[DurableSystem]:
    """DBOS, open on SQLite."""
    opened = DurableSystem(f"sqlite:///{tmp_path}/medimage.sqlite", version="test")
    opened.launch()
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """What children are forked from."""
    with Zygote() as process:
        yield process


@pytest.fixture(scope="module")
def behaviour() -> Behaviour:
    """What the model's endpoint finds, and what it was asked."""
    shapes = {"liver": disc(0.4, 0.35, 0.15, "liver"), "spleen": disc(0.5, 0.7, 0.08, "other organ")}
    return Behaviour(shapes, (128, 128))


@pytest.fixture(scope="module")
def endpoint(behaviour: Behaviour) -> Iterator[str]:
    """Its scoring URI."""
    with endpoint_server(behaviour) as url:
        yield url


@pytest.fixture(scope="module")
def template(zygote: Zygote, endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one CT slice on record, and another job's rows in DBOS."""
    folder = tmp_path_factory.mktemp("template")
    (folder / "in").mkdir()
    shutil.copy(str(get_testdata_file("CT_small.dcm", download=False)), folder / "in")
    errand = Errand(f"sqlite:///{folder}/medimage.sqlite", str(folder), endpoint, QUESTION, job="other")
    assert zygote.run(replace(errand, attempt=0)).said["steps"] == 6
    assert zygote.run(errand).said["steps"] == 6
    return folder


@pytest.fixture
def world(tmp_path: Path, endpoint: str, template: Path) -> Callable[..., Errand]:
    """A copy of the template as an errand to be filled in; over an empty database where one is named."""

    def make(name: str, database: str = "", chat: str = "") -> Errand:
        folder = tmp_path / name
        shutil.copytree(template, folder)
        if database:
            (folder / "study.json").unlink()
            shutil.rmtree(folder / "studies")
        url = database or f"sqlite:///{folder}/medimage.sqlite"
        return Errand(url, str(folder), endpoint, QUESTION, chat=chat)

    return make
