"""The client against a real endpoint: what is sent, what is tried again, and what an error says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from domain.errors import (
    ConfigurationError,
    MedImageError,
    ModelError,
    ModelRefused,
    ModelResponseInvalid,
    ModelUnreachable,
)
from inference.medimageparse import MedImageParse
from inference.transport.retry import RetryPolicy, retry_after_s
from inference.transport.transport import Endpoint, EndpointTransport, open_client
from tests.inference.endpoint_server import Behaviour, disc, endpoint_server, rectangle
from tests.inference.skipped_time import SkippedTime
from tests.inference.support import dice, image_of, until

KEY = "s3cr3t-key"
LEFT, RIGHT = rectangle(0.2, 0.1, 0.5, 0.4, "lung"), disc(0.5, 0.7, 0.2, "liver")


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour(shapes={"left": LEFT, "right": RIGHT}, key=KEY)


@pytest.fixture
def url(behaviour: Behaviour) -> Iterator[str]:
    with endpoint_server(behaviour) as address:
        yield address


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(read_s=0.5) as opened:
        yield opened


def model_of(url: str, client: httpx.AsyncClient, waits: SkippedTime | None = None, **endpoint: str) -> MedImageParse:
    time = waits or SkippedTime()
    facts = Endpoint(url, **{"key": KEY, "name": "ward", **endpoint})
    return MedImageParse(EndpointTransport(facts, client, sleep=time.sleep, timing=time))


IMAGE = image_of(np.zeros((1024, 1024), np.uint8))


@pytest.mark.parametrize("values", ["binary", "binary255", "soft"])
@pytest.mark.parametrize("features", ["string", "object", "single"])
@pytest.mark.parametrize("newlines", [False, True])
async def test_masks_come_in_the_order_of_prompts(
    behaviour: Behaviour, url: str, client: httpx.AsyncClient, values: str, features: str, newlines: bool
) -> None:
    behaviour.values, behaviour.features, behaviour.newlines = values, features, newlines
    answer = await model_of(url, client).segment(IMAGE, ["right", "left"])
    assert answer.kind == values
    assert answer.categories == ("liver", "lung")
    for mask, shape in zip(answer.probability > 0.5, (RIGHT, LEFT), strict=True):
        assert dice(mask, shape.in_source(1024, 1024)) == 1.0


async def test_headers(behaviour: Behaviour, url: str, client: httpx.AsyncClient) -> None:
    await model_of(url, client, deployment="blue").segment(IMAGE, ["left"])
    headers = behaviour.requests[0]["headers"]
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["azureml-model-deployment"] == "blue"
    assert headers["content-type"] == "application/json"
    assert int(headers["content-length"]) > 0
    assert "transfer-encoding" not in headers


@pytest.mark.parametrize("fault", ["500", "503", "408", "reset", "slow", "cut"])
async def test_what_may_pass_is_tried_again(
    behaviour: Behaviour, url: str, client: httpx.AsyncClient, fault: str
) -> None:
    behaviour.faults, behaviour.slow_s = [fault, fault], 1.0
    waits = SkippedTime()
    answer = await model_of(url, client, waits).segment(IMAGE, ["left"])
    assert answer.probability.any()
    assert len(behaviour.requests) == 3
    assert len(waits.slept) == 2
    assert waits.slept[0] <= 0.5
    assert waits.slept[1] <= 1.0


async def test_retry_after_is_honoured(behaviour: Behaviour, url: str, client: httpx.AsyncClient) -> None:
    behaviour.faults = ["429"]
    waits = SkippedTime()
    await model_of(url, client, waits).segment(IMAGE, ["left"])
    assert 7.0 <= waits.slept[0] <= 7.5


@pytest.mark.parametrize(
    ("fault", "kind", "tries"),
    [
        ("500", ModelUnreachable, 3),
        ("429", ModelUnreachable, 3),
        ("reset", ModelUnreachable, 3),
        ("slow", ModelUnreachable, 3),
        ("400", ModelRefused, 1),
        ("403", ModelRefused, 1),
        ("404", ModelRefused, 1),
        ("307", ModelRefused, 1),
        ("cut", ModelResponseInvalid, 3),
        ("error_200", ModelResponseInvalid, 1),
        ("malformed", ModelResponseInvalid, 1),
        ("truncated", ModelResponseInvalid, 1),
        ("wrong_shape", ModelResponseInvalid, 1),
        ("wrong_count", ModelResponseInvalid, 1),
        ("nan", ModelResponseInvalid, 1),
    ],
)
async def test_a_failure_has_its_kind_and_tells_no_secret(
    behaviour: Behaviour, url: str, client: httpx.AsyncClient, fault: str, kind: type[ModelError], tries: int
) -> None:
    behaviour.faults, behaviour.slow_s = [fault] * 5, 1.0
    with pytest.raises(kind) as caught:
        await model_of(url, client).segment(IMAGE, ["left"])
    assert type(caught.value) is kind
    assert len(behaviour.requests) == tries
    text = str(caught.value) + repr(caught.value)
    assert "ward (127.0.0.1)" in text
    assert KEY not in text
    assert "CUDA" not in text
    assert caught.value.remedy


async def test_wrong_key_and_nobody_there(url: str, client: httpx.AsyncClient) -> None:
    with pytest.raises(ModelRefused, match="401"):
        await model_of(url, client, key="wrong").segment(IMAGE, ["left"])
    with pytest.raises(ModelUnreachable):
        await model_of("http://127.0.0.1:9/score", client).segment(IMAGE, ["left"])


async def test_calls_in_flight_are_bounded_and_cancel_works_at_once(behaviour: Behaviour, url: str) -> None:
    behaviour.faults, behaviour.slow_s = ["slow"] * 8, 30.0
    async with open_client() as client:
        transport = EndpointTransport(Endpoint(url, key=KEY, concurrency=2), client)
        model = MedImageParse(transport)
        tasks = [asyncio.create_task(model.segment(IMAGE, [f"left {n}"])) for n in range(8)]
        await until(lambda: len(behaviour.requests) >= 2)
        await asyncio.sleep(0.1)
        assert len(behaviour.requests) == 2
        for task in tasks:
            task.cancel()
        results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:10 GMT", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 10.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "²"}, None),
        ({"retry-after": "-3"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers) == seconds


def test_an_endpoint_that_wants_a_long_rest_is_given_up() -> None:
    import random

    assert RetryPolicy().wait_s(1, 3600.0, random.Random(1)) is None


def test_a_call_that_has_taken_its_time_is_not_tried_again() -> None:
    import random

    policy = RetryPolicy(tries=9, total_s=100.0)
    assert policy.wait_s(1, 10.0, random.Random(1), spent_s=80.0) is not None
    assert policy.wait_s(1, 10.0, random.Random(1), spent_s=95.0) is None


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:1/score", True),
        ("http://[::1]/score", True),
        ("http://localhost/score", True),
        ("https://x.westeurope.inference.ml.azure.com/score", False),
        ("http://127.0.0.1.example.org/score", False),
        ("http://10.0.0.1/score", False),
    ],
)
def test_local_is_loopback_only(url: str, local: bool) -> None:
    assert Endpoint(url).local is local


@pytest.mark.parametrize("url", ["", "score", "ftp://x/", "https://user:pass@x/score", "http:///score"])
def test_a_url_that_cannot_work_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Endpoint(url, key=KEY)
    assert isinstance(caught.value, MedImageError)
    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize(
    "facts", [{"key": "a\nb"}, {"deployment": "ü"}, {"concurrency": 0}, {"bytes_per_s": 0.0}, {"deadline_s": -1.0}]
)
def test_an_endpoint_that_cannot_work_is_a_configuration_error(facts: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="ward"):
        Endpoint("https://x/score", name="ward", **facts)


def test_an_endpoint_never_shows_its_key() -> None:
    assert KEY not in repr(Endpoint("https://x/score", key=KEY))
