"""Custom classifiers: any endpoint that scores fixed labels, as its card says (`inference.classifier_card`).

Source: Azure ML managed online endpoints with an MLflow signature (pandas split); the rest is in the card.

Request: `{"input_data": {"columns": [the card's], "index": [0], "data": [[png as base64, ""]]}, "params": {}}`.
Answer: a list with one row, or the row alone; also under `predictions`. A row is a list of numbers in the card's order
of labels, or an object label → number; either may stand under the card's field, also as JSON text. Numbers are
probabilities or logits as declared; declared probabilities outside 0–1 are an error, not logits.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.classification import Classification, LabelScore
from domain.errors import TargetRefused
from domain.model import ModelIdentity, ModelImage
from domain.ports import Compute
from domain.privacy import Deidentified
from domain.study import Series, Volume
from inference.classifier_card import ClassifierCard
from inference.wire_json import AnswerReader, Scorer, base64_cell, identity_at, scored, split_body
from tools.deidentification import deidentify_image
from tools.letterbox import Letterbox
from tools.png import encode_rgb
from tools.windowing import IDENTITY, PERCENTILE, apply_window

SUM_TOLERANCE = 0.01
"""How far the sum of exclusive probabilities may be from 1: endpoints round."""

BODY_PART_UNKNOWN = "the files state no body part: taken for the one that the classifier is made for"
ROUND_OFF = 1e-6


def classifier_image(array: NDArray[np.generic], card: ClassifierCard) -> ModelImage:
    """A PNG of (rows, columns) values or (rows, columns, 3) uint8 in the card's size, colour and window.

    Raises:
        TargetRefused: colour for a classifier of grey images.
    """
    if array.ndim == 3 and card.colour == "grey":
        raise TargetRefused(f"{card.name} takes grey images, not colour.", where="image")
    usual = IDENTITY if array.dtype == np.uint8 else PERCENTILE
    shown = apply_window(array, IDENTITY if array.ndim == 3 else card.window or usual)
    pixels = Letterbox.fit(array.shape[0], array.shape[1], card.size).apply(shown)
    png = encode_rgb(pixels) if card.colour == "rgb" else _grey_png(pixels)
    return ModelImage(png, card.size, card.size)


def _grey_png(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG", compress_level=1)
    return stream.getvalue()


def request_body(png: bytes, card: ClassifierCard) -> bytes:
    """The body for one image."""
    row = [base64_cell(png) if column == card.image_column else b'""' for column in card.columns]
    return split_body(card.columns, [row])


def parse_response(raw: bytes, card: ClassifierCard) -> tuple[float, ...]:
    """A probability for each label of the card, in its order.

    Raises:
        ModelResponseInvalid: names the field that breaks the contract.
    """
    reader = AnswerReader(card.name)
    scores, where = _only_row(reader, reader.document(raw), card)
    numbers = _in_order(reader, scores, card, where)
    if card.values == "logits":
        return tuple(_activated(numbers, card.exclusive).tolist())
    if numbers.min() < -ROUND_OFF or numbers.max() > 1 + ROUND_OFF:
        raise reader.broken("declared probabilities outside 0–1", where)
    if card.exclusive and abs(float(numbers.sum()) - 1) > SUM_TOLERANCE:
        raise reader.broken(f"exclusive probabilities that sum to {numbers.sum():.3f}", where)
    return tuple(np.clip(numbers, 0.0, 1.0).tolist())


def _only_row(reader: AnswerReader, answer: Any, card: ClassifierCard) -> tuple[Any, str]:
    """What the one row holds as scores, and where that stands."""
    if isinstance(answer, dict) and answer.keys() == {"predictions"}:
        answer = answer["predictions"]
    if isinstance(answer, list) and answer and isinstance(answer[0], list | dict | str):
        row = answer[0] if len(answer) == 1 else None
    else:
        row = answer or None
    if not isinstance(row, list | dict | str):
        raise reader.broken("not one row for the one image", "answer")
    if not card.field:
        return reader.nested(row, "[0]"), "[0]"
    if not isinstance(row, dict) or card.field not in row:
        raise reader.broken("there is none", f"[0].{card.field}")
    return reader.nested(row[card.field], f"[0].{card.field}"), f"[0].{card.field}"


def _in_order(reader: AnswerReader, scores: Any, card: ClassifierCard, where: str) -> NDArray[np.float64]:
    names = [label.name for label in card.labels]
    if isinstance(scores, dict):
        if scores.keys() != set(names):
            raise reader.broken(f"other labels than the card's {len(names)}", where)
        scores = [scores[name] for name in names]
    numbers = reader.numbers(scores, where)
    if numbers.size != len(names):
        raise reader.broken(f"{numbers.size} scores for {len(names)} labels", where)
    return numbers


def _activated(logits: NDArray[np.float64], exclusive: bool) -> NDArray[np.float64]:
    if exclusive:
        powers = np.exp(logits - logits.max())
        return np.asarray(powers / powers.sum())
    small = np.exp(-np.abs(logits))  # never overflows
    return np.asarray(np.where(logits >= 0, 1.0, small) / (1.0 + small))


class Classifier:
    """A classifier's endpoint and its card (`domain.classification.ImageClassifier`)."""

    def __init__(self, card: ClassifierCard, transport: Scorer, *, compute: Compute) -> None:
        self.card = card
        self._transport = transport
        self._compute = compute

    @property
    def identity(self) -> ModelIdentity:
        """The card's name and version."""
        return ModelIdentity(self.card.name, self.card.version, identity_at(self.card.name, self._transport).local)

    async def classify(
        self, volume: Volume, slice_index: int = 0, *, region: str = "", released: bool = False
    ) -> Classification:
        """The labels of one slice.

        Args:
            region: body part as the question names it, for files that state none.
            released: a person has looked at burned-in text and let the pixels go to a remote model.

        Raises:
            TargetRefused: an examination that the card does not name.
            IndexError: no such slice.
            BurnedInTextSuspected, ModelUnreachable, ModelRefused, ModelResponseInvalid.
        """
        warnings = require_fitting(self.card, volume.series, region)
        if not 0 <= slice_index < len(volume.array):
            raise IndexError(f"Slice {slice_index} of {len(volume.array)}.")
        image = await self._compute.run(classifier_image, volume.array[slice_index], self.card)
        local = self.identity.local
        safe = deidentify_image(image, volume.series, destination_is_local=local, released=released)
        body = Deidentified(request_body(image.png, self.card), safe.method)
        scores = await scored(self._transport, body, lambda raw: self._compute.run(parse_response, raw, self.card))
        found = zip(self.card.labels, scores, strict=True)
        rows = tuple(LabelScore(label.name, score, label.threshold, label.threshold_source) for label, score in found)
        return Classification(rows, self.card.exclusive, self.identity, warnings)


def require_fitting(card: ClassifierCard, series: Series, region: str = "") -> tuple[str, ...]:
    """Refuse examinations that the card does not name; returns what could not be checked.

    Raises:
        TargetRefused: another modality, or another body part.
    """
    if series.modality.upper() not in card.modalities:
        made_for = ", ".join(card.modalities)
        raise TargetRefused(f"{card.name} is made for {made_for}, not for {series.modality or 'an unnamed modality'}.")
    stated = (series.body_part or region).strip().casefold()
    if not card.body_parts or any(part in stated for part in card.body_parts):
        return ()
    if stated:
        raise TargetRefused(f"{card.name} is made for other body parts: {', '.join(card.body_parts)}.")
    return (BODY_PART_UNKNOWN,)
