"""Calls to a model behind one or several scoring endpoints: bounded in time, size, rate and cost.

A body goes through: result cache → one flight for identical bodies → queue by priority, limits, quota and circuit
(`balancer`) → one request (`exchange`) → retry, at another endpoint where there is one. It knows nothing about
what the bytes mean.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from hashlib import sha256

import httpx

from domain.errors import ConfigurationError, ModelError
from domain.privacy import Deidentified
from inference.transport.allotment import Terms
from inference.transport.balancer import Admission, Balancer, Route
from inference.transport.call import Call, Outcome
from inference.transport.circuit import Circuit
from inference.transport.client import open_client
from inference.transport.endpoint import IN_PROCESS_HOST, LARGEST_ANSWER, Endpoint
from inference.transport.exchange import Answer, Exchange, Failed
from inference.transport.limits import Limiter, Limits
from inference.transport.priority import Urgency, current_priority
from inference.transport.quota import MemoryQuotaStore, Quota
from inference.transport.result_cache import CacheKey
from inference.transport.retry import RetryPolicy
from inference.transport.shared import Shared, guarded
from inference.transport.shared_limiter import SharedLimiter
from inference.transport.single_flight import SingleFlight
from inference.transport.timing import LoopTiming, Timing
from inference.transport.traffic import CallRecord, Traffic, collect

__all__ = ["IN_PROCESS_HOST", "LARGEST_ANSWER", "Endpoint", "EndpointTransport", "Shared", "open_client"]

_LARGE = 4 << 20

Sleep = Callable[[float], Awaitable[None]]


class EndpointTransport:
    """Sends prebuilt bodies to a model.

    Args:
        endpoint: where it is; several that serve the same model in the same version share the load.
        sleep, chance, timing: how waits pass and how they are spread; injected so that a test needs no patience.

    Raises:
        ConfigurationError: endpoints that are not one model, or cannot be told apart.
    """

    def __init__(
        self,
        endpoint: Endpoint | Sequence[Endpoint],
        client: httpx.AsyncClient,
        *,
        policy: RetryPolicy | None = None,
        sleep: Sleep = asyncio.sleep,
        chance: random.Random | None = None,
        shared: Shared | None = None,
        timing: Timing | None = None,
    ) -> None:
        self.endpoints = (endpoint,) if isinstance(endpoint, Endpoint) else tuple(endpoint)
        _check(self.endpoints)
        self._model = self.endpoints[0].served_model
        self._policy = policy or RetryPolicy()
        self._sleep = sleep
        self._chance = chance or random.Random()  # noqa: S311 - jitter, not a secret
        self._shared = shared or Shared()
        self._timing = timing or LoopTiming()
        self.traffic = self._shared.traffic or Traffic()
        self._balancer = Balancer(self._model, self._routes(client), self._timing)
        self._flights: SingleFlight[Outcome] = SingleFlight()

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint; of several one that stands for all, which is local only when all are."""
        if len(self.endpoints) == 1:
            return self.endpoints[0]
        first = next((e for e in self.endpoints if not e.local), self.endpoints[0])
        return replace(first, name=f"{self._model}, {len(self.endpoints)} endpoints")

    async def score(self, body: Deidentified[bytes]) -> bytes:
        """The answer's bytes to a JSON body. A slot is held while a request is in flight, not while it waits.

        Raises:
            ModelUnreachable: no answer after all tries, or every endpoint rests after failures.
            ModelRefused: a status that another try will not change; a quota that is used up.
            ModelResponseInvalid: an answer that broke off, or is larger than any answer can be.
        """
        digest = await _digest(body.value)
        cached = await self._cached(digest)
        if cached is not None:
            return cached
        outcome = await self._flights.run(
            digest, current_priority.get(), lambda urgency: self._call(body.value, digest, urgency)
        )
        record, error = outcome.claim()
        self._tell(record)
        if record.shared:
            self.traffic.of(record.endpoint).shared += 1
        if error is not None:
            raise error
        return outcome.answer

    async def discard(self, body: Deidentified[bytes]) -> None:
        """Forget the cached answer to a body: it breaks the model's contract."""
        if self._shared.cache is not None:
            digest = await _digest(body.value)
            for endpoint in self.endpoints:
                await self._shared.cache.discard(_key(endpoint, digest))

    def snapshot(self) -> dict[str, dict[str, object]]:
        """What holds now for each endpoint, by label: circuit's state, seconds of rest left, calls in flight."""
        return {
            route.label: {
                "circuit": route.circuit.state.value,
                "resting_s": route.circuit.resting_s,
                "in_flight": route.limiter.in_flight,
            }
            for route in self._balancer.routes
        }

    def _routes(self, client: httpx.AsyncClient) -> list[Route]:
        store = self._shared.quotas or MemoryQuotaStore()
        alert = guarded(self._shared.on_alert)
        return [
            Route(
                Exchange(e, client),
                self._limits(e),
                Circuit(self._shared.circuit, self._timing.monotonic),
                Quota(e.label, e.daily, store=store, now=self._shared.now, on_alert=alert),
            )
            for e in self.endpoints
        ]

    def _limits(self, endpoint: Endpoint) -> Limits:
        limits = endpoint.concurrency, endpoint.requests_per_s, endpoint.bytes_per_s
        if self._shared.limits is None or endpoint.host == IN_PROCESS_HOST:
            return Limiter(*limits)
        return SharedLimiter(endpoint.label, Terms(*limits), self._shared.limits, self._timing)

    async def _call(self, body: bytes, digest: str, urgency: Urgency) -> Outcome:
        call = Call(self._model, body, digest, urgency)
        try:
            answer, route = await self._tries(call)
        except ModelError as error:
            return Outcome(call.record(type(error).__name__), error=error)
        if self._shared.cache is not None and _whole(answer):
            await self._shared.cache.put(_key(route.exchange.endpoint, digest), answer)
        return Outcome(call.record("ok"), answer)

    async def _tries(self, call: Call) -> tuple[bytes, Route]:
        while True:
            admission = await self._admit(call)
            try:
                answer = await self._try(call, admission)
                return answer.content, admission.route
            except Failed as failed:
                wait_s = self._patience(call, admission.route, failed)
            if wait_s:
                call.waited_s += wait_s
                await self._sleep(wait_s)

    async def _admit(self, call: Call) -> Admission:
        try:
            admission = await self._balancer.admit(call.ask)
        except ModelError:
            if call.error is not None:
                raise call.error from None
            raise
        call.queue_s += admission.queue_s
        call.tries += 1
        call.endpoint = admission.route.label
        self.traffic.of(call.endpoint).queue.add(admission.queue_s)
        return admission

    async def _try(self, call: Call, admission: Admission) -> Answer:
        route, ticket, received, ok = admission.route, admission.ticket, 0, False
        started = self._timing.monotonic()
        try:
            answer = await route.exchange.send(call.body, call.request_id)
            received, ok = answer.wire_bytes, True
            route.circuit.success(ticket)
            route.measured(self._timing.monotonic() - started)
            return answer
        except Failed as failed:
            if failed.throttled and failed.asked_s:
                route.limiter.back_off(failed.asked_s, self._timing.monotonic())
            (route.circuit.success if failed.healthy else route.circuit.failure)(ticket)
            raise
        finally:
            route.circuit.abandon(ticket)
            self._account(call, route, self._timing.monotonic() - started, received, ok)
            self._balancer.release(admission, received)

    def _account(self, call: Call, route: Route, seconds: float, received: int, ok: bool) -> None:
        endpoint = route.exchange.endpoint
        cost = seconds * endpoint.price_per_s + ok * endpoint.price_per_request
        call.latency_s += seconds
        call.bytes_in += received
        call.cost += cost
        if cost:
            route.quota.charge(0, 0, cost)
        self.traffic.of(route.label).tried(
            ok=ok, latency_s=seconds, bytes_out=len(call.body), bytes_in=received, cost=cost
        )

    def _patience(self, call: Call, route: Route, failed: Failed) -> float:
        """Seconds until the next try; the failure's error when there is none."""
        call.failed_at(route, failed.error, rest_s=failed.asked_s or 0.0, for_good=not failed.again)
        elsewhere = failed.elsewhere and self._balancer.open_elsewhere(call.ask)
        if not (failed.again or elsewhere):
            raise failed.error
        rest_s = 0.0 if elsewhere else call.settle_for(route)
        wait_s = self._policy.wait_s(call.failures, rest_s or None, self._chance, call.spent_s)
        if wait_s is None:
            raise failed.error
        self.traffic.of(route.label).retries += 1
        return wait_s if failed.again else 0.0

    async def _cached(self, digest: str) -> bytes | None:
        cache = self._shared.cache
        if cache is None:
            return None
        answer = None
        for endpoint in {e.deployment: e for e in self.endpoints}.values():
            answer = await cache.get(_key(endpoint, digest))
            if answer is not None:
                self.traffic.of(endpoint.label).cache_hits += 1
                self._tell(CallRecord(endpoint.label, self._model, "", current_priority.get(), cached=True))
                break
        cache.count(answer is not None)
        return answer

    def _tell(self, record: CallRecord) -> None:
        collect(record)
        observe = guarded(self._shared.on_call)
        if observe is not None:
            observe(record)


