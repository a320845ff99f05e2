"""What calls used: sums for a step, counters for an endpoint, quantiles that can be believed."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.study import Priority
from inference.transport.traffic import CallRecord, Histogram, Traffic, collect, collecting


def record(**facts: object) -> CallRecord:
    values = {"endpoint": "a", "model": "m", "request_id": "r", "priority": Priority.ROUTINE, "tries": 1} | facts
    return CallRecord(**values)  # type: ignore[arg-type]


async def test_a_step_sums_what_its_tasks_used_and_nobody_elses() -> None:
    async def work(cost: float) -> None:
        await asyncio.sleep(0)
        collect(record(cost=cost, bytes_out=10, tries=3))

    async def step(cost: float) -> float:
        with collecting() as usage:
            await asyncio.gather(*(work(cost) for _ in range(4)))
        assert (usage.calls, usage.retries, usage.bytes_out, usage.endpoints) == (4, 8, 40, {"a": 4})
        return usage.cost

    with collecting() as whole:
        assert await asyncio.gather(step(1.0), step(2.0)) == [4.0, 8.0]
    assert whole.cost == 12.0
    collect(record())
    assert whole.calls == 8


def test_cached_shared_and_failed_calls_are_told_apart() -> None:
    with collecting() as usage:
        collect(record(cached=True, tries=0))
        collect(record(shared=True, tries=0))
        collect(record(status="ModelUnreachable"))
    assert (usage.calls, usage.cached, usage.shared, usage.failures) == (3, 1, 1, 1)
    assert usage.endpoints == {"a": 1}


@given(st.lists(st.floats(0.001, 900), min_size=1, max_size=200), st.sampled_from([0.5, 0.95]))
def test_quantiles_are_within_six_percent(seconds: list[float], share: float) -> None:
    histogram = Histogram()
    for value in seconds:
        histogram.add(value)
    exact = float(np.quantile(seconds, share, method="inverted_cdf"))
    assert histogram.quantile_s(share) == pytest.approx(exact, rel=0.06)


def test_an_endpoints_snapshot_is_json_with_cumulative_buckets() -> None:
    traffic = Traffic()
    for seconds in (0.05, 0.2, 5000.0):
        traffic.of("a").tried(ok=True, latency_s=seconds, bytes_out=1, bytes_in=2, cost=0.5)
    traffic.of("a").tried(ok=False, latency_s=9.0, bytes_out=1, bytes_in=0, cost=0.0)
    snapshot = json.loads(json.dumps(traffic.snapshot()))["a"]
    assert (snapshot["requests"], snapshot["failures"], snapshot["bytes_in"], snapshot["cost"]) == (4, 1, 6, 1.5)
    buckets = {round(edge, 3): below for edge, below in snapshot["latency"]["buckets"]}
    assert (buckets[0.01], buckets[0.1], buckets[1.0], buckets[1000.0]) == (0, 1, 2, 2)
    assert snapshot["latency"]["count"] == 3


def test_nothing_yet() -> None:
    assert Histogram().quantile_s(0.95) == 0.0
