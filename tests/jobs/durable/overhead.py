"""What durability costs: CPU and wall time of a 2D study, durable against in memory. Not a test.

python -m tests.jobs.durable.overhead [STUDIES] [URL OF AN EMPTY POSTGRESQL DATABASE]
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from pydicom.data import get_testdata_file

from jobs.durable.system import DurableSystem
from tests.inference.endpoint_server import Behaviour, disc, endpoint_server
from tests.jobs.durable.process import Errand, LoopClock, analysed, durable, job_of, opened


async def measure(errand: Errand, studies: int) -> None:
    """Alternate between the two, so that both see the same machine."""
    spent: dict[str, list[tuple[float, float]]] = {"in memory": [], "durable": [], "forget": []}

    async with opened(errand, LoopClock()) as place:
        system = DurableSystem(errand.database, version="test")
        system.launch()
        attempts = durable(place, system)
        for number in range(studies + 3):
            plain, kept = replace(errand, job=f"plain{number}"), replace(errand, job=f"durable{number}")
            for name, work in (
                ("in memory", lambda one=plain: analysed(place, one)),
                ("durable", lambda one=kept: attempts.run(job_of(place, one))),
                ("forget", lambda one=kept: attempts.forget(one.job, 1, one.job)),
            ):
                cpu, wall = time.process_time(), time.perf_counter()
                await work()
                spent[name].append((time.process_time() - cpu, time.perf_counter() - wall))
        await system.close()
    for name, figures in spent.items():
        cpus, walls = (sorted(column) for column in zip(*figures[3:], strict=True))
        middle = len(cpus) // 2
        print(
            f"{name:10} CPU {1000 * cpus[middle]:6.1f} ms, wall {1000 * walls[middle]:6.1f} ms (medians of {len(cpus)})"
        )


def main() -> None:
    """Measure and print."""
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    folder = Path(tempfile.mkdtemp())
    (folder / "in").mkdir()
    shutil.copy(str(get_testdata_file("CT_small.dcm", download=False)), folder / "in")
    database = sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{folder}/medimage.sqlite"
    shapes = {"liver": disc(0.4, 0.35, 0.15, "liver"), "spleen": disc(0.5, 0.7, 0.08, "other organ")}
    with endpoint_server(Behaviour(shapes, (128, 128))) as url:
        asyncio.run(measure(Errand(database, str(folder), url, "Measure the liver and the spleen."), studies))
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
