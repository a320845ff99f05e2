"""Two workers' transports in front of one endpoint, over HTTP: slots, a 429 and the day's quota hold for both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from domain.errors import ModelRefused
from domain.privacy import Deidentified
from domain.study import Priority
from inference.transport.endpoint import Endpoint
from inference.transport.priority import at_priority
from inference.transport.quota import DailyQuota, MemoryQuotaStore
from inference.transport.shared import Shared
from inference.transport.shared_limits import MemoryLimitStore, StoredLimits
from inference.transport.transport import EndpointTransport


class Server:
    """Counts calls at once; can say 429."""

    def __init__(self) -> None:
        self.at_once = self.most = self.calls = 0
        self.throttled = 0
        self.times: list[float] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        self.times.append(asyncio.get_running_loop().time())
        if self.throttled:
            self.throttled -= 1
            return httpx.Response(429, headers={"retry-after": "0.4"}, stream=httpx.ByteStream(b"{}"))
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(0.01)
        self.at_once -= 1
        return httpx.Response(200, stream=httpx.ByteStream(b'{"ok": 1}'))


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(server)) as opened:
        yield opened


def workers(client: httpx.AsyncClient, endpoint: Endpoint, count: int = 2) -> list[EndpointTransport]:
    limits, quotas = StoredLimits(MemoryLimitStore()), MemoryQuotaStore()
    return [
        EndpointTransport(
            endpoint,
            client,
            shared=Shared(limits=limits, quotas=quotas, now=lambda: datetime(2031, 3, 1, tzinfo=UTC)),
        )
        for _ in range(count)
    ]


def body(number: int) -> Deidentified[bytes]:
    return Deidentified(b"pixels %d" % number, "test")


async def test_calls_in_flight_of_all_workers_keep_to_the_endpoint_s(server: Server, client: httpx.AsyncClient) -> None:
    both = workers(client, Endpoint("https://x.test/score", concurrency=3))
    await asyncio.gather(*(both[n % 2].score(body(n)) for n in range(40)))
    assert (server.calls, server.most) == (40, 3)
    assert [t.snapshot()["x.test"]["in_flight"] for t in both] == [0, 0]


async def test_one_s_429_is_everybody_s_rest(server: Server, client: httpx.AsyncClient) -> None:
    one, two = workers(client, Endpoint("https://x.test/score", concurrency=3))
    server.throttled = 1
    first = asyncio.create_task(one.score(body(1)))
    while not server.calls:
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.02)
    await asyncio.gather(first, two.score(body(2)))
    assert server.times[1] - server.times[0] >= 0.35


async def test_a_used_up_day_stops_all_workers_but_not_stat(server: Server, client: httpx.AsyncClient) -> None:
    one, two = workers(client, Endpoint("https://x.test/score", daily=DailyQuota(requests=2)))
    await one.score(body(1))
    await two.score(body(2))
    with pytest.raises(ModelRefused, match="2 requests"):
        await two.score(body(3))
    with at_priority(Priority.STAT):
        await two.score(body(3))
    assert server.calls == 3
