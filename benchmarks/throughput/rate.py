"""Studies an hour: a queue of 2D studies from its first start to its last end, and the CPU that it took."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from benchmarks.chaos.place import Post, enqueue, opened, take_in
from benchmarks.chaos.run import until_ended
from benchmarks.chaos.worker import Crew
from benchmarks.throughput.processes import children_of, cpu_s, peak_mb, resident_mb, spent_since

WARM = 8
"""Jobs of each worker before the clock starts: what is compiled and connected once is not a study's cost."""
LOOK_S = 0.02


@dataclass(frozen=True)
class Rate:
    """What was measured.

    Attributes:
        worker_cpu_s, server_cpu_s: of a study; of the workers, and of the database's server.
        early_mb, late_mb: resident memory of the largest worker, when the clock started and at the end. peak_mb: ever.
    """

    jobs: int
    seconds: float
    worker_cpu_s: float
    server_cpu_s: float
    early_mb: float
    late_mb: float
    peak_mb: float

    @property
    def an_hour(self) -> float:
        """Studies."""
        return 3600 * self.jobs / self.seconds


async def rate(post: Post, crew: Crew, *, jobs: int, studies: int, workers: int, server: int = 0) -> Rate:
    """Measure.

    Args:
        server: process of the database's server, 0 for none; its sessions that live at the end are counted.
    """
    warm = WARM * workers
    async with opened(post) as place:
        await take_in(place, studies)
        await enqueue(place, jobs + warm, studies)
        pids = [await asyncio.to_thread(crew.start, post) for _ in range(workers)]
        first = await until_ended(place, warm, LOOK_S)
        began = time.perf_counter()
        cpu, early = cpu_s([*pids, *_family(server)]), max(map(resident_mb, pids))
        count = await until_ended(place, jobs + warm) - first
        seconds = time.perf_counter() - began
        measured = Rate(
            jobs=count,
            seconds=seconds,
            worker_cpu_s=spent_since(cpu, pids) / count,
            server_cpu_s=spent_since(cpu, _family(server)) / count,
            early_mb=early,
            late_mb=max(map(resident_mb, pids)),
            peak_mb=max(map(peak_mb, pids)),
        )
    await asyncio.to_thread(crew.dismiss)
    return measured


def _family(server: int) -> list[int]:
    return [server, *children_of(server)] if server else []
