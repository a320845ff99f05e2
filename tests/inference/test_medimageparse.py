"""Several rows in one request: what is sent, and that each answer is the one that a request of its own would get."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from numpy.typing import NDArray

from domain.errors import ModelResponseInvalid, TargetRefused
from inference.medimageparse import parse_response, parse_rows, request_body, request_rows
from inference.series.row_batches import RowsNotAnswered
from tests.inference.endpoint_server import answer_row

SIZES = [(1024, 1024)] * 3
KINDS = ["binary255", "soft", "binary"]


def masks_of(kind: str, corner: int) -> NDArray[np.uint8]:
    masks = np.zeros((2, 1024, 1024), np.uint8)
    masks[0, corner : corner + 300, 100:500] = 1 if kind == "binary" else 255
    masks[1, corner : corner + 40, :40] = {"binary": 1, "binary255": 255, "soft": 77}[kind]
    return masks


def answer_of(kinds: list[str], features: str = "string", newlines: bool = False) -> tuple[bytes, list[bytes]]:
    """An answer of several rows, and of each row alone."""
    rows = [
        answer_row(masks_of(kind, 100 * n), ["lung", "tumor"], features=features, newlines=newlines)
        for n, kind in enumerate(kinds)
    ]
    return json.dumps(rows).encode(), [json.dumps([row]).encode() for row in rows]


def test_a_request_of_several_rows_is_pandas_split() -> None:
    body = json.loads(request_rows([b"one", b"two", b"three"], ["liver", "left  kidney"]))
    table = body["input_data"]
    assert table["columns"] == ["image", "text"]
    assert table["index"] == [0, 1, 2]
    assert [base64.b64decode(row[0]) for row in table["data"]] == [b"one", b"two", b"three"]
    assert {row[1] for row in table["data"]} == {"liver & left kidney"}
    assert body["params"] == {}


def test_one_row_is_the_request_of_one_image() -> None:
    assert request_rows([b"png"], ["liver"]) == request_body(b"png", ["liver"])
    with pytest.raises(TargetRefused):
        request_rows([b"png", b"png"], ["liver & lung"])


@pytest.mark.parametrize("features", ["string", "object", "single"])
@pytest.mark.parametrize("newlines", [False, True])
def test_each_row_is_read_as_if_it_came_alone(features: str, newlines: bool) -> None:
    raw, alone = answer_of(KINDS, features, newlines)
    together = parse_rows(raw, ["a", "b"], SIZES)
    for row, single in zip(together, alone, strict=True):
        expected = parse_response(single, ["a", "b"])
        assert row.kind == expected.kind
        assert row.categories == expected.categories == ("lung", "tumor")
        assert np.array_equal(row.probability, expected.probability)
    assert [row.kind for row in together] == KINDS


def test_rows_in_different_forms() -> None:
    rows = [
        answer_row(masks_of("binary255", 0), None, features="string", newlines=True),
        answer_row(masks_of("soft", 200), None, features="object", newlines=False),
    ]
    first, second = parse_rows(json.dumps(rows).encode(), ["a", "b"], SIZES[:2])
    assert np.array_equal(first.probability > 0.5, masks_of("binary255", 0) > 0)
    assert np.array_equal(second.probability > 0.5, masks_of("soft", 200) > 127)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_another_number_of_rows_is_named(count: int) -> None:
    raw, _ = answer_of((KINDS + KINDS)[:count])
    with pytest.raises(RowsNotAnswered, match=f"{count} objects for 3 images"):
        parse_rows(raw, ["a", "b"], SIZES)


def test_a_broken_row_is_no_answer_at_all() -> None:
    rows = [answer_row(masks_of("binary255", 0), None, features="string", newlines=False) for _ in range(3)]
    rows[1]["image_features"] = json.dumps({"data": "AAAA", "shape": [2, 1024, 1024], "dtype": "uint8"})
    with pytest.raises(ModelResponseInvalid) as caught:
        parse_rows(json.dumps(rows).encode(), ["a", "b"], SIZES)
    assert not isinstance(caught.value, RowsNotAnswered)


@pytest.mark.parametrize("raw", [b"", b'[{"image_features": 1}, 2, 3]', b'{"error": "no"}', b"[{}, {}, {}]"])
def test_what_is_no_answer(raw: bytes) -> None:
    with pytest.raises(ModelResponseInvalid):
        parse_rows(raw, ["a"], SIZES)
