"""Embedded models behind the contract: through the same client, in process and over HTTP, and how good they are."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
import uvicorn
from numpy.typing import NDArray

from domain.errors import ModelRefused
from domain.model import Window
from domain.ports import SegmentationModel
from inference.local.in_process import embedded_models
from inference.local.registry import NAMES, card
from inference.local.server import create_app
from inference.medimageparse import MedImageParse, request_body
from inference.series.volumes import PromptWindow, segment_series
from inference.transport.transport import Endpoint, EndpointTransport, open_client
from tests.inference.support import Here, dice, image_of, until, volume_of


def model(name: str) -> SegmentationModel:
    return next(m for m in embedded_models() if m.identity.name == name)


def chest(slices: int = 1) -> NDArray[np.int16]:
    """An axial chest: body ellipse, two lungs with vessels, trachea, spine, and air in the bowel's place."""
    rows, columns = np.mgrid[:512, :512]
    plane = np.full((512, 512), -1000, np.int16)

    def ellipse(row: float, column: float, half_height: float, half_width: float) -> NDArray[np.bool_]:
        return ((rows - row) / half_height) ** 2 + ((columns - column) / half_width) ** 2 <= 1

    plane[ellipse(256, 256, 170, 220)] = -100
    plane[ellipse(256, 256, 155, 205)] = 40
    plane[ellipse(250, 150, 110, 70)] = -820
    plane[ellipse(250, 370, 105, 60)] = -820
    plane[ellipse(250, 256, 10, 10)] = -1000
    plane[ellipse(370, 256, 25, 25)] = 500
    return np.stack([plane] * slices)


def lungs() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    air = chest()[0] == -820
    right = air.copy()
    right[:, 256:] = False
    return right, air & ~right


def trachea() -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:512, :512]
    return np.asarray(np.hypot(rows - 250, columns - 256) <= 10)


CT = Window("lung", -1000, 1000)


async def test_ct_through_the_client_comes_back_in_source_pixels() -> None:
    embedded = model("embedded-ct")
    assert embedded.identity.local
    known = embedded.known("CT", "Left Lung")
    assert known is not None
    assert known.window == CT
    prompts = [PromptWindow(t, CT) for t in card("embedded-ct").targets]
    found = await segment_series(embedded, volume_of(chest(2)), prompts, compute=Here())
    right, left = lungs()
    assert dice(found["right lung"].array[0], right) > 0.99
    assert dice(found["left lung"].array[1], left) > 0.99
    assert dice(found["lung"].array[0], right | left) > 0.99
    assert dice(found["fat"].array[0], chest()[0] == -100) > 0.95
    assert dice(found["bone"].array[0], chest()[0] == 500) > 0.97
    assert dice(found["body"].array[0], chest()[0] > -1000) > 0.99
    assert found["air"].array[0][250, 256], "the trachea is air"
    assert not found["lung"].array[0][250, 256], "and no lung"
    assert dice(found["subcutaneous fat"].array[0], chest()[0] == -100) > 0.95
    assert dice(found["trachea"].array[0], trachea()) > 0.85
    assert found["lung"].category == "lung"
    assert found["lung"].kind == "binary255"


@pytest.mark.parametrize("gas_hu", [-1000, -975])
async def test_bowel_gas_is_no_lung(gas_hu: int) -> None:
    slice_ = chest()
    slice_[slice_ == -820] = 40
    slice_[0, 150:190, 280:330] = gas_hu
    found = await segment_series(model("embedded-ct"), volume_of(slice_), [PromptWindow("lung", CT)], compute=Here())
    assert not found["lung"].array.any()


async def test_stool_mixed_with_gas_is_no_lung() -> None:
    slice_ = chest()
    slice_[slice_ == -820] = 40
    mottled = np.random.default_rng(3).uniform(-1000, -450, (8, 10)).repeat(5, 0).repeat(5, 1)
    slice_[0, 150:190, 280:330] = mottled
    found = await segment_series(model("embedded-ct"), volume_of(slice_), [PromptWindow("lung", CT)], compute=Here())
    assert not found["lung"].array.any()


async def test_marrow_belongs_to_the_bone_and_noise_does_not() -> None:
    slice_ = chest()
    rows, columns = np.mgrid[:512, :512]
    marrow = np.hypot(rows - 370, columns - 256) <= 20
    slice_[0][marrow] = 90
    slice_[0, 330, 230:240:3] = 800
    found = await segment_series(model("embedded-ct"), volume_of(slice_), [PromptWindow("bone", CT)], compute=Here())
    assert dice(found["bone"].array[0], np.hypot(rows - 370, columns - 256) <= 25) > 0.95


