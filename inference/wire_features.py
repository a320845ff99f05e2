"""MedImageInsight's rows and vectors on the wire, and the probabilities that they stand for.

Source: Azure AI Foundry documentation and notebooks of MedImageInsight; see `inference.medimageinsight`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from domain.embedding import Embeddings
from inference.wire_json import AnswerReader, split_body

FEATURES = 1024
LARGEST_ROWS = 1024
LARGEST_SCALING = 10.0
"""Logarithms of published factors lie near 4.6 (a factor of 100); above this it is the factor itself."""

Row = tuple[bytes, bytes]
"""The cells of image and text, as JSON."""

READER = AnswerReader("MedImageInsight")


def request_body(rows: Sequence[Row], *, scaling_factor: bool) -> bytes:
    """The body for (image cell, text cell) rows."""
    params = b'{"get_scaling_factor":true}' if scaling_factor else b"{}"
    return split_body(("image", "text"), rows, params)


def parse_features(raw: bytes, count: int, field: str) -> tuple[Embeddings, float | None]:
    """(count, 1024) unit vectors of `image_features` or `text_features`, and the scaling factor if there is one.

    Raises:
        ModelResponseInvalid: names the row and field that break the contract.
    """
    answer = READER.document(raw)
    if isinstance(answer, dict) and field in answer:
        rows = _from_columns(answer, count, field)
    else:
        rows = READER.rows(answer, count, field)
    vectors = np.stack([_unit(row[field], f"[{n}].{field}") for n, row in enumerate(rows)])
    return vectors, _scaling(rows)


def _from_columns(answer: dict[str, object], count: int, field: str) -> list[dict[str, object]]:
    """The documentation's form: one object with a vector a row."""
    vectors = answer[field]
    if count == 1:
        return [answer]
    if not isinstance(vectors, list) or len(vectors) != count:
        raise READER.broken(f"not one vector for each of {count} rows", field)
    scaling = answer.get("scaling_factor")
    return [{field: vector, "scaling_factor": scaling} for vector in vectors]


def _unit(value: object, where: str) -> NDArray[np.float32]:
    for _ in range(2):
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
    numbers = READER.numbers(value, where)
    if numbers.shape != (FEATURES,):
        raise READER.broken(f"{numbers.size} numbers, not {FEATURES}", where)
    largest = float(np.abs(numbers).max())
    if largest == 0:
        raise READER.broken("a vector of zeros", where)
    scaled = numbers / largest  # so that squares of large numbers stay finite
    return np.asarray(scaled / np.linalg.norm(scaled), dtype=np.float32)


def _scaling(rows: Sequence[dict[str, object]]) -> float | None:
    said = [row["scaling_factor"] for row in rows if row.get("scaling_factor") is not None]
    if not said:
        return None
    factors = READER.numbers(said, "scaling_factor")
    if np.ptp(factors) > 1e-3:
        raise READER.broken("rows disagree", "scaling_factor")
    factor = float(factors[0])
    if not 0 < factor <= LARGEST_SCALING:
        raise READER.broken(f"{factor:g} is no logarithm of a factor", "scaling_factor")
    return factor


def zero_shot_probabilities(
    image: NDArray[np.float32], texts: Embeddings, scaling_factor: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Softmax over labels of exp(scaling_factor) · cosine, and the cosines."""
    similarities = texts.astype(np.float64) @ image.astype(np.float64)
    logits = np.exp(scaling_factor) * similarities
    powers = np.exp(logits - logits.max())
    return powers / powers.sum(), similarities


def batched(rows: Sequence[Row], limit: int) -> list[list[Row]]:
    """Rows in order, at most 1024 and `limit` bytes a batch; a larger row goes alone."""
    batches: list[list[Row]] = []
    size = 0
    for row in rows:
        length = sum(map(len, row))
        if not batches or len(batches[-1]) == LARGEST_ROWS or size + length > limit:
            batches.append([])
            size = 0
        batches[-1].append(row)
        size += length
    return batches
