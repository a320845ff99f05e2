"""A series through an endpoint of known shapes: exact areas in source pixels, every slice, or an error."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Sequence

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import ModelRefused, ModelResponseInvalid, ModelUnreachable
from domain.model import KnownTarget, ModelIdentity, ModelImage, ParseAnswer, Window
from domain.privacy import Deidentified
from inference.medimageparse import MedImageParse
from inference.series.mask import GatheredMask
from inference.series.mask_planes import INSIDE, MaskPlanes
from inference.series.row_batches import Batching
from inference.series.slice_choice import SliceChoice, every_nth
from inference.series.volumes import PromptWindow, images_asked, map_back, segment_series
from inference.transport.retry import RetryPolicy
from inference.transport.transport import Endpoint, EndpointTransport, open_client
from tests.inference.endpoint_server import Behaviour, disc, endpoint_server, rectangle
from tests.inference.seeing_server import Sight, seeing_server
from tests.inference.support import Here, until, volume_of
from tools.letterbox import Letterbox

ABDOMEN, LUNG = Window("abdomen", -150, 250), Window("lung", -1000, 1000)
PROMPTS = [PromptWindow("Liver", ABDOMEN), PromptWindow("spleen", ABDOMEN), PromptWindow("nodule", LUNG)]
SHAPES = {
    "Liver": rectangle(0.25, 0.125, 0.75, 0.5, "liver"),
    "spleen": disc(0.4, 0.8, 0.15),
    "nodule": disc(0.7, 0.3, 0.1, "tumor"),
}


def numbered(slices: int, rows: int, columns: int) -> np.ndarray:
    """Slices that differ: identical images would share one request."""
    array = np.zeros((slices, rows, columns), np.int16)
    array[:, 0, 0] = np.arange(slices) * 20 - 100
    array[:, -1, 0] = np.arange(slices) * 20 - 100
    return array


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
    volume = volume_of(numbered(2, *shape))
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
            volume_of(numbered(5, 64, 64)),
            PROMPTS[:1],
            compute=Here(),
            slices=[3, 1, 3],
            on_progress=lambda done, total: told.append((done, total)),
        )
        await client.aclose()
    assert np.flatnonzero(found["liver"].array.any(axis=(1, 2))).tolist() == [1, 3]
    assert found["liver"].slices_inferred == 2
    assert found["liver"].slices.indices == (1, 3)
    assert "2 of 5 slices" in found["liver"].slices.caveat
    assert told == [(0, 2), (1, 2), (2, 2)]


async def test_one_slice_that_fails_fails_the_series(client: httpx.AsyncClient) -> None:
    behaviour = Behaviour(shapes=SHAPES, source=(64, 64), faults=[""] * 3 + ["500"] * 50)
    with endpoint_server(behaviour) as url:
        with pytest.raises(ModelUnreachable):
            await segment_series(model_of(url, client), volume_of(numbered(9, 64, 64)), PROMPTS, compute=Here())
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


async def test_no_slices_are_no_answer() -> None:
    volume = volume_of(np.zeros((3, 8, 8), np.int16))
    with pytest.raises(ValueError, match="No slice"):
        await segment_series(Scripted([]), volume, PROMPTS[:1], compute=Here(), slices=[])
    with pytest.raises(ValueError, match="slice choice"):
        await segment_series(Scripted([]), volume, PROMPTS[:1], compute=Here(), slices=SliceChoice((0,), 9, "test"))


async def test_every_nth_slice_of_a_series_says_that_it_is_a_part(client: httpx.AsyncClient) -> None:
    behaviour = Behaviour(shapes=SHAPES, source=(64, 64))
    volume = volume_of(numbered(7, 64, 64))
    choice = every_nth(volume.geometry, 3)
    with endpoint_server(behaviour) as url:
        found = await segment_series(model_of(url, client), volume, PROMPTS, compute=Here(), slices=choice)
        await client.aclose()
    assert len(behaviour.requests) == images_asked(volume, PROMPTS, choice) == 6
    assert not found["liver"].slices.complete
    assert np.flatnonzero(found["liver"].array.any(axis=(1, 2))).tolist() == [0, 3, 6]


WIDE = Window("test", -1000, 1000)
BOTH = [PromptWindow("bright", WIDE), PromptWindow("dark", WIDE)]


def phantom(slices: int, rows: int = 96, columns: int = 80) -> np.ndarray:
    """A bright rectangle that walks from slice to slice, on a dark ground."""
    array = np.full((slices, rows, columns), -900, np.int16)
    for number in range(slices):
        array[number, 5 + number : 25 + number, 10:40] = 900
    return array


@pytest.mark.parametrize("soft", [False, True])
async def test_rows_of_one_request_equal_single_requests(soft: bool, client: httpx.AsyncClient) -> None:
    sight = Sight(soft=soft)
    volume = volume_of(phantom(7))
    told: list[tuple[int, int]] = []
    with seeing_server(sight) as url:
        model = model_of(url, client)
        single = await segment_series(model, volume, BOTH, compute=Here())
        assert [len(rows) for rows in sight.requests] == [1] * 7
        sight.requests.clear()
        rows = await segment_series(
            model,
            volume,
            BOTH,
            compute=Here(),
            batching=Batching(rows=3),
            on_progress=lambda done, total: told.append((done, total)),
        )
        await client.aclose()
    assert sorted(len(rows) for rows in sight.requests) == [1, 3, 3]
    assert told[0] == (0, 7)
    assert told[-1] == (7, 7)
    for target in ("bright", "dark"):
        assert np.array_equal(rows[target].array, single[target].array)
        assert rows[target].kind == single[target].kind
        if soft:
            assert np.array_equal(rows[target].probability, single[target].probability)
    assert np.array_equal(rows["bright"].array, volume.array > 0)


async def test_a_request_has_no_more_bytes_than_allowed(client: httpx.AsyncClient) -> None:
    sight = Sight()
    with seeing_server(sight) as url:
        await segment_series(
            model_of(url, client),
            volume_of(phantom(6)),
            BOTH,
            compute=Here(),
            batching=Batching(rows=6, largest_bytes=150_000),
        )
        await client.aclose()
    largest = max(len(image) for image in sight.images)
    assert 1 < 150_000 // largest < 6, "the phantom's images must make this test one"
    assert max(len(rows) for rows in sight.requests) == 150_000 // largest


@pytest.mark.parametrize("sight", [Sight(rows=1), Sight(drop_rows=True)])
async def test_an_endpoint_that_takes_one_row_is_asked_row_by_row_and_remembered(
    sight: Sight, client: httpx.AsyncClient
) -> None:
    volume = volume_of(phantom(4))
    with seeing_server(sight) as url:
        model = model_of(url, client)
        found = await segment_series(model, volume, BOTH, compute=Here(), batching=Batching(rows=4))
        assert [len(rows) for rows in sight.requests] == [4, 1, 1, 1, 1]
        sight.requests.clear()
        again = await segment_series(model, volume, BOTH, compute=Here(), batching=Batching(rows=4))
        assert [len(rows) for rows in sight.requests] == [1, 1, 1, 1]
        await client.aclose()
    assert np.array_equal(found["bright"].array, volume.array > 0)
    assert np.array_equal(again["bright"].array, volume.array > 0)


async def test_a_refusal_that_is_not_about_rows_stays_one(client: httpx.AsyncClient) -> None:
    sight = Sight(fail_from=0)
    with seeing_server(sight) as url:
        with pytest.raises(ModelRefused):
            await segment_series(
                model_of(url, client), volume_of(phantom(4)), BOTH, compute=Here(), batching=Batching(rows=4)
            )
        sight.fail_from = None
        sight.requests.clear()
        await segment_series(
            model_of(url, client), volume_of(phantom(4)), BOTH, compute=Here(), batching=Batching(rows=4)
        )
        await client.aclose()
    assert [len(rows) for rows in sight.requests] == [4]


async def test_models_without_rows_are_asked_one_by_one() -> None:
    model = Scripted([answer(1.0, "binary", "liver")] * 3)
    volume = volume_of(np.zeros((3, 32, 32), np.int16))
    found = await segment_series(model, volume, PROMPTS[:1], compute=Here(), batching=Batching(rows=3))
    assert model.started == 3
    assert found["liver"].array.all()


@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(3, 40), columns=st.integers(3, 40), halves=st.booleans())
@settings(deadline=None, max_examples=15)
def test_levels_are_inside_exactly_where_the_letterbox_says(seed: int, rows: int, columns: int, halves: bool) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (2, 64, 64)).astype(np.float32) / 255
    if halves:
        coarse = np.where(coarse > 0.5, np.float32(1), np.float32(0))
    probability = np.kron(coarse, np.ones((1, 16, 16), np.float32))
    letterbox = Letterbox.fit(rows, columns)
    levels = map_back(letterbox, probability)
    assert np.array_equal(levels >= INSIDE, letterbox.mask_to_source(probability))
    exact = letterbox.probability_to_source(probability) * 255
    assert np.all(np.abs(levels - exact) <= 0.5 + 0.26)


@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 20), columns=st.integers(1, 20), soft=st.booleans())
@settings(deadline=None, max_examples=60)
def test_slices_are_kept_exactly(seed: int, rows: int, columns: int, soft: bool) -> None:
    rng = np.random.default_rng(seed)
    levels = rng.integers(0, 256, (4, rows, columns), dtype=np.uint8) * (rng.random((4, rows, columns)) < 0.1)
    levels = levels.astype(np.uint8)
    levels[2] = 0
    planes = MaskPlanes((5, rows, columns))
    for number, plane in enumerate(levels):
        planes.put(number, plane if soft else plane >= INSIDE)
    expected = levels if soft else (levels >= INSIDE) * np.uint8(255)
    assert np.array_equal(planes.array()[:4], levels >= INSIDE)
    assert not planes.array()[4].any()
    assert np.allclose(planes.probability()[:4], expected / 255, atol=1e-7)
    for number in range(4):
        assert np.array_equal(planes.inside(number), levels[number] >= INSIDE)
        assert np.array_equal(planes.levels(number), expected[number])
        assert planes.shows(number) == (levels[number] >= INSIDE).any()
    with pytest.raises(ValueError, match="none of a series"):
        planes.put(0, np.zeros((rows + 1, columns), np.bool_))


@pytest.mark.parametrize("kind", ["binary255", "soft"])
async def test_a_long_series_takes_less_than_its_masks_would_in_full(kind: str) -> None:
    """Counted is what Python allocates; whole arrays come into being when somebody asks for them."""
    slices, side = 120, 64
    found = np.zeros((1, 1024, 1024), np.float32)
    found[:, 300:700, 300:700] = 0.9 if kind == "soft" else 1.0
    model = Scripted([ParseAnswer(found, kind, ("liver",))] * slices)
    volume = volume_of(np.zeros((slices, side, side), np.int16))
    await segment_series(
        Scripted([ParseAnswer(found, kind, ("liver",))]),
        volume_of(np.zeros((1, side, side), np.int16)),
        PROMPTS[:1],
        compute=Here(),
    )
    gc.collect()
    tracemalloc.start()
    try:
        masks = await segment_series(model, volume, PROMPTS[:1], compute=Here())
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert masks["liver"].array[60].any()
    voxels = slices * side * side
    assert kept < voxels / 2
    one_answer = 4 * 1024 * 1024
    assert peak < voxels + 8 * one_answer, "answers do not pile up"


def test_a_series_of_ones_and_of_255_is_no_answer() -> None:
    plane = np.ones((4, 4), np.bool_)
    found = GatheredMask("liver", (3, 4, 4))
    for number, kind in enumerate(["binary255", "binary", "binary255"]):
        found.add(number, plane, kind, "liver")
    with pytest.raises(ModelResponseInvalid, match="slice") as refused:
        found.result(SliceChoice((0, 1, 2), 3, "all"))
    assert "2" in refused.value.reason
    assert refused.value.remedy


def test_ones_beside_soft_slices_are_faint() -> None:
    found = GatheredMask("liver", (2, 4, 4))
    found.add(0, np.full((4, 4), 200, np.uint8), "soft", "liver")
    found.add(1, np.ones((4, 4), np.bool_), "binary", "liver")
    mask = found.result(SliceChoice((0, 1), 2, "all"))
    assert mask.array[0].all()
    assert not mask.array[1].any()