async def test_touching_lungs_are_split_where_they_are_thinnest() -> None:
    slice_ = chest()
    slice_[0, 160:175, 200:330] = -820
    prompts = [PromptWindow("left lung", CT), PromptWindow("right lung", CT)]
    found = await segment_series(model("embedded-ct"), volume_of(slice_), prompts, compute=Here())
    right, left = lungs()
    assert dice(found["right lung"].array[0], right) > 0.95
    assert dice(found["left lung"].array[0], left) > 0.95


def test_a_target_that_is_known_less_well_says_so() -> None:
    known = {target: card("embedded-ct").known("CT", target) for target in ("lung", "bone", "trachea")}
    assert known["lung"] is not None
    assert known["lung"].caution == ""
    for target in ("bone", "trachea"):
        fact = known[target]
        assert fact is not None
        assert target in fact.caution


async def test_brain_is_what_the_skull_encloses() -> None:
    rows, columns = np.mgrid[:512, :512]
    radius = np.hypot(rows - 256, (columns - 256) * 1.2)
    head = np.where(radius < 180, 60, -1000).astype(np.int16)
    head[(radius < 170)] = 900
    head[(radius < 155)] = 35
    head[150:160, 100:110] = -1000
    window = card("embedded-head-ct").window
    assert window is not None
    prompts = [PromptWindow("brain", window), PromptWindow("skull", window)]
    found = await segment_series(model("embedded-head-ct"), volume_of(head[None]), prompts, compute=Here())
    assert dice(found["brain"].array[0], radius < 155) > 0.97
    assert dice(found["skull"].array[0], head == 900) > 0.95
    no_skull = np.where(radius < 180, 40, -1000).astype(np.int16)
    found = await segment_series(model("embedded-head-ct"), volume_of(no_skull[None]), prompts, compute=Here())
    assert not found["brain"].array.any()


async def test_a_blank_image_holds_nothing() -> None:
    for name in NAMES:
        targets = list(card(name).targets)
        for level in (0, 128, 255):
            answer = await model(name).segment(image_of(np.full((200, 300), level, np.uint8)), targets)
            assert answer.probability.shape == (len(targets), 1024, 1024)
            for target, mask in zip(targets, answer.probability, strict=True):
                if target in ("lung", "left lung", "right lung", "brain", "nuclei"):
                    assert not (mask > 0.5).any(), (name, target, level)


async def test_what_it_does_not_know_it_refuses() -> None:
    embedded = model("embedded-ct")
    assert not embedded.accepts("CT", "liver")
    assert not embedded.accepts("MR", "lung")
    with pytest.raises(ModelRefused, match="target_not_available"):
        await embedded.segment(image_of(np.zeros((8, 8), np.uint8)), ["liver"])


@asynccontextmanager
async def served(key: str = "") -> AsyncIterator[str]:
    """The embedded models on a real port, as `models serve` serves them."""
    app = create_app([card(name) for name in NAMES], key=key)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        task = asyncio.create_task(server.serve([listener]))
        try:
            await until(lambda: server.started)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


async def test_over_http_it_is_one_more_endpoint() -> None:
    image = image_of(chest()[0], CT)
    async with served(key="k") as url, open_client() as client:
        endpoint = Endpoint(f"{url}/score", key="k", deployment="embedded-ct")
        answer = await MedImageParse(EndpointTransport(endpoint, client)).segment(image, ["right lung", "left lung"])
        raw = await client.post(
            endpoint.url,
            content=request_body(image.value.png, ["fat"]),
            headers={"authorization": "Bearer k"},
        )
        health, cards = await client.get(url), await client.get(f"{url}/models")
        refused = await client.post(endpoint.url, content=b"{}")
    assert dice(answer.probability[0, ::2, ::2] > 0.5, lungs()[0]) > 0.98
    assert dice(answer.probability[1, ::2, ::2] > 0.5, lungs()[1]) > 0.98
    assert raw.headers["x-medimage-model"] == card("embedded-ct").identity
    assert json.loads(raw.json()[0]["image_features"])["shape"] == [1, 1024, 1024]
    assert "MedImageParse" not in raw.text
    assert health.json()["status"] == "healthy"
    assert {c["name"] for c in cards.json()} == set(NAMES)
    assert refused.status_code == 401


