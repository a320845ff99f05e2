"""What workers share of endpoints on record: one change after the other, whoever makes it, on both databases."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import pytest

from inference.transport.allotment import Terms, Wanted
from inference.transport.shared_limits import StoredLimits
from records.database import Database
from records.endpoint_limits import EndpointLimitRecords

ONE = (0, 0, 1, 0)


async def test_no_change_is_lost_when_many_are_made_at_once(database: Database) -> None:
    store = EndpointLimitRecords(database)

    def more(document: Any, now: float) -> tuple[dict[str, Any], float]:
        return {"count": document.get("count", 0) + 1}, now

    times = await asyncio.gather(*(store.change("e", more) for _ in range(40)))
    documents, now = await store.all()
    assert documents == {"e": {"count": 40}}
    assert max(times) <= now
    assert abs(now - time.time()) < 60


@pytest.mark.parametrize("seed", range(2))
async def test_workers_in_real_time_never_get_more_than_the_rate_and_the_slots(database: Database, seed: int) -> None:
    """Each worker has connections of its own in real life; here each is a task, and they truly run at once."""
    store = EndpointLimitRecords(database)
    limits, terms = StoredLimits(store), Terms(concurrency=6, requests_per_s=200, bytes_per_s=1e5)
    chance = random.Random(seed)
    held: dict[str, int] = {}
    granted = requests = 0.0
    started = (await store.all())[1]

    async def worker(name: str) -> None:
        nonlocal granted, requests
        for _ in range(20):
            using = held.get(name, 0)
            grant = await limits.acquire("e", terms, Wanted(name, using, (0, 0, 3, 0), 5, 2000, 1, 500))
            granted, requests = granted + grant.bytes, requests + grant.requests
            held[name] = max(using, grant.slots)
            assert sum(held.values()) <= terms.concurrency
            held[name] = chance.randint(0, held[name])
            if chance.random() < 0.1:
                await limits.release("e", name)
                held[name] = 0

    await asyncio.gather(*(worker(f"w{number}") for number in range(4)))
    span = (await store.all())[1] - started
    assert 0 < granted <= 1e5 * (span + 0.03) + 4000
    assert 0 < requests <= 200 * (span + 0.03) + 10


async def test_a_killed_worker_s_slots_return_and_a_rest_is_everybody_s(database: Database) -> None:
    limits, terms = StoredLimits(EndpointLimitRecords(database)), Terms(concurrency=1, lease_s=0.3)
    assert (await limits.acquire("e", terms, Wanted("dead", 0, ONE, 1, 1))).slots == 1
    assert (await limits.acquire("e", terms, Wanted("b", 0, ONE, 1, 1))).slots == 0
    assert (await limits.states())["e"].waiting == 2
    await asyncio.sleep(0.35)
    assert (await limits.acquire("e", terms, Wanted("b", 0, ONE, 1, 1))).slots == 1
    await limits.back_off("e", 9)
    grant = await limits.acquire("e", terms, Wanted("b", 0, ONE, 1, 1))
    assert grant.requests == 0
    assert 8 < grant.wait_s <= 9


async def test_what_is_on_record_outlasts_the_process(database: Database) -> None:
    terms = Terms(concurrency=4, requests_per_s=1)
    await StoredLimits(EndpointLimitRecords(database)).acquire("e", terms, Wanted("a", 0, ONE, 3, 1))
    again = Database(database.engine.url.render_as_string(hide_password=False))
    try:
        state = (await StoredLimits(EndpointLimitRecords(again)).states())["e"]
    finally:
        again.close()
    assert state.leases["a"].slots == 1
    assert state.terms["concurrency"] == 4
