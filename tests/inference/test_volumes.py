"""A series through an endpoint of known shapes: exact areas in source pixels, every slice, or an error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import httpx
import numpy as np
import pytest

from domain.errors import ModelUnreachable
from domain.model import KnownTarget, ModelIdentity, ModelImage, ParseAnswer, Window
from domain.privacy import Deidentified
from inference.medimageparse import MedImageParse
from inference.retry import RetryPolicy
from inference.transport import Endpoint, EndpointTransport, open_client
from inference.volumes import PromptWindow, segment_series
from tests.inference.endpoint_server import Behaviour, disc, endpoint_server, rectangle
from tests.inference.support import Here, until, volume_of

ABDOMEN, LUNG = Window("abdomen", -150, 250), Window("lung", -1000, 1000)
PROMPTS = [PromptWindow("Liver", ABDOMEN), PromptWindow("spleen", ABDOMEN), PromptWindow("nodule", LUNG)]
SHAPES = {
    "Liver": rectangle(0.25, 0.125, 0.75, 0.5, "liver"),
    "spleen": disc(0.4, 0.8, 0.15),
    "nodule": disc(0.7, 0.3, 0.1, "tumor"),
}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with open_client() as opened:
        yield opened


def model_of(url: str, client: httpx.AsyncClient) -> MedImageParse:
    return MedImageParse(EndpointTransport(Endpoint(url), client, policy=RetryPolicy(tries=2, base_s=0.001)))


@pytest.mark.parametrize("values", ["binary255", "soft"])
@pytest.mark.parametrize("shape", [(512, 512), (333, 517), (640, 200)])
async def test_shapes_come_back_in_source_pixels(
    shape: tuple[int, int], values: str, client: httpx.AsyncClient
) -> None:
    behaviour = Behaviour(shapes=SHAPES, source=shape, values=values)
    volume = volume_of(np.zeros((2, *shape), np.int16))
    with endpoint_server(behaviour) as url:
        found = await segment_series(model_of(url, client), volume, PROMPTS, compute=Here())
        await client.aclose()
    assert list(found) == ["liver", "spleen", "nodule"]
    for prompt, drawn in SHAPES.items():
        mask, truth = found[prompt.lower()], drawn.in_source(*shape)
        assert mask.array.shape == (2, *shape)
        assert mask.slices_inferred == 2
        assert mask.kind == values
        assert mask.category == drawn.category
        assert mask.category_votes == {drawn.category: 2}
        for plane in mask.array:
            assert abs(int(plane.sum()) - int(truth.sum())) <= 0.01 * truth.sum()
            if shape == (512, 512) and prompt == "Liver":
                assert np.array_equal(plane, truth)
        assert (mask.probability is not None) == (values == "soft")
        if mask.probability is not None:
            assert np.array_equal(mask.probability > 0.5, mask.array)
    assert len(behaviour.requests) == 4, "prompts that share a window share a request"


async def test_only_the_slices_asked_for(client: httpx.AsyncClient) -> None:
    behaviour = Behaviour(shapes=SHAPES, source=(64, 64))
    told: list[tuple[int, int]] = []
    with endpoint_server(behaviour) as url:
        found = await segment_series(
            model_of(url, client),
            volume_of(np.zeros((5, 64, 64), np.int16)),
            PROMPTS[:1],
            compute=Here(),
            slices=[3, 1, 3],
            on_progress=lambda done, total: told.append((done, total)),
        )
        await client.aclose()
    assert np.flatnonzero(found["liver"].array.any(axis=(1, 2))).tolist() == [1, 3]
    assert found["liver"].slices_inferred == 2
    assert told == [(0, 2), (1, 2), (2, 2)]


async def test_one_slice_that_fails_fails_the_series(client: httpx.AsyncClient) -> None:
    behaviour = Behaviour(shapes=SHAPES, source=(64, 64), faults=[""] * 3 + ["500"] * 50)
    with endpoint_server(behaviour) as url:
        with pytest.raises(ModelUnreachable):
            await segment_series(
                model_of(url, client), volume_of(np.zeros((9, 64, 64), np.int16)), PROMPTS, compute=Here()
            )
        await client.aclose()


class Scripted:
    """A model whose answers are given, slice by slice, and that counts how many are under way."""

    def __init__(self, answers: Sequence[ParseAnswer], wait: asyncio.Event | None = None) -> None:
        self._answers = iter(answers)
        self._wait = wait
        self.started = 0

    identity = ModelIdentity("scripted", "1", local=True)

    def known(self, modality: str, target: str, region: str = "") -> KnownTarget | None:
        return None

    def accepts(self, modality: str, target: str) -> bool:
        return True

    async def segment(self, image: Deidentified[ModelImage], prompts: Sequence[str]) -> ParseAnswer:
        self.started += 1
        if self._wait:
            await self._wait.wait()
        return next(self._answers)


def answer(value: float, kind: str, category: str) -> ParseAnswer:
    return ParseAnswer(np.full((1, 1024, 1024), value, np.float32), kind, (category,))


async def run(answers: Sequence[ParseAnswer]) -> object:
    volume = volume_of(np.zeros((len(answers), 32, 32), np.int16))
    return (await segment_series(Scripted(answers), volume, PROMPTS[:1], compute=Here()))["liver"]


async def test_ones_of_a_model_that_counts_to_255_are_not_a_structure() -> None:
    mask = await run([answer(1.0, "binary", "liver"), answer(0.9, "soft", "liver")])
    assert mask.array.any(axis=(1, 2)).tolist() == [False, True]
    assert mask.kind == "soft"
    assert mask.probability.max() == pytest.approx(0.9, abs=0.01)
    assert not mask.probability[0].any()


async def test_category_is_the_majority_of_slices_that_show_the_target() -> None:
    says = ["liver", "lung", "liver", "kidney", "kidney", "kidney"]
    values = [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    mask = await run([answer(v, "binary", c) for v, c in zip(values, says, strict=True)])
    assert mask.category == "liver"
    assert mask.category_votes == {"liver": 2, "lung": 1}
    tie = await run([answer(1.0, "binary", "liver"), answer(1.0, "binary", "lung")])
    assert tie.category == ""


async def test_cancelling_stops_at_once() -> None:
    never = asyncio.Event()
    model = Scripted([], never)
    volume = volume_of(np.zeros((40, 32, 32), np.int16))
    task = asyncio.create_task(segment_series(model, volume, PROMPTS[:1], compute=Here()))
    await until(lambda: model.started >= 8)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 2)
    assert model.started == 8, "no more than eight slices are under way"


@pytest.mark.parametrize("prompts", [[], [PROMPTS[0], PromptWindow("LIVER", LUNG)]])
async def test_each_target_once(prompts: list[PromptWindow]) -> None:
    with pytest.raises(ValueError, match="once"):
        await segment_series(Scripted([]), volume_of(np.zeros((1, 8, 8), np.int16)), prompts, compute=Here())


async def test_a_slice_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="slice"):
        await segment_series(
            Scripted([]), volume_of(np.zeros((1, 8, 8), np.int16)), PROMPTS[:1], compute=Here(), slices=[1]
        )
