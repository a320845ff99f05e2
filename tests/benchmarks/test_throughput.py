"""What the throughput benchmark says of its figures, and that it counts the right processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace

from benchmarks.throughput.__main__ import of_crowd, of_rate
from benchmarks.throughput.crowd import Crowd
from benchmarks.throughput.pace import Pace, paced
from benchmarks.throughput.processes import children_of, cpu_s, peak_mb, resident_mb, spent_since
from benchmarks.throughput.rate import Rate

RATE = Rate(100, 60.0, worker_cpu_s=0.14, server_cpu_s=0.02, early_mb=400, late_mb=410, peak_mb=420)
PACE = Pace([2.0, 2.1], [4.0, 4.1, 3.9])
CROWD = Crowd(100_000, 700, 2500, 600, 12.0, 30.0, 100, 120, tuple(0.1 + 0.001 * n for n in range(100)))


def missed(lines: list[object]) -> list[str]:
    return [line.what for line in lines if not line.kept]  # type: ignore[attr-defined]


def test_an_hour_is_what_the_minute_gave() -> None:
    assert RATE.an_hour == 6000
    assert missed([*of_rate(RATE, "postgresql", PACE)]) == []
    assert missed([*of_rate(replace(RATE, seconds=180.0), "sqlite", PACE)]) == []
    slow = replace(RATE, seconds=180.0, worker_cpu_s=0.2, late_mb=700)
    assert missed([*of_rate(slow, "postgresql", PACE)]) == [
        "studies an hour (100)",
        "CPU of the workers a study",
        "memory of a worker",
    ]


def test_the_slowest_hundredth_of_stat_counts() -> None:
    assert missed([*of_crowd(CROWD)]) == []
    assert missed([*of_crowd(replace(CROWD, stat_s=(*CROWD.stat_s[:97], 3.0, 3.0, 3.0)))]) == ["STAT starts, p99"]


def test_time_of_a_process_is_seen_while_it_lives() -> None:
    busy = "sum(range(40_000_000)); print('done', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", busy], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        before = cpu_s([process.pid])
        assert process.stdout is not None
        assert process.stdout.readline() == b"done\n"
        assert process.pid in children_of(os.getpid())
        assert spent_since({}, [process.pid]) > 0.1
        assert spent_since(before, [process.pid]) >= 0.0
        assert 0 < resident_mb(process.pid) <= peak_mb(process.pid)
        process.communicate(b"\n")
    give_up = time.monotonic() + 5
    while cpu_s([process.pid]) and time.monotonic() < give_up:
        time.sleep(0.01)
    assert spent_since({}, [process.pid]) == 0.0


def test_the_pace_is_that_beside_the_measurement() -> None:
    assert PACE.share == 0.5
    (line,) = (line for line in of_rate(RATE, "postgresql", PACE) if "pace" in line.what)
    assert line.found == "70 ms (it ran at 0.50 of it)"
    with paced() as pace:
        time.sleep(0.5)
    assert pace.idle_ms
    assert pace.busy_ms
    assert 0 < pace.share <= 1
