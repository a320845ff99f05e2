"""Studies an hour, CPU a study, and a queue of a hundred thousand, beside models without latency.

    python -m benchmarks.throughput [--database sqlite|postgresql] [--studies N] [--queued N] [--only rate|crowd]

Real workers (processes of their own), the product's planner, plugins, queue and DBOS; PostgreSQL with two workers and
`fsync` on, SQLite with one. A study is one CT slice of 128 × 128 with one or two targets. CPU is that of the workers,
without the model's process: reading, planning, requests, masks, measurements, SEG, SR, FHIR, PDF and records. Bars are
for two idle cores; the load of the machine is printed, as anything else that runs counts against them. So does a host
that is shared: beside the CPU of a study stands at what share of its best pace the processor ran (`pace`).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.chaos.cluster import running
from benchmarks.chaos.model import scoring_process
from benchmarks.chaos.place import Post
from benchmarks.chaos.worker import Crew
from benchmarks.throughput.crowd import Crowd, crowd, with_reserve
from benchmarks.throughput.pace import Pace, paced
from benchmarks.throughput.rate import Rate, rate

AN_HOUR = {"postgresql": 3000.0, "sqlite": 1500.0}
CPU_MS = 150.0
STAT_P99_S = 1.0
ENQUEUE_S = 500.0
PAGE_MS = 50.0
GROWTH_MB = 100.0


@dataclass(frozen=True)
class Line:
    """One row of the table."""

    what: str
    found: str
    bar: str = ""
    kept: bool = True


@contextlib.contextmanager
def database(kind: str, root: Path) -> Iterator[tuple[str, int]]:
    """URL of a database without tables, and the process of its server, 0 for none."""
    if kind == "sqlite":
        yield f"sqlite:///{root}/records.db", 0
        return
    with running(max_connections="200") as server:
        yield server.create(), server.pid


def of_rate(found: Rate, kind: str, pace: Pace) -> list[Line]:
    """Lines of what an hour takes. The bar is for the time that was taken, whatever the machine's pace."""
    cpu, bar = 1000 * found.worker_cpu_s, AN_HOUR[kind]
    memory = f"{found.early_mb:.0f} → {found.late_mb:.0f} MB, peak {found.peak_mb:.0f} MB"
    grown = found.late_mb - found.early_mb
    return [
        Line(f"studies an hour ({found.jobs})", f"{found.an_hour:.0f}", f"≥ {bar:.0f}", found.an_hour >= bar),
        Line("CPU of the workers a study", f"{cpu:.0f} ms", f"≤ {CPU_MS:.0f} ms", cpu <= CPU_MS),
        Line("  at the machine's best pace", f"{cpu * pace.share:.0f} ms (it ran at {pace.share:.2f} of it)"),
        Line("CPU of the database's server a study", f"{1000 * found.server_cpu_s:.0f} ms"),
        Line("memory of a worker", memory, f"≤ {GROWTH_MB:.0f} MB more", grown <= GROWTH_MB),
    ]


def of_crowd(found: Crowd) -> list[Line]:
    """Lines of a crowded queue."""
    p99, grown = found.stat_p99_s, found.after_mb - found.before_mb
    pages = f"{found.page_ms:.1f} ms, p99 {found.page_p99_ms:.1f} ms"
    stat = f"{p99:.2f} s (of {len(found.stat_s)}, largest {max(found.stat_s):.2f} s)"
    return [
        Line(
            "orders queued as a batch", f"{found.orders_s:.0f}/s", f"≥ {ENQUEUE_S:.0f}/s", found.orders_s >= ENQUEUE_S
        ),
        Line(
            "orders queued one by one, 50 at once",
            f"{found.each_s:.0f}/s",
            f"≥ {ENQUEUE_S:.0f}/s",
            found.each_s >= ENQUEUE_S,
        ),
        Line("rows of known studies queued", f"{found.rows_s:.0f}/s"),
        Line(f"worklist page at {found.jobs:,}", pages, f"≤ {PAGE_MS:.0f} ms", found.page_p99_ms <= PAGE_MS),
        Line("memory while it fills", f"{grown:+.0f} MB", f"≤ {GROWTH_MB:.0f} MB", grown <= GROWTH_MB),
        Line("STAT starts, p99", stat, f"≤ {STAT_P99_S:.0f} s", p99 <= STAT_P99_S),
    ]


def measure(kind: str, options: argparse.Namespace, crew: Crew, endpoint: str) -> list[Line]:
    """All that is asked of one kind of database, in databases of their own."""
    workers = options.workers or (1 if kind == "sqlite" else 2)
    lines: list[Line] = []
    for part in ("rate", "crowd"):
        if options.only not in ("", part):
            continue
        root = Path(tempfile.mkdtemp(prefix="medimage-throughput-"))
        try:
            with database(kind, root) as (url, server):
                post = Post(url, str(root), endpoint, general=options.slots, stopped=False)
                if part == "rate":
                    with paced() as pace:
                        found = asyncio.run(
                            rate(post, crew, jobs=options.studies, studies=40, workers=workers, server=server)
                        )
                    lines += of_rate(found, kind, pace)
                else:
                    sizes = {"jobs": options.queued, "single": 1000, "stats": options.stats}
                    lines += of_crowd(
                        asyncio.run(crowd(with_reserve(post), crew, studies=20, workers=workers, **sizes))
                    )
        finally:
            shutil.rmtree(root, ignore_errors=True)
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Run and print; 1 where a bar was missed."""
    description = (__doc__ or "").split("\n", 1)[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=description)
    parser.add_argument("--database", default="", choices=["", "sqlite", "postgresql"], help="both by default")
    parser.add_argument("--studies", type=int, default=200, help="of the rate (200)")
    parser.add_argument("--queued", type=int, default=100_000, help="jobs of the crowded queue (100000)")
    parser.add_argument("--stats", type=int, default=100, help="STAT orders in front of it (100)")
    parser.add_argument("--workers", type=int, help="processes (2 on PostgreSQL, 1 on SQLite)")
    parser.add_argument("--slots", type=int, default=2, help="jobs that a worker runs at once (2)")
    parser.add_argument("--only", default="", choices=["", "rate", "crowd"])
    options = parser.parse_args(arguments)
    logging.disable(logging.WARNING)
    kept = True
    with scoring_process() as endpoint, Crew(endpoint) as crew:
        for kind in [options.database] if options.database else ["postgresql", "sqlite"]:
            before = os.getloadavg()[0]
            lines = measure(kind, options, crew, endpoint)
            print(f"{kind}, load of the machine {before:.1f} before and {os.getloadavg()[0]:.1f} after")
            for line in lines:
                verdict = "" if not line.bar else "kept" if line.kept else "MISSED"
                print(f"  {line.what:<40}{line.found:<44}{line.bar:<16}{verdict}")
            kept = kept and all(line.kept for line in lines)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
