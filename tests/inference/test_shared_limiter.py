"""Several workers in front of one endpoint, in a time that stands still until the test moves it."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import Any, TypeVar

import pytest

from domain.study import Priority
from inference.transport.allotment import Allotment, Terms
from inference.transport.limits import Limits
from inference.transport.shared_limiter import CHUNK_S, LIFE_S, SharedLimiter
from inference.transport.shared_limits import Change, MemoryLimitStore, StoredLimits
from tests.inference.virtual_time import VirtualTime, settle

R = TypeVar("R")
MB = 1_000_000


class Store(MemoryLimitStore):
    """Counts its changes; can be away."""

    def __init__(self, time: VirtualTime) -> None:
        super().__init__(time.monotonic)
        self.changes, self.away = 0, False

    async def change(self, endpoint: str, work: Change[R]) -> R:
        self.changes += 1
        if self.away:
            raise ConnectionError("secret of the server")
        return await super().change(endpoint, work)


class Worker:
    """A line of calls in front of a limiter, and calls that take their time."""

    def __init__(self, site: Site) -> None:
        self.site, self.started = site, 0
        self.limiter: Limits = SharedLimiter("e", site.terms, StoredLimits(site.store), site.time)
        self.limiter.watch(self.dispatch, lambda: [(p, s) for p, s, _ in self.line])
        self.line: deque[tuple[Priority, int, float]] = deque()

    def call(self, size: int, seconds: float, priority: Priority = Priority.ROUTINE) -> None:
        entry = (priority, size, seconds)
        if priority is Priority.STAT:
            self.line.appendleft(entry)
        else:
            self.line.append(entry)
        self.dispatch()

    def dispatch(self) -> None:
        now = self.site.time.monotonic()
        while self.line and self.limiter.wait_s(now, self.line[0][1], self.line[0][0]) == 0:
            priority, size, seconds = self.line.popleft()
            self.limiter.enter(size, now)
            self.started += 1
            self.site.starts.append((now, size, priority))
            self.site.at_once = max(self.site.at_once, self.site.in_flight)
            self.site.time.call_later(seconds, self.end)

    def end(self) -> None:
        self.limiter.leave(0, self.site.time.monotonic())
        self.dispatch()


class Site:
    """Workers of one endpoint."""

    def __init__(self, terms: Terms, workers: int) -> None:
        self.time = VirtualTime()
        self.store = Store(self.time)
        self.terms = terms
        self.starts: list[tuple[float, int, Priority]] = []
        self.at_once = 0
        self.workers: list[Worker] = []
        self.workers += [Worker(self) for _ in range(workers)]

    @property
    def in_flight(self) -> int:
        return sum(worker.limiter.in_flight for worker in self.workers)

    async def state(self) -> Allotment:
        return (await StoredLimits(self.store).states())["e"]


async def test_one_call_goes_after_one_question_and_gives_everything_back() -> None:
    site = Site(Terms(8, 500, 5 * MB), 1)
    site.workers[0].call(1000, 0.1)
    await settle()
    assert site.workers[0].started == 1
    assert site.store.changes == 1
    await site.time.pass_by(2)
    assert not (await site.state()).leases
    assert site.store.changes <= 4
    await site.time.pass_by(100)
    assert site.store.changes <= 4, "who has nothing to do asks nothing"


@pytest.mark.parametrize("seed", range(6))
async def test_workers_together_keep_to_rate_and_slots_and_use_them(seed: int) -> None:
    chance = random.Random(seed)
    terms = Terms(16, 100, 1 * MB)
    site = Site(terms, chance.choice([2, 3, 5]))
    sizes = chance.choice([[1000], [40_000], [1000, 300_000]])
    for _ in range(900):
        chance.choice(site.workers).call(chance.choice(sizes), chance.uniform(0.01, 0.1))
    span_s = 8.0
    await site.time.pass_by(span_s)
    assert site.at_once <= terms.concurrency
    assert len(site.starts) <= terms.requests_per_s * (span_s + CHUNK_S + LIFE_S)  # type: ignore[operator]
    for first in range(0, len(site.starts), 7):
        count = total = 0
        for at, size, _ in site.starts[first:]:
            count, total = count + 1, total + size
            within = at - site.starts[first][0] + LIFE_S + 2 * CHUNK_S
            assert count <= 100 * within + 2
            assert total <= MB * within + 2 * max(sizes)
    sent = sum(size for _, size, _ in site.starts)
    assert len(site.starts) >= 0.85 * min(900, 100 * span_s) or sent >= 0.85 * MB * span_s
    assert site.store.changes <= span_s * 25 * len(site.workers)


async def test_workers_share_slots_evenly_and_what_one_leaves_the_other_takes() -> None:
    site = Site(Terms(4), 2)
    for worker in site.workers:
        for _ in range(400):
            worker.call(1, 0.5)
    await site.time.pass_by(20)
    one, two = (worker.started for worker in site.workers)
    assert site.at_once == 4
    assert min(one, two) >= 0.4 * (one + two)
    assert one + two >= 0.85 * 20 / 0.5 * 4
    site.workers[0].line.clear()
    before = site.workers[1].started
    await site.time.pass_by(10)
    assert site.workers[1].started - before >= 0.85 * 10 / 0.5 * 4


async def test_more_workers_than_slots_and_everybody_gets_on() -> None:
    site = Site(Terms(2), 5)
    for worker in site.workers:
        for _ in range(50):
            worker.call(1, 0.4)
    await site.time.pass_by(30)
    assert site.at_once == 2
    started = [worker.started for worker in site.workers]
    assert min(started) >= 0.6 * max(started)


async def test_a_killed_worker_s_slots_come_back() -> None:
    site = Site(Terms(2, lease_s=10), 2)
    dead, other = site.workers
    for _ in range(2):
        dead.call(1, 1e9)
    await settle()
    assert dead.started == 2
    other.call(1, 1)
    site.workers.remove(dead)
    limiter: Any = dead.limiter
    limiter._alarm.cancel()  # it is gone: nothing of it goes on
    await site.time.pass_by(9.5)
    assert other.started == 0
    await site.time.pass_by(1)
    assert other.started == 1


async def test_long_calls_keep_their_slots_with_few_questions() -> None:
    site = Site(Terms(1, lease_s=10), 2)
    site.workers[0].call(1, 120)
    await settle()
    before = site.store.changes
    await site.time.pass_by(60)
    assert site.store.changes - before <= 25
    site.workers[1].call(1, 1)
    await site.time.pass_by(55)
    assert site.workers[1].started == 0
    await site.time.pass_by(10)
    assert site.workers[1].started == 1


async def test_stat_starts_at_once_while_another_worker_uses_everything() -> None:
    site = Site(Terms(8, 100, 1 * MB), 2)
    for _ in range(500):
        site.workers[0].call(60_000, 1.0)
    await site.time.pass_by(3)
    for _ in range(8):
        asked = site.time.monotonic()
        site.workers[1].call(50_000, 0.2, Priority.STAT)
        await site.time.pass_by(1)
        started = [at for at, _, priority in site.starts if priority is Priority.STAT and at >= asked]
        assert started, "at the latest within a second"
        assert started[0] - asked <= 0.3


@pytest.mark.parametrize("rate", [100, None])
async def test_a_429_that_one_worker_got_stops_all(rate: float | None) -> None:
    site = Site(Terms(4, rate), 2)
    for worker in site.workers:
        for _ in range(400):
            worker.call(1, 0.1)
    await site.time.pass_by(2)
    told = site.time.monotonic()
    site.workers[0].limiter.back_off(5, told)
    await site.time.pass_by(8)
    assert not [at for at, _, _ in site.starts if told + LIFE_S < at < told + 5]
    assert [at for at, _, _ in site.starts if told + 5 <= at < told + 5.3]


async def test_without_the_store_each_worker_keeps_to_its_share(caplog: pytest.LogCaptureFixture) -> None:
    site = Site(Terms(4, 20), 2)
    for worker in site.workers:
        for _ in range(400):
            worker.call(1, 0.1)
    await site.time.pass_by(2)
    site.store.away = True
    before = len(site.starts)
    await site.time.pass_by(10)
    assert 0.6 * 200 <= len(site.starts) - before <= 1.1 * 200
    assert len(caplog.records) == 2, "one line a worker"
    assert "secret" not in caplog.text
    site.store.away = False
    before = len(site.starts)
    await site.time.pass_by(10)
    assert 0.8 * 200 <= len(site.starts) - before <= 1.1 * 200
    assert len((await site.state()).leases) == 2


async def test_cancelling_everything_leaves_no_task_behind() -> None:
    site = Site(Terms(1), 1)
    site.workers[0].call(1, 0.1)
    await site.time.pass_by(5)
    assert len(asyncio.all_tasks()) == 1
