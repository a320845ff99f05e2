"""Kill workers at random moments until all studies are analysed; compare with a run that nothing happens to.

    python -m benchmarks.chaos [--studies N] [--kills K] [--database sqlite|postgresql] [--workers W] [--seed S]

Both runs analyse the same studies, with the product's planner, plugins, model client, queue and DBOS; the model is an
HTTP server of its own process that answers at once, and counts. Analyses see a clock that stands still: with a real one
`started`, `seconds` and latencies of the steps after a kill differ, and the instant `created` with all that carries it;
everything else may not. PostgreSQL is started for it, with Debian's settings; SQLite takes one worker, as a server that
is embedded does. Exit status 1 where a promise was broken.
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
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.chaos.cluster import running
from benchmarks.chaos.model import scoring_process
from benchmarks.chaos.place import Post
from benchmarks.chaos.run import whole
from benchmarks.chaos.verdict import compare, table
from benchmarks.chaos.worker import Crew

DEADLINE_S = 580.0


@contextlib.contextmanager
def databases(kind: str, root: Path) -> Iterator[Callable[[str], str]]:
    """Name of a run → URL of a database without tables."""
    if kind == "sqlite":
        yield lambda name: f"sqlite:///{root}/{name}/records.db"
    elif kind == "postgresql":
        with running(max_connections="300") as server:
            yield lambda _: server.create()
    else:
        raise SystemExit(f"{kind} is neither sqlite nor postgresql")


def main(arguments: list[str] | None = None) -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--database", default="sqlite", choices=["sqlite", "postgresql"])
    parser.add_argument("--workers", type=int, help="processes (1 for SQLite, 3 for PostgreSQL)")
    parser.add_argument("--slots", type=int, default=2, help="jobs that a worker runs at once (2)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    workers = options.workers or (1 if options.database == "sqlite" else 3)
    logging.disable(logging.WARNING)
    root = Path(tempfile.mkdtemp(prefix="medimage-chaos-"))
    try:
        with databases(options.database, root) as database, scoring_process() as endpoint, Crew(endpoint) as crew:
            lefts, lines = [], []
            for name, kills in (("undisturbed", 0), ("disturbed", options.kills)):
                (root / name).mkdir()
                post = Post(database(name), str(root / name), endpoint, general=options.slots)
                told, left = asyncio.run(
                    whole(
                        post,
                        crew,
                        jobs=options.studies,
                        studies=options.studies,
                        workers=workers,
                        kills=kills,
                        seed=options.seed,
                        deadline_s=DEADLINE_S,
                    )
                )
                lefts.append(left)
                lines.append(
                    f"{name}: {told.seconds:.0f} s, {len(told.killed)} kills, {told.cleared} jobs cleared late"
                )
                print(lines[-1], file=sys.stderr)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    findings = compare(*lefts, jobs=options.studies, kills=options.kills, struck=len(told.killed))
    load = os.getloadavg()[0]
    print(f"{options.studies} studies, {options.database}, {workers} workers, load of the machine {load:.1f}")
    print("\n".join([*lines, table(findings)]))
    return 0 if all(finding.kept for finding in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
