"""Every documented form of a mask is read; every breach is named."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from domain.errors import ModelResponseInvalid, TargetRefused
from inference.medimageparse import parse_response, request_body
from inference.wire_masks import classify_mask_values, lift_payload
from tests.inference.endpoint_server import answer_row


def masks_of(kind: str, count: int, height: int, width: int, seed: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    inside = rng.random((count, height, width)) < rng.random()
    if kind == "soft":
        soft = np.where(inside, rng.integers(2, 255, inside.shape), 0).astype(np.uint8)
        soft[0, 0, 0] = 77
        return soft
    return inside * np.uint8(1 if kind == "binary" else 255)


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["binary", "binary255", "soft"]),
    count=st.integers(1, 3),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    features=st.sampled_from(["string", "object", "single"]),
    newlines=st.booleans(),
    named=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_form_gives_the_same_masks(
    kind: str, count: int, height: int, width: int, features: str, newlines: bool, named: bool, seed: int
) -> None:
    masks = masks_of(kind, count, height, width, seed)
    names = ["Heart_Anatomies", "martian organ", "lung"][:count] if named else None
    raw = json.dumps([answer_row(masks, names, features=features, newlines=newlines)]).encode()
    answer = parse_response(raw, ["p"] * count, (height, width))
    scale = 1 if kind == "binary" else 255
    assert np.array_equal(answer.probability > 0.5, masks / scale > 0.5)
    assert np.allclose(answer.probability, masks / scale, atol=1e-6)
    assert answer.kind == (kind if masks.any() else "binary")
    assert answer.categories == (("heart anatomies", "", "lung")[:count] if named else ("",) * count)


@pytest.mark.parametrize("features", ["string", "object", "single"])
@pytest.mark.parametrize("kind", ["binary", "binary255", "soft", "dense"])
def test_full_size_masks_take_the_fast_way_with_the_same_result(features: str, kind: str) -> None:
    masks = np.zeros((2, 1024, 1024), np.uint8)
    masks[0, 100:300, 50:77] = {"binary": 1}.get(kind, 255)
    masks[1, 1000:, 1000:] = {"binary": 1}.get(kind, 255)
    if kind == "soft":
        masks[1, 5:9, 5:9] = 128
    if kind == "dense":
        masks = np.random.default_rng(1).integers(0, 256, masks.shape, dtype=np.uint8)
    raw = json.dumps([answer_row(masks, ["liver", "lung"], features=features, newlines=False)]).encode()
    assert lift_payload(raw)[1] is not None
    answer = parse_response(raw, ["a", "b"])
    assert np.array_equal(answer.probability > 0.5, masks > 127 if kind != "binary" else masks > 0)


def test_one_mask_may_lack_its_axis_and_floats_and_bools_are_read() -> None:
    soft = np.full((8, 8), 0.25, np.float32)
    soft[2:4, 2:4] = 0.75
    raw = json.dumps([answer_row(soft, None, features="string", newlines=False)]).encode()
    answer = parse_response(raw, ["p"], (8, 8))
    assert answer.kind == "soft"
    assert np.array_equal(answer.probability[0], soft)
    raw = json.dumps([answer_row(soft > 0.5, None, features="object", newlines=False)]).encode()
    assert parse_response(raw, ["p"], (8, 8)).probability.sum() == 4


@pytest.mark.parametrize(
    ("values", "kind"),
    [([0, 0], "binary"), ([0, 1], "binary"), ([0, 255], "binary255"), ([0, 1, 255], "soft"), ([0, 2], "soft")],
)
def test_kind_of_values(values: list[int], kind: str) -> None:
    assert classify_mask_values(np.array([[values]], np.uint8)) == kind


def test_a_faint_soft_mask_beside_a_strong_one_is_no_structure() -> None:
    masks = np.zeros((2, 8, 8), np.uint8)
    masks[0, 2:5, 2:5] = 200
    masks[1, 1, 1] = 1
    raw = json.dumps([answer_row(masks, None, features="string", newlines=False)]).encode()
    answer = parse_response(raw, ["a", "b"], (8, 8))
    assert answer.kind == "soft"
    assert not (answer.probability[1] > 0.5).any()


def good() -> dict[str, object]:
    return {"data": base64.b64encode(bytes(64)).decode(), "shape": [1, 8, 8], "dtype": "uint8"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"shape": [2, 8, 8]}, "image_features"),
        ({"shape": [1, 4, 16]}, "image_features.shape"),
        ({"shape": "8x8"}, "image_features.shape"),
        ({"shape": [1, -8, -8]}, "image_features.shape"),
        ({"shape": [True, 8, 8]}, "image_features.shape"),
        ({"dtype": "complex64"}, "image_features.dtype"),
        ({"dtype": "float32"}, "image_features.data"),
        ({"data": base64.b64encode(bytes(60)).decode()}, "image_features.data"),
        ({"data": base64.b64encode(bytes(64)).decode()[:-3]}, "image_features.data"),
        ({"data": "!" * 88}, "image_features.data"),
        ({"data": None}, "image_features.data"),
        ({"data": base64.b64encode(bytes([7] * 64)).decode(), "dtype": "bool"}, "image_features.data"),
    ],
)
def test_a_breach_is_named(change: dict[str, object], field: str) -> None:
    raw = json.dumps([{"image_features": json.dumps(good() | change)}]).encode()
    with pytest.raises(ModelResponseInvalid) as caught:
        parse_response(raw, ["p"], (8, 8))
    assert caught.value.where.startswith(field)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 256.0])
def test_floats_that_are_no_probability_are_refused(value: float) -> None:
    masks = np.full((1, 8, 8), value, np.float32)
    raw = json.dumps([answer_row(masks, None, features="string", newlines=False)]).encode()
    with pytest.raises(ModelResponseInvalid):
        parse_response(raw, ["p"], (8, 8))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"[1]",
        b'[{"text_features": []}]',
        b'{"error": "boom"}',
        b'{"message": "boom"}',
        b"[{" * 100000,
        b'[{"image_features": "__import__(\'os\')"}]',
        b'[{"image_features": "' + b"(" * 50000 + b'"}]',
        b'[{"image_features": null}]',
        b"\xff\xfe\x00",
    ],
)
def test_anything_else_is_invalid_not_a_crash(raw: bytes) -> None:
    with pytest.raises(ModelResponseInvalid):
        parse_response(raw, ["p"], (8, 8))


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 300))
def test_damage_never_becomes_a_mask_of_another_shape(noise: bytes, at: int) -> None:
    raw = json.dumps([{"image_features": json.dumps(good())}]).encode()
    damaged = raw[:at] + noise + raw[at + len(noise) :]
    try:
        answer = parse_response(damaged, ["p"], (8, 8))
    except ModelResponseInvalid:
        return
    assert answer.probability.shape == (1, 8, 8)
    assert np.isfinite(answer.probability).all()


def test_request_is_pandas_split_without_newlines() -> None:
    body = json.loads(request_body(bytes(range(256)) * 8, ['left "lung"', "tumör"]))
    png, text = body["input_data"]["data"][0]
    assert body["input_data"]["columns"] == ["image", "text"]
    assert body["params"] == {}
    assert base64.b64decode(png, validate=True) == bytes(range(256)) * 8
    assert text == 'left "lung" & tumör'


@pytest.mark.parametrize("prompts", [[], [""], ["  "], ["liver & spleen"]])
def test_prompts_that_the_contract_would_split_are_refused(prompts: list[str]) -> None:
    with pytest.raises(TargetRefused):
        request_body(b"png", prompts)
