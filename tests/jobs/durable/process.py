"""Processes that run attempts and can be killed: forked from one that has loaded everything, so that each costs little.

Started as a program it is that one: it reads an order a line, forks, waits, and tells how the child ended.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Errand:
    """What a child does.

    Attributes:
        database: URL of the records. endpoint: scoring URI of the model. chat: address of a chat server, "" for none.
        attempt: of the job; 0 analyses without durability.
        kill: "", "inside" (a step's work is done, its row is not kept) or "after" (it is kept).
        skip: new steps of DBOS that pass before the kill.
        full: for what the disk has no space: "results" of steps, or DICOM "artifacts"; "" where there is enough.
    """

    database: str
    folder: str
    endpoint: str
    question: str
    job: str = "job"
    chat: str = ""
    attempt: int = 1
    kill: str = ""
    skip: int = 0
    full: str = ""


@dataclass(frozen=True)
class Ended:
    """How a child ended: `signal` that killed it, 0 for none; what it printed."""

    signal: int
    said: dict[str, Any]


class Zygote:
    """The process that others are forked from."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.jobs.durable.process"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, errand: Errand) -> Ended:
        """Fork a child for an errand and wait for its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(errand)) + "\n")
        self._process.stdin.flush()
        ended = json.loads(self._process.stdout.readline())
        return Ended(ended["signal"], ended["said"])

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


class LoopClock:
    """The machine's time, as a clock and as the model client's timing."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, callback)


class StoppedClock(LoopClock):
    """The same instant always, so that files of two runs can be compared byte for byte."""

    def now(self) -> datetime:
        return WHEN

    def monotonic(self) -> float:
        return 0.0


@dataclass(frozen=True)
class Place:
    """What an attempt works with, over the data folder of an errand."""

    analyser: Any
    store: Any
    analyses: Any
    access: Any
    study_uid: str
    clock: Any


@asynccontextmanager
async def opened(errand: Errand, clock: Any) -> AsyncIterator[Place]:
    """The real records, intake, planner, plugins and model client. A study that waits is taken in."""
    from agents.chat_models import ChatConfiguration
    from agents.guardrails import Budget
    from agents.planner import Planner
    from domain.access import AccessContext
    from inference.catalogue import Catalogue
    from inference.medimageparse import MedImageParse
    from inference.transport.transport import Endpoint, EndpointTransport, open_client
    from jobs.analyse import Analyser
    from jobs.compute import ThreadCompute
    from jobs.durable.chat import durable_chat_client
    from records.analyses import AnalysisRecords
    from records.audit import AuditLedger
    from records.database import Database
    from records.files import FileStudyStore
    from records.intake import Intake
    from records.studies import StudyRecords
    from tools.ingest import ingest

    folder = Path(errand.folder)
    database = Database(errand.database)
    audit = AuditLedger(database, clock, b"key")
    studies = StudyRecords(audit, clock)
    store = FileStudyStore(folder / "studies", studies)
    if not (folder / "study.json").exists():
        database.upgrade()
        intake = Intake(studies, store, ThreadCompute(), ingest)
        received = await intake.admit(AccessContext("tester", None), [folder / "in"])
        (folder / "study.json").write_text(json.dumps(received.records[0].study_uid))
    study_uid = json.loads((folder / "study.json").read_text())
    chat = ChatConfiguration("openai", f"{errand.chat}/v1", "key", "scripted") if errand.chat else ChatConfiguration()
    client = durable_chat_client(chat) if errand.chat else None
    async with open_client(read_s=10) as http:
        model = MedImageParse(EndpointTransport(Endpoint(errand.endpoint), http, timing=clock))
        analyser = Analyser(
            Planner(chat, Budget(), client),
            Catalogue([model]),
            compute=ThreadCompute(),
            clock=clock,
            software_version="test",
        )
        access = await studies.access("tester", study_uid)
        yield Place(analyser, store, AnalysisRecords(audit, folder / "analyses"), access, study_uid, clock)
    if client is not None:
        await client.close()
    database.close()


