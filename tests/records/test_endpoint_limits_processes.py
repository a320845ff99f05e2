"""Workers as processes of their own on PostgreSQL: one is killed with -9, the rest go on within the limits."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inference.transport.allotment import Allotment
from inference.transport.shared_limits import StoredLimits
from records.database import Database
from records.endpoint_limits import EndpointLimitRecords

ROOT = Path(__file__).resolve().parents[2]
RATE, SLOTS, LEASE_S = 300.0, 6, 0.5
WORKER = f"""
import asyncio, json, sys
from domain.study import Priority
from inference.transport.allotment import Terms
from inference.transport.shared_limiter import SharedLimiter
from inference.transport.shared_limits import StoredLimits
from inference.transport.timing import LoopTiming
from records.database import Database
from records.endpoint_limits import EndpointLimitRecords
import time

async def main():
    timing, line = LoopTiming(), [(Priority.ROUTINE, 1)] * 5000
    terms = Terms({SLOTS}, {RATE}, lease_s={LEASE_S})
    limiter = SharedLimiter("e", terms, StoredLimits(EndpointLimitRecords(Database(sys.argv[1]))), timing)
    def dispatch():
        while line and limiter.wait_s(timing.monotonic(), 1) == 0:
            line.pop()
            limiter.enter(1, timing.monotonic())
            print(json.dumps(time.time()), flush=True)
            timing.call_later(0.005, end)
    def end():
        limiter.leave(0, timing.monotonic())
        dispatch()
    limiter.watch(dispatch, lambda: line)
    dispatch()
    await asyncio.sleep(float(sys.argv[2]))

asyncio.run(main())
"""


@pytest.mark.peer("postgresql")
def test_a_killed_worker_frees_its_share_and_nobody_gets_more_than_there_is(postgres_url: str) -> None:
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, postgres_url, "2"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    killed, *others = workers
    assert killed.stdout is not None
    killed.stdout.readline()
    time.sleep(0.5)
    killed.kill()
    starts = sorted(json.loads(line) for worker in workers for line in worker.communicate(timeout=20)[0].split())
    time.sleep(LEASE_S)
    database = Database(postgres_url)
    try:
        state: Allotment = asyncio.run(StoredLimits(EndpointLimitRecords(database)).states())["e"]
    finally:
        database.close()
    assert [worker.returncode for worker in others] == [0, 0]
    for first in range(0, len(starts), 20):
        for last in range(first, len(starts), 20):
            span = starts[last] - starts[first]
            assert last - first <= RATE * (span + 1.2) + 1, "spent within half a second, and the time of an answer"
    assert len(starts) >= 0.3 * RATE * (starts[-1] - starts[0])
    assert not state.leases, "nothing is held by who is gone"
