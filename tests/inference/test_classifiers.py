"""Custom classifiers over HTTP: cards are checked whole, scores mean what the card says, no yes without a threshold."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import BurnedInTextSuspected, ConfigurationError, ModelResponseInvalid, TargetRefused
from domain.model import Window
from domain.privacy import Deidentified
from domain.study import Volume
from inference.classifier_card import EXAMPLE, CardLabel, ClassifierCard, load_card, load_cards
from inference.classifiers import BODY_PART_UNKNOWN, Classifier, classifier_image, parse_response
from inference.transport.retry import RetryPolicy
from inference.transport.transport import Endpoint, EndpointTransport, open_client
from tests.inference.contract_servers import COMMON_FAULTS, Scores, serve
from tests.inference.support import Here, volume_of
from tools.ingest import ingest

CARD = load_card(EXAMPLE)
SCORES = {"pleural effusion": 0.62, "pneumothorax": 0.91}


def radiograph(body_part: str = "CHEST", modality: str = "DX") -> Volume:
    volume = volume_of(np.arange(600, dtype=np.int16).reshape(1, 20, 30), modality)
    return Volume(replace(volume.series, body_part=body_part), volume.array)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with open_client() as opened:
        yield opened


def model_of(url: str, client: httpx.AsyncClient, card: ClassifierCard = CARD) -> Classifier:
    transport = EndpointTransport(Endpoint(url), client, policy=RetryPolicy(tries=2, base_s=0.001))
    return Classifier(card, transport, compute=Here())


@pytest.mark.parametrize("form", ["list", "mapping", "text"])
@pytest.mark.parametrize("named", ["scores", ""])
@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("wrapped", [False, True])
async def test_scores_in_every_form(
    form: str, named: str, alone: bool, wrapped: bool, client: httpx.AsyncClient
) -> None:
    contract = Scores(scores=SCORES, form=form, named=named, alone=alone, wrapped=wrapped)
    with serve(contract) as url:
        found = await model_of(url, client, replace(CARD, field=named)).classify(radiograph())
        await client.aclose()
    assert [(row.label, row.score) for row in found.scores] == list(SCORES.items())
    assert str(found.model) == "example-chest-radiograph@0"
    assert found.warnings == ()


async def test_no_label_is_positive_without_a_threshold(client: httpx.AsyncClient) -> None:
    with serve(Scores(scores=SCORES)) as url:
        found = await model_of(url, client).classify(radiograph())
        await client.aclose()
    effusion, pneumothorax = found.scores
    assert (effusion.threshold, effusion.positive) == (0.5, True)
    assert effusion.threshold_source.startswith("Made up")
    assert (pneumothorax.score, pneumothorax.threshold, pneumothorax.positive) == (0.91, None, None)
    assert found.positives == (effusion,)


@pytest.mark.parametrize(("score", "positive"), [(0.5, True), (np.nextafter(0.5, 0), False), (0.0, False), (1.0, True)])
async def test_the_threshold_itself_counts(score: float, positive: bool, client: httpx.AsyncClient) -> None:
    with serve(Scores(scores={**SCORES, "pleural effusion": score})) as url:
        found = await model_of(url, client).classify(radiograph())
        await client.aclose()
    assert found.scores[0].positive is positive


FAULTS = ["above_one", "below_zero", "nan", "text", "one_missing", "one_more", "renamed", "bool"]


@pytest.mark.parametrize("fault", [*COMMON_FAULTS, *FAULTS])
@pytest.mark.parametrize("form", ["list", "mapping"])
async def test_a_breach_is_an_error_that_names_the_field(fault: str, form: str, client: httpx.AsyncClient) -> None:
    with serve(Scores(scores=SCORES, form=form, faults=[fault])) as url:
        with pytest.raises(ModelResponseInvalid) as caught:
            await model_of(url, client).classify(radiograph())
        await client.aclose()
    assert "answer" in caught.value.where or "[0]" in caught.value.where
    assert "127.0.0.1" in caught.value.where
    assert "example-chest-radiograph" in caught.value.reason


def test_logits_go_through_what_the_card_says() -> None:
    raw = b'[{"scores": [2.0, -1.0]}]'
    each = parse_response(raw, replace(CARD, values="logits"))
    assert each == pytest.approx((1 / (1 + np.exp(-2)), 1 / (1 + np.exp(1))))
    together = parse_response(raw, replace(CARD, values="logits", exclusive=True))
    assert together == pytest.approx((np.exp(3) / (1 + np.exp(3)), 1 / (1 + np.exp(3))))
    assert parse_response(b'[{"scores": [1e308, -1e308]}]', replace(CARD, values="logits")) == (1.0, 0.0)
    with pytest.raises(ModelResponseInvalid, match="declared probabilities outside 0–1"):
        parse_response(raw, CARD)


def test_exclusive_probabilities_sum_to_one() -> None:
    exclusive = replace(CARD, exclusive=True)
    assert parse_response(b'[{"scores": [0.3, 0.7]}]', exclusive) == (0.3, 0.7)
    with pytest.raises(ModelResponseInvalid, match=r"sum to 1\.530"):
        parse_response(b'[{"scores": [0.62, 0.91]}]', exclusive)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=2), st.booleans())
def test_activated_logits_are_probabilities(logits: list[float], exclusive: bool) -> None:
    import json

    card = replace(CARD, values="logits", exclusive=exclusive)
    found = parse_response(json.dumps([{"scores": logits}]).encode(), card)
    assert all(0 <= one <= 1 for one in found)
    assert (found[0] >= found[1]) == (logits[0] >= logits[1]) or found[0] == found[1]


async def test_what_is_sent(client: httpx.AsyncClient) -> None:
    rgb = replace(CARD, columns=("note", "image"), colour="rgb", size=64)
    contract = Scores(scores=SCORES, columns=("note", "image"), mode="RGB", size=64)
    with serve(contract) as url:
        await model_of(url, client, rgb).classify(radiograph())
        await client.aclose()
    (pixels,) = contract.images
    assert np.array_equal(pixels[..., 0], pixels[..., 2])
    assert not pixels[:10].any()  # black above a landscape image
    assert pixels[32].any()


def test_the_window_of_the_card_is_used() -> None:
    import io

    from PIL import Image

    values = np.full((64, 64), 100, np.int16)
    card = replace(CARD, size=64, window=Window("test", 0, 400))
    with Image.open(io.BytesIO(classifier_image(values, card).png)) as image:
        assert np.asarray(image)[32, 32] == 63
    with pytest.raises(TargetRefused, match="not colour"):
        classifier_image(np.zeros((8, 8, 3), np.uint8), card)


async def test_other_examinations_are_refused(client: httpx.AsyncClient) -> None:
    model = model_of("http://127.0.0.1:9/never", client)
    for volume, region in ((radiograph(modality="CT"), ""), (radiograph("KNEE"), "chest"), (radiograph(""), "knee")):
        with pytest.raises(TargetRefused):
            await model.classify(volume, region=region)
    with pytest.raises(IndexError):
        await model.classify(radiograph(), 1)
    await client.aclose()


async def test_an_unknown_body_part_is_said(client: httpx.AsyncClient) -> None:
    with serve(Scores(scores=SCORES)) as url:
        assert (await model_of(url, client).classify(radiograph(""))).warnings == (BODY_PART_UNKNOWN,)
        assert (await model_of(url, client).classify(radiograph(""), region="chest")).warnings == ()
        await client.aclose()


async def test_burned_in_text_stays_here() -> None:
    class Elsewhere:
        endpoint = Endpoint("https://models.example/score")

        async def score(self, body: Deidentified[bytes]) -> bytes:
            raise AssertionError("sent")

    marked = radiograph()
    marked = Volume(replace(marked.series, burned_in_annotation=True), marked.array)
    with pytest.raises(BurnedInTextSuspected):
        await Classifier(CARD, Elsewhere(), compute=Here()).classify(marked)


async def test_a_real_radiograph(data: Path, client: httpx.AsyncClient) -> None:
    (study,) = ingest([data / "cxr_dicom" / "rsna_16d7f894.dcm"]).studies
    (volume,) = study.volumes.values()
    contract = Scores(scores=SCORES)
    with serve(contract) as url:
        found = await model_of(url, client).classify(volume, region="chest")
        await client.aclose()
    assert len(found.scores) == 2
    assert contract.images[0].std() > 20


def test_the_example_is_not_loaded_by_itself(tmp_path: Path) -> None:
    assert load_cards(tmp_path) == {}
    assert load_cards(tmp_path / "absent") == {}
    (tmp_path / "mine.yaml").write_bytes(EXAMPLE.read_bytes())
    assert load_cards(tmp_path) == {CARD.name: CARD}
    (tmp_path / "other.yaml").write_bytes(EXAMPLE.read_bytes())
    with pytest.raises(ConfigurationError, match="another card's name"):
        load_cards(tmp_path)


def test_the_example_says_what_it_is() -> None:
    assert CARD.labels[1] == CardLabel("pneumothorax")
    assert CARD.window is None
    assert "any image of a patient" in CARD.not_for


Change = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.pop("licence"), "missing fields: licence"),
        (lambda f: f.update(colour="grey"), "unknown fields: colour"),
        (lambda f: f.update(version=1.0), "version is not text"),
        (lambda f: f.update(name="Not A Name"), "name is not made of"),
        (lambda f: f.update(labels=[]), "labels is not a list"),
        (lambda f: f["labels"].append(f["labels"][0]), "names a label twice"),
        (lambda f: f["labels"][0].update(threshold_source=""), "needs a source"),
        (lambda f: f["labels"][0].update(threshold=50), r"labels\[0\].threshold is not a probability"),
        (lambda f: f["labels"][0].update(threshold=0), r"labels\[0\].threshold is not a probability"),
        (lambda f: f["labels"][0].update(threshold=float("nan")), r"labels\[0\].threshold is not a probability"),
        (lambda f: f.update(exclusive="no"), "exclusive is neither"),
        (lambda f: f.update(not_for=[]), "not_for is empty"),
        (lambda f: f.update(modalities="CR"), "modalities is not a list"),
        (lambda f: f["endpoint"].update(size=0), "endpoint.size"),
        (lambda f: f["endpoint"].update(size=True), "endpoint.size"),
        (lambda f: f["endpoint"].update(values="percent"), "endpoint.values is not one of"),
        (lambda f: f["endpoint"].update(image_column="picture"), "endpoint.image_column"),
        (lambda f: f["endpoint"].update(window={"name": "w", "low": 5, "high": 5}), "endpoint.window"),
        (lambda f: f["endpoint"].update(window="bone"), "endpoint.window is not a mapping"),
        (lambda f: f["endpoint"].pop("field"), "missing fields: field"),
    ],
)
def test_a_wrong_card_is_refused_by_field(tmp_path: Path, change: Change, said: str) -> None:
    facts = yaml.safe_load(EXAMPLE.read_text("utf-8"))
    change(facts)
    path = tmp_path / "card.yaml"
    path.write_text(yaml.safe_dump(facts))
    with pytest.raises(ConfigurationError, match=said) as caught:
        load_card(path)
    assert "card.yaml" in caught.value.where


@pytest.mark.parametrize(
    "content", [b"", b"- 1", b"a: [", b"\xff\xfe\x00", b"a: !!python/object:os.system {}", b"x" * 70_000]
)
def test_what_is_no_card_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "card.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError):
        load_card(path)
