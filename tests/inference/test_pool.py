"""A model behind several endpoints, as its callers see it: shared, cached, retried elsewhere, counted, cancelled."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from domain.errors import ConfigurationError, ModelRefused, ModelUnreachable
from domain.privacy import Deidentified
from domain.study import Priority
from inference.transport.circuit import CircuitPolicy
from inference.transport.priority import at_priority
from inference.transport.quota import DailyQuota, QuotaAlert, QuotaExhausted
from inference.transport.result_cache import ResultCache
from inference.transport.retry import RetryPolicy
from inference.transport.traffic import CallRecord, collecting
from inference.transport.transport import Endpoint, EndpointTransport, Shared, open_client
from tests.inference.raw_server import RawServer, Received, answer, raw_server
from tests.inference.skipped_time import SkippedTime
from tests.inference.virtual_time import VirtualTime, settle


def body(name: str) -> Deidentified[bytes]:
    return Deidentified(json.dumps(name).encode(), "phantom")


class Clinic:
    """Two real servers, a client, and records of what happened."""

    def __init__(self, servers: dict[str, RawServer], client: httpx.AsyncClient) -> None:
        self.servers, self.client = servers, client
        self.status: dict[str, str] = dict.fromkeys(servers, "200 OK")
        self.head: dict[str, str] = dict.fromkeys(servers, "")
        self.open = asyncio.Event()
        self.open.set()
        self.records: list[CallRecord] = []
        self.time = SkippedTime()
        self.content = b"[1]"

    async def reply(self, name: str, writer: asyncio.StreamWriter) -> None:
        await self.open.wait()
        writer.write(answer(self.content, status=self.status[name], headers=self.head[name]))

    @property
    def waits(self) -> list[float]:
        return self.time.slept

    def transport(self, *names: str, shared: dict[str, Any] | None = None, **facts: Any) -> EndpointTransport:
        values = {"model": "M", "version": "7", **facts}
        options = {"on_call": self.records.append, "circuit": CircuitPolicy(failures=100), **(shared or {})}
        return EndpointTransport(
            [Endpoint(self.servers[n].url, name=n, **values) for n in names or ("a", "b")],
            self.client,
            policy=RetryPolicy(base_s=0.01),
            sleep=self.time.sleep,
            timing=self.time,
            shared=Shared(**options),
        )

    @property
    def asked(self) -> dict[str, int]:
        return {name: len(server.requests) for name, server in self.servers.items()}


@pytest.fixture
async def clinic() -> AsyncIterator[Clinic]:
    async with AsyncExitStack() as stack:
        made: list[Clinic] = []

        def replies(name: str) -> Any:
            async def reply(_: Received, writer: asyncio.StreamWriter) -> None:
                await made[0].reply(name, writer)

            return reply

        servers = {name: await stack.enter_async_context(raw_server(replies(name))) for name in ("a", "b")}
        made.append(Clinic(servers, await stack.enter_async_context(open_client(read_s=10))))
        yield made[0]


async def test_a_retry_goes_elsewhere_and_does_not_wait_for_who_asked_for_a_rest(clinic: Clinic) -> None:
    clinic.status["a"], clinic.head["a"] = "429 X", "retry-after: 50\r\n"
    transport = clinic.transport()
    for number in range(4):
        assert await transport.score(body(str(number))) == b"[1]"
    assert clinic.asked["b"] == 4
    assert max(clinic.waits, default=0) < 1.0
    assert sum(r.retries for r in clinic.records) == clinic.asked["a"] > 0


async def test_with_all_of_them_busy_the_rest_is_waited(clinic: Clinic) -> None:
    for name in "ab":
        clinic.status[name], clinic.head[name] = "429 X", "retry-after: 50\r\n"
    with pytest.raises(ModelUnreachable):
        await clinic.transport().score(body("x"))
    assert sum(clinic.asked.values()) == 3
    assert max(clinic.waits) > 49


@pytest.mark.parametrize("status", ["401 X", "404 X", "302 X"])
async def test_what_is_wrong_with_one_endpoint_is_tried_at_the_other_without_waiting(
    clinic: Clinic, status: str
) -> None:
    clinic.status["a"] = status
    assert await clinic.transport().score(body("x")) == b"[1]"
    assert clinic.asked == {"a": 1, "b": 1}
    assert clinic.waits == []
    clinic.status["b"] = status
    with pytest.raises(ModelRefused, match=status[:3]):
        await clinic.transport().score(body("x"))
    assert clinic.asked == {"a": 2, "b": 2}


async def test_what_is_wrong_with_the_request_is_not_tried_elsewhere(clinic: Clinic) -> None:
    clinic.status = dict.fromkeys("ab", "400 X")
    with pytest.raises(ModelRefused):
        await clinic.transport().score(body("x"))
    assert sum(clinic.asked.values()) == 1


async def test_an_open_circuit_moves_everything_and_all_open_fails_at_once(clinic: Clinic) -> None:
    clinic.status["a"] = "500 X"
    transport = clinic.transport(shared={"circuit": CircuitPolicy(failures=2, rest_s=1000)})
    for number in range(6):
        await transport.score(body(str(number)))
    assert clinic.asked == {"a": 2, "b": 6}
    clinic.status["b"] = "500 X"
    for number in range(3):
        with pytest.raises(ModelUnreachable):
            await transport.score(body(f"late {number}"))
    before = clinic.asked
    with pytest.raises(ModelUnreachable, match="next try is possible in"):
        await transport.score(body("later"))
    assert clinic.asked == before
    assert {state["circuit"] for state in transport.snapshot().values()} == {"open"}


async def test_identical_bodies_in_flight_are_one_request_with_a_stable_id(clinic: Clinic) -> None:
    clinic.open.clear()
    transport = clinic.transport("a")
    with collecting() as usage:
        tasks = [asyncio.create_task(transport.score(body("same"))) for _ in range(4)]
        other = asyncio.create_task(transport.score(body("other")))
        while clinic.asked["a"] < 2:
            await asyncio.sleep(0.005)
        tasks[0].cancel()
        clinic.open.set()
        results = await asyncio.gather(*tasks, other, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [b"[1]"] * 4
    assert clinic.asked["a"] == 2
    assert (usage.calls, usage.shared, usage.endpoints) == (4, 2, {transport.endpoint.label: 2})
    assert transport.traffic.snapshot()[transport.endpoint.label]["shared"] == 2
    clinic.status["a"] = "500 X"
    with pytest.raises(ModelUnreachable):
        await transport.score(body("same"))
    ids = [request.headers["x-ms-client-request-id"] for request in clinic.servers["a"].requests]
    again = [i for i in ids if i.rsplit("-", 1)[0] == ids[-1].rsplit("-", 1)[0]]
    assert [i.rsplit("-", 1)[1] for i in again] == ["1", "1", "2", "3"]


async def test_callers_that_share_a_failure_each_get_an_error(clinic: Clinic) -> None:
    clinic.status["a"] = "500 X"
    transport = clinic.transport("a")
    errors = await asyncio.gather(*(transport.score(body("x")) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in errors] == [ModelUnreachable] * 3
    assert len({str(error) for error in errors}) == 1
    assert len({id(error) for error in errors}) == 3
    assert clinic.asked["a"] == 3


async def test_cancelling_frees_slots_and_limits_at_once(clinic: Clinic) -> None:
    clinic.open.clear()
    transport = clinic.transport("a", concurrency=2)
    tasks = [asyncio.create_task(transport.score(body(str(n)))) for n in range(6)]
    while clinic.asked["a"] < 2:
        await asyncio.sleep(0.005)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    label = transport.endpoint.label
    assert transport.snapshot()[label] == {"circuit": "closed", "resting_s": 0.0, "in_flight": 0}
    clinic.open.set()
    assert await transport.score(body("next")) == b"[1]"


async def test_a_stat_call_overtakes_at_the_limiter(clinic: Clinic) -> None:
    clinic.open.clear()
    transport = clinic.transport("a", concurrency=1)
    tasks = [asyncio.create_task(transport.score(body(f"routine {n}"))) for n in range(3)]
    while not clinic.asked["a"]:
        await asyncio.sleep(0.005)
    with at_priority(Priority.STAT):
        tasks.append(asyncio.create_task(transport.score(body("stat"))))
    await settle()
    clinic.open.set()
    await asyncio.gather(*tasks)
    sent = [json.loads(request.body) for request in clinic.servers["a"].requests]
    assert sent == ["routine 0", "stat", "routine 1", "routine 2"]
    assert Counter(r.priority for r in clinic.records) == {Priority.ROUTINE: 3, Priority.STAT: 1}


async def test_the_cache_answers_again_and_never_with_an_error(clinic: Clinic) -> None:
    cache = ResultCache()
    transport = clinic.transport("a", shared={"cache": cache}, price_per_request=2.0)
    for content in (b'{"error": {"message": "no"}}', b'[{"image_features": "cut'):
        clinic.content = content
        for _ in range(2):
            assert await transport.score(body("x")) == content
    assert clinic.asked["a"] == 4
    clinic.content = b"[1]"
    with collecting() as usage:
        for _ in range(3):
            assert await transport.score(body("x")) == b"[1]"
    assert clinic.asked["a"] == 5
    assert (usage.calls, usage.cached, usage.cost) == (3, 2, 2.0)
    assert (cache.hits, cache.misses) == (2, 5)
    await transport.discard(body("x"))
    await transport.score(body("x"))
    assert clinic.asked["a"] == 6
    other = clinic.transport("a", shared={"cache": cache}, version="8")
    await other.score(body("x"))
    assert clinic.asked["a"] == 7, "another version is another answer"


async def test_quotas_alert_and_refuse(clinic: Clinic) -> None:
    alerts: list[QuotaAlert] = []
    time = VirtualTime()
    transport = clinic.transport("a", shared={"on_alert": alerts.append, "now": time.now}, daily=DailyQuota(requests=5))
    for number in range(5):
        await transport.score(body(str(number)))
    assert [(alert.used, alert.share) for alert in alerts] == [(4, 0.8), (5, 1.0)]
    with pytest.raises(QuotaExhausted):
        await transport.score(body("6"))
    assert clinic.asked["a"] == 5
    time.seconds = 12 * 3600.0
    assert await transport.score(body("6")) == b"[1]"


async def test_a_record_tells_what_a_call_used(clinic: Clinic) -> None:
    clinic.status["a"] = "503 X"
    transport = clinic.transport(price_per_request=1.0, price_per_s=0.0)
    for number in range(2):
        await transport.score(body(str(number)))
    retried = next(r for r in clinic.records if r.retries)
    assert (retried.status, retried.tries, retried.cost, retried.bytes_in) == ("ok", 2, 1.0, 3)
    assert retried.bytes_out == 2 * len(body("0").value)
    assert retried.endpoint == "b (localhost)"
    assert retried.latency_s > 0
    counters = transport.traffic.snapshot()
    assert counters["a (localhost)"]["failures"] == counters["a (localhost)"]["retries"] == clinic.asked["a"]
    assert counters["b (localhost)"]["requests"] == 2


async def test_an_observer_that_fails_costs_no_call(clinic: Clinic, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: CallRecord) -> None:
        raise RuntimeError("full disk")

    assert await clinic.transport("a", shared={"on_call": broken}).score(body("x")) == b"[1]"
    assert "observer" in caplog.text


async def test_only_endpoints_of_one_model_share_a_load() -> None:
    async with open_client() as client:
        first = Endpoint("https://a.example/score", name="a", model="M", version="7")
        for other in (
            [],
            [first, Endpoint("https://b.example/score", name="b", model="M", version="8")],
            [first, Endpoint("https://b.example/score", name="b", model="N", version="7")],
            [first, first],
        ):
            with pytest.raises(ConfigurationError):
                EndpointTransport(other, client)


async def test_a_pool_is_local_only_when_all_of_it_is() -> None:
    async with open_client() as client:
        near = Endpoint("http://127.0.0.1/score", name="a", model="M")
        far = Endpoint("https://b.example/score", name="b", model="M")
        assert not EndpointTransport([near, far], client).endpoint.local
        assert EndpointTransport([near], client).endpoint is near
        assert "2 endpoints" in EndpointTransport([near, far], client).endpoint.label
