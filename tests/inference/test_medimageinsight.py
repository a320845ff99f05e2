"""MedImageInsight over HTTP: unit vectors in every form of answer, the softmax that the model means, and the gate."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.embedding import Embeddings
from domain.errors import BurnedInTextSuspected, ModelResponseInvalid, ModelUnreachable, TargetRefused
from domain.model import ModelImage
from domain.privacy import Deidentified
from inference.medimageinsight import MedImageInsight, insight_image, label_text, require_short
from inference.reference_set import ReferenceSet, needed
from inference.transport.result_cache import ResultCache
from inference.transport.retry import RetryPolicy
from inference.transport.transport import Endpoint, EndpointTransport, Shared, open_client
from inference.wire_features import LARGEST_ROWS, batched, parse_features, zero_shot_probabilities
from tests.inference.contract_servers import COMMON_FAULTS, Insight, image_vector, serve, text_vector
from tests.inference.support import Here, volume_of
from tools.ingest import ingest

RNG = np.random.default_rng(5)


def picture(seed: int) -> Deidentified[ModelImage]:
    pixels = np.random.default_rng(seed).integers(0, 256, (512, 512)).astype(np.uint8)
    return Deidentified(insight_image(pixels), f"phantom {seed}")


def text(words: str) -> Deidentified[str]:
    return Deidentified(words, "a label")


def unit(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector / np.linalg.norm(vector))


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with open_client() as opened:
        yield opened


def model_of(url: str, client: httpx.AsyncClient, **options: int) -> MedImageInsight:
    transport = EndpointTransport(Endpoint(url), client, policy=RetryPolicy(tries=2, base_s=0.001))
    return MedImageInsight(transport, compute=Here(), **options)


@pytest.mark.parametrize("nesting", [0, 1, 2])
@pytest.mark.parametrize("columnar", [False, True])
@pytest.mark.parametrize("count", [1, 3])
async def test_vectors_are_unit_and_in_order(
    nesting: int, columnar: bool, count: int, client: httpx.AsyncClient
) -> None:
    contract = Insight(nesting=nesting, columnar=columnar)
    words = [text(f"label {number}") for number in range(count)]
    with serve(contract) as url:
        model = model_of(url, client)
        images = await model.embed_images([picture(number) for number in range(count)])
        texts = await model.embed_texts(words)
        await client.aclose()
    assert images.shape == texts.shape == (count, 1024)
    assert images.dtype == texts.dtype == np.float32
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (512, 512)).astype(np.uint8)
        assert np.allclose(images[number], unit(image_vector(np.stack([pixels] * 3, -1))), atol=1e-6)
        assert np.allclose(texts[number], unit(text_vector(words[number].value)), atol=1e-6)


async def test_what_is_sent(client: httpx.AsyncClient) -> None:
    contract = Insight()
    with serve(contract) as url:
        model = model_of(url, client)
        await model.embed_images([picture(1)])
        await model.embed_texts([text("x-ray chest")])
        await client.aclose()
    first, second = contract.requests
    assert first["input_data"]["data"][0][1] == ""
    assert first["params"] == {}
    assert second["input_data"]["data"] == [["", "x-ray chest"]]
    assert second["params"] == {"get_scaling_factor": True}


async def test_nothing_asked_is_nothing_sent(client: httpx.AsyncClient) -> None:
    contract = Insight()
    with serve(contract) as url:
        assert (await model_of(url, client).embed_images([])).shape == (0, 1024)
        assert (await model_of(url, client).embed_texts([])).shape == (0, 1024)
        await client.aclose()
    assert contract.requests == []


async def test_zero_shot_takes_the_exponential_of_the_factor(client: httpx.AsyncClient) -> None:
    labels = [label_text("x-ray", "chest", "anteroposterior", name) for name in ("Pneumonia", "No Finding", "Edema")]
    target = unit(text_vector(labels[0].value)) * 0.08 + unit(text_vector(labels[1].value)) * 0.05
    contract = Insight(images=lambda _pixels: target * 17)
    with serve(contract) as url:
        found = await model_of(url, client).zero_shot(picture(1), labels)
        await client.aclose()
    cosines = np.array([unit(target) @ unit(text_vector(label.value)) for label in labels])
    expected = np.exp(math.exp(4.516357) * cosines)
    assert np.allclose(found.probabilities, expected / expected.sum(), atol=1e-4)
    assert np.allclose(found.similarities, cosines, atol=1e-5)
    assert found.probabilities.sum() == pytest.approx(1)
    assert found.ranked()[0][0] == "x-ray chest anteroposterior Pneumonia"
    assert found.scaling_factor == pytest.approx(4.516357)
    without_exp = np.exp(4.516357 * cosines)
    assert not np.allclose(found.probabilities, without_exp / without_exp.sum(), atol=0.05)


async def test_texts_are_sent_once(client: httpx.AsyncClient) -> None:
    contract, labels = Insight(), [text("one"), text("two")]
    with serve(contract) as url:
        model = model_of(url, client)
        first = await model.zero_shot(picture(1), labels)
        again = await model.zero_shot(picture(1), [*labels, text("three")])
        await model.embed_texts([text("two"), text("two")])
        await client.aclose()
    sent = [[row[1] for row in body["input_data"]["data"] if row[1]] for body in contract.requests]
    assert [words for words in sent if words] == [["one", "two"], ["three"]]
    assert np.allclose(first.similarities, again.similarities[:2])


async def test_a_missing_factor_is_an_error_and_asked_for_again(client: httpx.AsyncClient) -> None:
    contract, labels = Insight(scaling=None), [text("one"), text("two")]
    with serve(contract) as url:
        model = model_of(url, client)
        with pytest.raises(ModelResponseInvalid) as caught:
            await model.zero_shot(picture(1), labels)
        assert "scaling_factor" in caught.value.where
        contract.scaling = 4.6
        assert (await model.zero_shot(picture(1), labels)).scaling_factor == 4.6
        await client.aclose()


async def test_an_answer_that_breaks_the_contract_is_not_kept(client: httpx.AsyncClient) -> None:
    contract = Insight(faults=["nan"])
    with serve(contract) as url:
        transport = EndpointTransport(Endpoint(url), client, shared=Shared(cache=ResultCache()))
        model = MedImageInsight(transport, compute=Here())
        with pytest.raises(ModelResponseInvalid):
            await model.embed_images([picture(1)])
        first = await model.embed_images([picture(1)])
        again = await model.embed_images([picture(1)])
        await client.aclose()
    assert np.array_equal(first, again)
    assert len(contract.requests) == 2


FAULTS = ["nan", "infinity", "short_vector", "zeros", "text_in_vector", "bool_in_vector", "two_vectors", "too_deep"]


@pytest.mark.parametrize("fault", [*COMMON_FAULTS, *FAULTS])
async def test_a_breach_is_an_error_that_names_the_field(fault: str, client: httpx.AsyncClient) -> None:
    with serve(Insight(faults=[fault])) as url:
        with pytest.raises(ModelResponseInvalid) as caught:
            await model_of(url, client).embed_images([picture(1), picture(2)])
        await client.aclose()
    assert "answer" in caught.value.where or "image_features" in caught.value.where
    assert "127.0.0.1" in caught.value.where


@pytest.mark.parametrize("fault", ["scaling_disagrees", "scaling_nan"])
async def test_a_broken_factor_is_an_error(fault: str, client: httpx.AsyncClient) -> None:
    with serve(Insight(faults=[fault])) as url:
        with pytest.raises(ModelResponseInvalid) as caught:
            await model_of(url, client).zero_shot(picture(1), [text("one"), text("two")])
        await client.aclose()
    assert "scaling_factor" in caught.value.where


@pytest.mark.parametrize("scaling", [91.5, -1.0, 0.0])
async def test_a_factor_that_is_no_logarithm_is_an_error(scaling: float, client: httpx.AsyncClient) -> None:
    with serve(Insight(scaling=scaling)) as url:
        with pytest.raises(ModelResponseInvalid, match="no logarithm"):
            await model_of(url, client).embed_texts([text("one")])
        await client.aclose()


async def test_large_collections_are_split_and_stay_in_order(client: httpx.AsyncClient) -> None:
    contract = Insight()
    images = [picture(number) for number in range(4)]
    size = len(images[0].value.png)
    with serve(contract) as url:
        by_bytes = await model_of(url, client, batch_bytes=3 * size).embed_images(images)
        at_once = await model_of(url, client, batch_bytes=100 * size).embed_images(images)
        await client.aclose()
    assert [len(body["input_data"]["data"]) for body in contract.requests] == [2, 2, 4]
    assert np.array_equal(by_bytes, at_once)


async def test_a_batch_that_fails_fails_the_call(client: httpx.AsyncClient) -> None:
    images = [picture(number) for number in range(3)]
    with serve(Insight(faults=["", *["500"] * 5])) as url:
        with pytest.raises(ModelUnreachable):
            await model_of(url, client, batch_bytes=1).embed_images(images)
        await client.aclose()


@given(sizes=st.lists(st.integers(1, 50), max_size=60), limit=st.integers(1, 120))
def test_batches_keep_every_row_and_their_bounds(sizes: list[int], limit: int) -> None:
    rows = [(b"x" * size, str(number).encode()) for number, size in enumerate(sizes)]
    batches = batched(rows, limit)
    assert [row for batch in batches for row in batch] == rows
    assert all(len(b) == 1 or sum(len(i) + len(t) for i, t in b) <= limit for b in batches)


def test_no_batch_has_more_rows_than_the_contract_allows() -> None:
    assert [len(batch) for batch in batched([(b"", b"t")] * 2500, 10**9)] == [LARGEST_ROWS, LARGEST_ROWS, 452]


def test_texts_that_are_certainly_too_long_are_refused() -> None:
    require_short(" ".join(["word"] * 75))
    for words in (" ".join(["word"] * 76), "a, " * 40, "", " \n"):
        with pytest.raises(TargetRefused):
            require_short(words)


async def test_labels_that_may_be_cut_are_said(client: httpx.AsyncClient) -> None:
    long = " ".join(["pneumoultramicroscopic"] * 12)
    with serve(Insight()) as url:
        found = await model_of(url, client).zero_shot(picture(1), [text(long), text("short")])
        assert found.warnings == ("1 labels may be longer than the 77 tokens that the model reads",)
        for labels in ([], [text("one")], [text("one"), text("one")]):
            with pytest.raises(TargetRefused):
                await model_of(url, client).zero_shot(picture(1), labels)
        await client.aclose()


def test_labels_are_built_in_order_and_hold_no_identity() -> None:
    assert label_text("x-ray", "chest", "", " Pleural  Effusion").value == "x-ray chest Pleural Effusion"
    for condition in ("", "fracture seen by Dr. Miller", "effusion 2024-03-01", "MRN 1234567 pneumonia"):
        with pytest.raises(TargetRefused):
            label_text("x-ray", "chest", "anteroposterior", condition)


async def test_pictures_that_may_carry_text_stay_here() -> None:
    class Elsewhere:
        endpoint = Endpoint("https://models.example/score")

        async def score(self, body: Deidentified[bytes]) -> bytes:
            raise AssertionError("sent")

    model = MedImageInsight(Elsewhere(), compute=Here())
    volume = volume_of(np.zeros((2, 30, 40), np.int16), "US")
    with pytest.raises(BurnedInTextSuspected):
        await model.image_of(volume, 0)
    assert (await model.image_of(volume, 1, released=True)).value.width == 512
    with pytest.raises(IndexError):
        await model.image_of(volume, 2)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.floats(-1, 1), min_size=2, max_size=8),
    st.floats(0.1, 10),
)
def test_probabilities_are_a_softmax(cosines: list[float], factor: float) -> None:
    image = np.zeros(1024, np.float32)
    image[0] = 1
    texts = np.zeros((len(cosines), 1024), np.float32)
    texts[:, 0] = cosines
    probabilities, similarities = zero_shot_probabilities(image, texts, factor)
    assert probabilities.sum() == pytest.approx(1)
    assert np.all(probabilities >= 0)
    assert probabilities[int(similarities.argmax())] == probabilities.max()


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_arbitrary_answers_never_become_vectors(raw: bytes) -> None:
    with pytest.raises(ModelResponseInvalid):
        parse_features(raw, 1, "image_features")


def cloud(count: int, centre: int, spread: float = 0.4) -> Embeddings:
    """Unit vectors around an axis."""
    noise = RNG.normal(size=(count, 64)) * spread / 8
    noise[:, centre] += 1
    return (noise / np.linalg.norm(noise, axis=1, keepdims=True)).astype(np.float32)


def test_the_gate_tells_strangers_from_its_own() -> None:
    references = ReferenceSet.fit("chest radiographs", cloud(400, 0))
    own, strange = cloud(300, 0), cloud(50, 1)
    false_alarms = sum(bool(references.judge(one).outlier) for one in own)
    assert false_alarms <= 12  # α = 0.01 of 300, and room for chance (p < 1e-4)
    verdicts = [references.judge(one) for one in strange]
    assert all(verdict.outlier for verdict in verdicts)
    assert "does not look like the 400 references of chest radiographs" in verdicts[0].reason
    assert all(verdict.p_value == pytest.approx(1 / 401) for verdict in verdicts)


def test_the_gate_says_when_it_has_too_few() -> None:
    assert needed(5, 0.01) == 99
    assert needed(5, 0.5) == 6
    few = ReferenceSet.fit("heads", cloud(98, 0)).judge(cloud(1, 1)[0])
    assert (few.outlier, few.p_value, few.references) == (None, None, 98)
    assert few.reason == "too few references of heads: 98 of 99"
    none = ReferenceSet.fit("heads", np.empty((0, 64), np.float32)).judge(cloud(1, 1)[0])
    assert (none.outlier, none.distance) == (None, None)
    assert ReferenceSet.fit("heads", cloud(99, 0)).judge(cloud(1, 1)[0]).outlier is True
    with pytest.raises(ValueError, match="unit vectors"):
        ReferenceSet.fit("heads", np.ones((120, 64), np.float32))
    with pytest.raises(ValueError, match="vector of"):
        ReferenceSet.fit("heads", cloud(120, 0)).judge(np.ones(3, np.float32))


async def test_real_radiographs_through_the_whole_way(data: Path, client: httpx.AsyncClient) -> None:
    names = ["00000376_000.png", "00000376_006.png", "00000410_002.png"]
    studies = ingest([data / "cxr_nih" / name for name in names], question="chest x-ray").studies
    volumes = [volume for study in studies for volume in study.volumes.values()]
    with serve(Insight()) as url:
        model = model_of(url, client)
        images = [await model.image_of(volume, 0) for volume in volumes]
        vectors = await model.embed_images(images)
        await client.aclose()
    assert len(vectors) == 3
    similarity = vectors @ vectors.T
    assert np.allclose(np.diag(similarity), 1, atol=1e-5)
    assert similarity.min() > 0.3  # all of them chests, to a model that sees a 32 × 32 grid