def _check(endpoints: Sequence[Endpoint]) -> None:
    if not endpoints:
        raise ConfigurationError("A model without an endpoint.", where="models endpoints")
    where = endpoints[0].served_model
    if len({(e.served_model, e.version) for e in endpoints}) > 1:
        raise ConfigurationError("Endpoints that share a load must serve one model in one version.", where=where)
    if len({e.label for e in endpoints}) < len(endpoints):
        raise ConfigurationError("Endpoints that share a load need different names.", where=where)


def _key(endpoint: Endpoint, digest: str) -> CacheKey:
    return CacheKey(endpoint.served_model, endpoint.version, endpoint.deployment, digest)


async def _digest(body: bytes) -> str:
    """SHA-256; of volumes in a thread, since theirs takes long enough for others to notice."""
    if len(body) > _LARGE:
        return await asyncio.to_thread(lambda: sha256(body).hexdigest())
    return sha256(body).hexdigest()


def _whole(answer: bytes) -> bool:
    """It looks like a result: closed at its end, and no error that came with status 200."""
    start, end = answer[:64].lstrip(), answer[-64:].rstrip()
    if start.startswith((b'{"error"', b'{"message"')):
        return False
    return (start[:1], end[-1:]) in ((b"[", b"]"), (b"{", b"}"))
