"""How many database statements a job takes, and how many bytes its rows: counted on the product's own records and DBOS.

    python -m benchmarks.hospital.measure [--jobs N] [--steps N]

On SQLite in a temporary folder; PostgreSQL gets the same statements, and a NOTIFY for each change besides. Events of
steps are reported twice a second at most (`jobs.workers.reporter`); here each step is reported alone.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, event

from domain.access import AccessContext
from domain.ports import EventKind, RunEvent
from domain.study import Order
from jobs.durable.system import DurableSystem, Row
from jobs.steps import SystemClock
from records.audit import AuditLedger
from records.database import Database
from records.job_leases import Claim, JobLeases, News
from records.job_rows import NewJob
from records.jobs import JobRecords


@dataclass(frozen=True)
class Statements:
    """Of one job, medians: inserts, updates, selects; without BEGIN and COMMIT."""

    enqueue: float
    claim: float
    report: float
    finish: float
    workflow: float
    step: float
    bytes_job: float
    bytes_steps: float


class Counter:
    """Statements of all engines of this process."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, *_: object) -> None:
        """One more."""
        self.count += 1

    async def of(self, work: Callable[[], Awaitable[object]]) -> int:
        """How many a piece of work takes."""
        before = self.count
        await work()
        return self.count - before


@contextmanager
def counting() -> Iterator[Counter]:
    """Count from here on."""
    counter = Counter()
    event.listen(Engine, "before_cursor_execute", counter)
    try:
        yield counter
    finally:
        event.remove(Engine, "before_cursor_execute", counter)


async def measure(jobs: int, steps: int) -> Statements:
    """Run jobs of so many steps through the records, and through DBOS."""
    with tempfile.TemporaryDirectory() as scratch, counting() as counter:
        path = Path(scratch) / "records.sqlite"
        database = Database(f"sqlite:///{path}")
        database.upgrade()
        empty = _bytes(path.parent)
        counts = [await _one(database, counter, number, steps) for number in range(jobs)]
        bytes_job = (_bytes(path.parent) - empty) / jobs
        database.close()
        workflow, step, bytes_steps = await _durable(Path(scratch), counter, jobs, steps)
    enqueue, claim, report, finish = (sorted(column)[jobs // 2] for column in zip(*counts, strict=True))
    return Statements(enqueue, claim, report, finish, workflow, step, bytes_job, bytes_steps)


async def _one(database: Database, counter: Counter, number: int, steps: int) -> tuple[float, float, float, float]:
    clock = SystemClock()
    audit = AuditLedger(database, clock, b"benchmark")
    records = JobRecords(audit, clock)
    leases = JobLeases(audit, clock, records.signals)
    access = AccessContext("bench", f"patient-{number}", "research")
    job = NewJob(f"job-{number}", f"analysis-{number}", f"1.2.{number}", access, Order(indication="Liver size?"))
    claims: list[Claim] = []

    async def claim() -> None:
        claimed = await leases.claim("worker", "1", lambda heads, _load, _now: heads[0])
        assert claimed is not None
        claims.append(claimed)

    enqueued = await counter.of(lambda: records.enqueue(job))
    claimed = await counter.of(claim)
    told = 0
    for step in range(steps):
        data = {"step_id": f"s{step}", "agent": "segmentation", "tool": "segment"}
        events = (RunEvent(EventKind.STEP_STARTED, data), RunEvent(EventKind.STEP_FINISHED, data))
        news = News(events, step / steps, True)
        told += await counter.of(lambda news=news: leases.report(claims[0], news))  # type: ignore[misc]
    finished = await counter.of(lambda: leases.finish(claims[0], News(), needs_review=False))
    return enqueued, claimed, told / steps, finished


async def _durable(folder: Path, counter: Counter, jobs: int, steps: int) -> tuple[float, float, float]:
    """Statements of a workflow without its steps, and of a step; bytes of a workflow with its steps."""
    system = DurableSystem(f"sqlite:///{folder}/durable.sqlite", version="benchmark")
    system.launch()
    row: Row = {"key": "k" * 32, "ended": 1, "step": {"step_id": "s1", "agent": "a", "tool": "t", "inputs": "x" * 400}}

    async def body(count: int) -> Row:
        for _ in range(count):
            await system.step("segmentation.segment", _row)
        return {"steps": count}

    async def _row() -> Row:
        return row

    async def of(name: str, count: int) -> list[int]:
        return sorted(
            [
                await counter.of(lambda n=number: system.run(f"{name}-{n}", {"job": name}, lambda: body(count)))  # type: ignore[misc]
                for number in range(jobs)
            ]
        )

    none, before = (await of("none", 0))[jobs // 2], _bytes(folder)
    many = (await of("many", steps))[jobs // 2]
    size = (_bytes(folder) - before) / jobs
    await system.close()
    return none, (many - none) / steps, size


def _bytes(folder: Path) -> int:
    """Of the pages of all databases in a folder, what lies in write-ahead logs too."""
    total = 0
    for path in folder.iterdir():
        if path.is_file() and path.read_bytes()[:15] == b"SQLite format 3":
            with closing(sqlite3.connect(path)) as connection:
                pages, size = (
                    connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size")
                )
            total += pages * size
    return total


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hospital.measure", description=(__doc__ or "").strip())
    parser.add_argument("--jobs", type=int, default=40, help="jobs to run (40)")
    parser.add_argument("--steps", type=int, default=8, help="steps of each (8)")
    options = parser.parse_args(arguments)
    found = asyncio.run(measure(options.jobs, options.steps))
    for name, value in vars(found).items():
        print(f"{name:<12}{value:10.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
