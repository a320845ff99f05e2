"""How fast the processor was: a fixed piece of work, timed again and again beside what is measured.

On a machine that others share, the same work takes up to twice the processor time from one moment to the next, and
nothing in the guest says so. The piece is timed by the processor time of its own process, in which nothing else runs.

    python -m benchmarks.throughput.pace < /dev/null
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

LOOPS = 20_000
EVERY_S = 0.2
IDLE_S = 2.0
"""Alone, before anything is measured: how fast it can be."""


@dataclass
class Pace:
    """Times of the piece.

    Attributes:
        idle_ms: alone. busy_ms: beside what was measured; both empty until the end.
    """

    idle_ms: list[float] = field(default_factory=list)
    busy_ms: list[float] = field(default_factory=list)

    @property
    def best_ms(self) -> float:
        """The shortest that was seen."""
        return min([*self.idle_ms, *self.busy_ms])

    @property
    def share(self) -> float:
        """Of the best speed that was seen, what there was beside the measurement (median); 1 is all of it."""
        return self.best_ms / median(self.busy_ms)


@contextmanager
def paced() -> Iterator[Pace]:
    """Time the piece beside the block, after a while alone."""
    pace = Pace()
    command = [sys.executable, "-m", "benchmarks.throughput.pace"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        time.sleep(IDLE_S)
        began = time.monotonic()
        try:
            yield pace
        finally:
            process.stdin.close()
            rows = json.loads(process.stdout.read())
            pace.idle_ms = [ms for at, ms in rows if at < began]
            pace.busy_ms = [ms for at, ms in rows if at >= began]


def piece_ms() -> float:
    """Processor time of the piece, in milliseconds."""
    began, seen, total = time.process_time(), {}, 0
    for number in range(LOOPS):
        seen[number & 1023] = total
        total += len(str(number))
    return 1000 * (time.process_time() - began)


def main() -> None:
    """Time the piece until the standard input ends; then print (monotonic time, milliseconds) of each."""
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    rows: list[tuple[float, float]] = []
    for _ in range(20):
        piece_ms()  # until it runs as it will
    while not rows or not ended.wait(EVERY_S):
        rows.append((time.monotonic(), piece_ms()))
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