async def analysed(place: Place, errand: Errand) -> int:
    """Run the analysis in memory, as a server without durable jobs does; the number of its steps."""
    from domain.study import Order
    from jobs.compute import ThreadCompute
    from jobs.reading import read_study
    from tools.ingest import ingest

    study, order = await place.store.folder(place.access, place.study_uid), Order(indication=errand.question)
    ingested, refused = await read_study(ThreadCompute(), ingest, study, place.study_uid, order.indication)
    out = place.analyses.folder(errand.job)
    done = await place.analyser.analyse(ingested, order, place.access, out=out, analysis_id=errand.job, refused=refused)
    await place.analyses.put(place.access, done)
    return len(done.steps)


def durable(place: Place, system: Any) -> Any:
    """What runs durable attempts there."""
    from jobs.compute import ThreadCompute
    from jobs.durable.run import DurableAnalyses
    from tools.ingest import ingest

    return DurableAnalyses(
        system,
        analyser=place.analyser,
        store=place.store,
        analyses=place.analyses,
        compute=ThreadCompute(),
        clock=place.clock,
        ingest=ingest,
    )


def job_of(place: Place, errand: Errand) -> Any:
    """The errand's attempt."""
    from domain.study import Order
    from jobs.durable.run import AnalysisJob

    order = Order(indication=errand.question)
    return AnalysisJob(errand.job, errand.attempt, errand.job, place.study_uid, place.access, order)


async def carry_out(errand: Errand) -> dict[str, Any]:
    """Run the attempt of an errand in this process."""
    from domain.errors import MedImageError
    from jobs.durable import opening, results
    from jobs.durable.system import DurableSystem
    from tools import artifacts

    class Mortal(DurableSystem):
        """Dies at a step that the errand names."""

        skip = errand.skip

        async def step(self, name: str, work: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
            async def fatal() -> dict[str, Any]:
                row = await work()
                if errand.kill == "inside" and self.skip == 0:
                    die()
                return row

            row = await super().step(name, fatal)
            if errand.kill == "after" and self.skip == 0:
                die()
            self.skip -= 1
            return row

    async with opened(errand, StoppedClock()) as place:
        if not errand.attempt:
            return {"steps": await analysed(place, errand)}
        if errand.full == "results":
            results.os.fsync = no_space  # type: ignore[attr-defined]
        if errand.full == "artifacts":
            artifacts.encoded = no_space  # type: ignore[assignment, attr-defined]
        opening.IDLE_POLL_S = 0.05  # closing waits for a look of DBOS's
        system = Mortal(errand.database, version="test")
        system.launch()
        events: list[list[Any]] = []
        try:
            job = job_of(place, errand)
            finished = await durable(place, system).run(job, lambda e: events.append([e.kind.value, e.data]))
            said = {"steps": finished.steps, "needs_review": finished.needs_review}
        except MedImageError as error:
            said = {"error": type(error).__name__, "text": str(error)}
        finally:
            await system.close()
    return {**said, "events": events}


def no_space(*_: object) -> bytes:
    """A disk without space."""
    raise OSError(errno.ENOSPC, "No space left on device", "/secret/path")


def die() -> None:
    """What the kernel does to a process that is out of memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Fork a child for each line."""
    import dbos  # noqa: F401

    from prompts.library import hashes

    hashes()  # of now, and kept: the files may be edited while tests run
    for line in sys.stdin:
        errand = Errand(**json.loads(line))
        # A run in memory is done here, so that children find read and compiled whatever a run needs.
        ended = in_a_child(errand) if errand.attempt else Ended(0, asyncio.run(carry_out(errand)))
        print(json.dumps(asdict(ended)), flush=True)


def in_a_child(errand: Errand) -> Ended:
    """Carry an errand out in a process of its own."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        try:
            said = asyncio.run(carry_out(errand))
            with os.fdopen(write, "wb") as pipe:
                pipe.write(json.dumps(said).encode())
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = json.loads(pipe.read() or b"{}")
    _, status = os.waitpid(child, 0)
    return Ended(status & 0x7F, said)


if __name__ == "__main__":
    main()