def app_client() -> httpx.AsyncClient:
    app = create_app([card(name) for name in NAMES])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x")


def body(text: object, image: object = None, rows: int = 1) -> bytes:
    png = base64.b64encode(image_of(np.zeros((8, 8), np.uint8)).value.png).decode() if image is None else image
    table = {"columns": ["text", "image"], "index": list(range(rows)), "data": [[text, png]] * rows}
    return json.dumps({"input_data": table, "params": {}}).encode()


@pytest.mark.parametrize(
    ("content", "deployment", "status", "code"),
    [
        (body("lung"), "", 400, "deployment_needed"),
        (body("liver"), "", 400, "target_not_available"),
        (body("lung & liver"), "embedded-ct", 400, "target_not_available"),
        (body("lung & "), "embedded-ct", 400, "request_invalid"),
        (body("lung"), "MedImageParse", 404, "deployment_not_found"),
        (body("lung", "????"), "embedded-ct", 400, "image_unreadable"),
        (body("lung", base64.b64encode(b"no png").decode()), "embedded-ct", 400, "image_unreadable"),
        (body("lung", 5), "embedded-ct", 400, "image_unreadable"),
        (body(None), "embedded-ct", 400, "request_invalid"),
        (body("lung", rows=65), "embedded-ct", 400, "request_invalid"),
        (b"", "", 400, "request_invalid"),
        (b"[]", "", 400, "request_invalid"),
        (b"\xff", "", 400, "request_invalid"),
        (b'{"input_data":{"columns":[],"data":[]}}', "", 400, "request_invalid"),
    ],
)
async def test_a_request_that_cannot_be_answered_is_told_why(
    content: bytes, deployment: str, status: int, code: str
) -> None:
    headers = {"azureml-model-deployment": deployment} if deployment else {}
    async with app_client() as client:
        response = await client.post("/score", content=content, headers=headers)
    assert response.status_code == status
    assert response.json()["error"]["code"] == code


async def test_several_rows_keep_their_order() -> None:
    async with app_client() as client:
        response = await client.post("/score", content=body("brain & skull", rows=3))
    assert response.status_code == 200
    assert [row["text_features"] for row in response.json()] == [["brain anatomies", "other organ"]] * 3


async def test_gas_under_the_diaphragm_is_no_lung() -> None:
    rows, columns = np.mgrid[:512, :512]
    film = np.full((512, 512), 150.0) + 30 * np.cos(columns / 40)

    def ellipse(row: float, column: float, half_height: float, half_width: float) -> NDArray[np.bool_]:
        return np.asarray(((rows - row) / half_height) ** 2 + ((columns - column) / half_width) ** 2 <= 1)

    bubble = ellipse(440, 360, 18, 40)
    fields = (ellipse(230, 150, 170, 75) | ellipse(230, 362, 170, 75)) & (rows < 370)
    film[fields] = 60
    film[bubble] = 80
    answer = await model("embedded-cxr").segment(image_of(film.astype(np.uint8)), ["lung"])
    lung = answer.probability[0, ::2, ::2] > 0.5
    assert dice(lung, fields) > 0.85
    assert not (lung & bubble).any()


async def test_a_patient_beside_the_middle_of_the_film_has_both_lungs(data: Path) -> None:
    from PIL import Image

    with Image.open(data / "reports" / "patient_4" / "images" / "x-ray.png") as film:
        pixels = np.asarray(film.convert("L"))
    answer = await model("embedded-cxr").segment(image_of(pixels), ["right lung", "left lung"])
    right, left = answer.probability > 0.5
    assert right.mean() > 0.04
    assert left.mean() > 0.04
    assert np.nonzero(right)[1].max() < np.nonzero(left)[1].max()


async def test_a_real_chest_film_has_two_lungs_on_their_sides(data: Path) -> None:
    from PIL import Image

    embedded = model("embedded-cxr")
    for path in sorted((data / "cxr_nih").glob("*.png")):
        with Image.open(path) as film:
            pixels = np.asarray(film.convert("L"))
        answer = await embedded.segment(image_of(pixels), ["right lung", "left lung", "lung"])
        right, left, both = answer.probability > 0.5
        assert answer.soft
        assert 0.07 < right.mean() < 0.25, path.name
        assert 0.07 < left.mean() < 0.25, path.name
        assert np.array_equal(both, right | left)
        assert np.nonzero(right)[1].mean() < 512 < np.nonzero(left)[1].mean()
