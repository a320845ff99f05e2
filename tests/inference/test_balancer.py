"""Who goes when and where: priorities, limits, weights, circuits and quotas in one queue, in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from itertools import pairwise

import httpx
import pytest

from domain.errors import ModelUnreachable
from domain.study import Priority
from inference.transport.balancer import Admission, Ask, Balancer, Route
from inference.transport.circuit import Circuit, CircuitPolicy
from inference.transport.endpoint import Endpoint
from inference.transport.exchange import Exchange
from inference.transport.limits import Limiter
from inference.transport.priority import Urgency
from inference.transport.quota import DailyQuota, MemoryQuotaStore, Quota, QuotaExhausted
from tests.inference.virtual_time import VirtualTime, settle


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as opened:
        yield opened


class Ward:
    """Routes and a balancer, and what they let in."""

    def __init__(self, time: VirtualTime, client: httpx.AsyncClient, *endpoints: Endpoint) -> None:
        self.time = time
        store = MemoryQuotaStore()
        self.routes = [
            Route(
                Exchange(e, client),
                Limiter(e.concurrency, e.requests_per_s, e.bytes_per_s),
                Circuit(CircuitPolicy(failures=2, rest_s=10), time.monotonic),
                Quota(e.label, e.daily, store=store, now=time.now),
            )
            for e in endpoints
        ]
        self.balancer = Balancer("model", self.routes, time)
        self.order: list[str] = []
        self.admissions: list[Admission] = []

    def ask(self, name: str = "", priority: Priority = Priority.ROUTINE, size: int = 1) -> asyncio.Task[Admission]:
        """A call in a task; its name is noted when it is let in."""
        return self.ask_for(name, Ask(size, Urgency(priority)))

    def ask_for(self, name: str, ask: Ask) -> asyncio.Task[Admission]:
        async def go() -> Admission:
            admission = await self.balancer.admit(ask)
            self.order.append(name)
            self.admissions.append(admission)
            return admission

        return asyncio.create_task(go())

    def finish(self, admission: Admission, ok: bool = True) -> None:
        (admission.route.circuit.success if ok else admission.route.circuit.failure)(admission.ticket)
        self.balancer.release(admission)

    async def drain(self) -> None:
        """End one call after the other until nobody is left."""
        while self.admissions:
            self.finish(self.admissions.pop(0))
            await settle()


def named(name: str, **facts: object) -> Endpoint:
    return Endpoint(f"https://{name}.example/score", name=name, **facts)  # type: ignore[arg-type]


async def test_stat_overtakes_and_inside_a_priority_the_first_is_first(
    time: VirtualTime, client: httpx.AsyncClient
) -> None:
    ward = Ward(time, client, named("a", concurrency=1))
    asked = [
        ward.ask("first"),
        *(ward.ask(f"routine {n}") for n in range(3)),
        ward.ask("research", Priority.RESEARCH),
        ward.ask("urgent", Priority.URGENT),
        *(ward.ask(f"stat {n}", Priority.STAT) for n in range(2)),
    ]
    await settle()
    assert ward.order == ["first"]
    await ward.drain()
    assert ward.order == ["first", "stat 0", "stat 1", "urgent", *(f"routine {n}" for n in range(3)), "research"]
    assert all(task.done() for task in asked)


async def test_a_waiting_call_that_becomes_urgent_moves_up_once(time: VirtualTime, client: httpx.AsyncClient) -> None:
    ward = Ward(time, client, named("a", concurrency=1))
    urgency = Urgency(Priority.RESEARCH)
    ward.ask("first")
    ward.ask("routine")
    ward.ask_for("raised", Ask(1, urgency))
    await settle()
    urgency.raise_to(Priority.STAT)
    urgency.raise_to(Priority.ROUTINE)
    await ward.drain()
    assert ward.order == ["first", "raised", "routine"]
    assert ward.routes[0].limiter.in_flight == 0


async def test_cancelled_waiters_leave_no_hole(time: VirtualTime, client: httpx.AsyncClient) -> None:
    ward = Ward(time, client, named("a", concurrency=2))
    asked = [ward.ask(str(n)) for n in range(6)]
    await settle()
    for number in (2, 4):
        asked[number].cancel()
    await settle()
    await ward.drain()
    assert ward.order == ["0", "1", "3", "5"]
    assert ward.routes[0].limiter.in_flight == 0


async def test_a_cancel_in_the_moment_of_admission_gives_the_place_back(
    time: VirtualTime, client: httpx.AsyncClient
) -> None:
    ward = Ward(time, client, named("a", concurrency=1))
    ward.ask("0")
    second, third = ward.ask("1"), ward.ask("2")
    await settle()
    ward.finish(ward.admissions.pop())
    second.cancel()
    await settle()
    assert ward.order == ["0", "2"]
    assert second.cancelled()
    assert third.done()


@pytest.mark.parametrize(("limits", "size"), [({"requests_per_s": 10.0}, 1), ({"bytes_per_s": 1000.0}, 100)])
async def test_rates_are_kept_without_bursts(
    time: VirtualTime, client: httpx.AsyncClient, limits: dict[str, float], size: int
) -> None:
    ward = Ward(time, client, named("a", concurrency=1000, **limits))
    for _ in range(50):
        ward.ask(size=size)
    counts = []
    for _ in range(4):
        await time.pass_by(1.0)
        counts.append(len(ward.admissions))
    assert 10 <= counts[0] <= 11
    assert [b - a for a, b in pairwise(counts)] == [10, 10, 10]


async def test_a_large_call_at_the_head_is_not_starved_by_small_ones(
    time: VirtualTime, client: httpx.AsyncClient
) -> None:
    ward = Ward(time, client, named("a", concurrency=100, bytes_per_s=100.0))
    ward.ask("before", size=100)
    ward.ask("large", size=500)
    for number in range(5):
        ward.ask(f"small {number}")
    await time.pass_by(1.5)
    assert ward.order == ["before", "large"]
    await time.pass_by(6.0)
    assert ward.order[2] == "small 0"


async def test_load_follows_concurrency_and_measured_speed(time: VirtualTime, client: httpx.AsyncClient) -> None:
    ward = Ward(time, client, named("wide", concurrency=16), named("narrow", concurrency=4))
    for _ in range(10):
        ward.ask()
    await settle()
    assert Counter(a.route.label[:4] for a in ward.admissions) == {"wide": 8, "narr": 2}
    await ward.drain()
    ward.routes[0].measured(1.0)
    ward.routes[1].measured(0.1)
    for _ in range(5):
        ward.ask()
    await settle()
    assert Counter(a.route.label[:4] for a in ward.admissions) == {"narr": 4, "wide": 1}


async def test_open_circuits_are_passed_by_and_all_open_says_when(time: VirtualTime, client: httpx.AsyncClient) -> None:
    ward = Ward(time, client, named("a"), named("b"))
    for number in (0, 1):
        circuit = ward.routes[number].circuit
        for _ in range(2):
            circuit.failure(circuit.enter())
        time.seconds += 1.0
        if number == 0:
            assert (await ward.ask()).route is ward.routes[1]
    with pytest.raises(ModelUnreachable, match=r"All 2 endpoints rest.*8 s") as caught:
        await ward.ask()
    assert caught.value.remedy


async def test_after_the_rest_one_probe_goes_and_the_others_wait_for_its_outcome(
    time: VirtualTime, client: httpx.AsyncClient
) -> None:
    ward = Ward(time, client, named("a"))
    circuit = ward.routes[0].circuit
    for _ in range(2):
        circuit.failure(circuit.enter())
    time.seconds = 10.0
    asked = [ward.ask(str(n)) for n in range(4)]
    await settle()
    assert ward.order == ["0"]
    ward.finish(ward.admissions.pop(), ok=False)
    await settle()
    for task in asked[1:]:
        assert isinstance(task.exception(), ModelUnreachable)
    time.seconds += circuit.resting_s
    asked = [ward.ask(str(n)) for n in range(4)]
    await settle()
    asked[0].cancel()
    ward.finish(ward.admissions.pop())
    await settle()
    assert ward.order == ["0", "0", "1", "2", "3"]


async def test_a_route_that_comes_back_helps_a_queue_that_waits_for_another(
    time: VirtualTime, client: httpx.AsyncClient
) -> None:
    ward = Ward(time, client, named("a", concurrency=1), named("b", concurrency=1))
    circuit = ward.routes[1].circuit
    for _ in range(2):
        circuit.failure(circuit.enter())
    ward.ask("0")
    ward.ask("1")
    await settle()
    assert ward.order == ["0"]
    await time.pass_by(10.5)
    assert ward.order == ["0", "1"]


async def test_a_retry_waits_for_another_endpoint_and_lets_others_pass(
    time: VirtualTime, client: httpx.AsyncClient
) -> None:
    ward = Ward(time, client, named("a", concurrency=1), named("b", concurrency=1))
    a, b = ward.routes
    busy = await ward.ask_for("busy", Ask(1, Urgency(Priority.ROUTINE), avoid=frozenset({a})))
    assert busy.route is b
    ward.ask_for("retry", Ask(1, Urgency(Priority.ROUTINE), avoid=frozenset({a})))
    ward.ask("later")
    await settle()
    assert ward.order == ["busy", "later"]
    ward.finish(busy)
    await settle()
    assert ward.order == ["busy", "later", "retry"]
    assert ward.admissions[-1].route is b


async def test_where_no_other_is_left_the_same_endpoint_is_asked_again(
    time: VirtualTime, client: httpx.AsyncClient
) -> None:
    ward = Ward(time, client, named("a"))
    admission = await ward.ask_for("", Ask(1, Urgency(Priority.ROUTINE), avoid=frozenset(ward.routes)))
    assert admission.route is ward.routes[0]


async def test_quotas_move_calls_to_others_and_then_refuse(time: VirtualTime, client: httpx.AsyncClient) -> None:
    ward = Ward(
        time,
        client,
        named("a", concurrency=20, daily=DailyQuota(requests=3)),
        named("b", concurrency=20, daily=DailyQuota(bytes=100)),
    )
    for _ in range(13):
        await ward.ask(size=10)
    assert Counter(a.route.label[0] for a in ward.admissions) == {"a": 3, "b": 10}
    with pytest.raises(QuotaExhausted):
        await ward.ask(size=10)
