"""Several images in one request, where a model's contract has rows.

A row costs an endpoint what a request of its own would; what is saved is the way there and back. Endpoints that
turn out not to take several rows are remembered and asked row by row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable
from weakref import WeakSet

from domain.errors import ModelRefused, ModelResponseInvalid
from domain.model import ModelImage, ParseAnswer
from domain.ports import SegmentationModel
from domain.privacy import Deidentified

LARGEST_REQUEST = 5_000_000
"""Bytes: what a managed online endpoint of Azure ML lets through in a second by default."""

_single_rows: WeakSet[object] = WeakSet()


class RowsNotAnswered(ModelResponseInvalid):
    """Another number of rows was answered than was asked."""


@runtime_checkable
class BatchSegmentationModel(Protocol):
    """A segmentation model that takes several images in one call."""

    async def segment_many(
        self, images: Sequence[Deidentified[ModelImage]], prompts: Sequence[str]
    ) -> list[ParseAnswer]:
        """The same prompts in each image; answers in the images' order, equal to those of single calls.

        Raises:
            RowsNotAnswered: another number of rows came back.
            ModelUnreachable, ModelRefused, ModelResponseInvalid.
        """


@dataclass(frozen=True)
class Batching:
    """Bounds of one request.

    Attributes:
        rows: images at most; 1 asks one by one.
        largest_bytes: of the encoded images together (base64). An image that is larger alone goes alone.
    """

    rows: int = 1
    largest_bytes: int = LARGEST_REQUEST

    def __post_init__(self) -> None:
        if self.rows < 1 or self.largest_bytes < 1:
            raise ValueError("A request has at least one row and one byte.")

    def rows_for(self, model: SegmentationModel) -> int:
        """Rows that this model may be sent at once."""
        takes = isinstance(model, BatchSegmentationModel) and model not in _single_rows
        return self.rows if takes else 1

    def split(self, images: Sequence[Deidentified[ModelImage]]) -> Iterator[list[Deidentified[ModelImage]]]:
        """Neighbours together, within the bounds."""
        batch: list[Deidentified[ModelImage]] = []
        size = 0
        for image in images:
            encoded = (len(image.value.png) + 2) // 3 * 4
            if batch and (len(batch) == self.rows or size + encoded > self.largest_bytes):
                yield batch
                batch, size = [], 0
            batch.append(image)
            size += encoded
        if batch:
            yield batch


async def answer_rows(
    model: SegmentationModel, images: Sequence[Deidentified[ModelImage]], prompts: Sequence[str]
) -> list[ParseAnswer]:
    """One answer an image, in one call where the model takes it, else one by one.

    A refusal of several rows is one only when the first row alone is answered; else it is the row's own error.

    Raises:
        ModelUnreachable, ModelRefused, ModelResponseInvalid.
    """
    if len(images) > 1 and isinstance(model, BatchSegmentationModel) and model not in _single_rows:
        try:
            return await model.segment_many(images, prompts)
        except (ModelRefused, RowsNotAnswered):
            first = await model.segment(images[0], prompts)
        _single_rows.add(model)
        return [first, *[await model.segment(image, prompts) for image in images[1:]]]
    return [await model.segment(image, prompts) for image in images]
