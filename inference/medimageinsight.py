"""MedImageInsight of the Azure AI Foundry catalogue: images and texts as vectors in one space.

Source: Azure AI Foundry documentation, notebooks and agent server of MedImageInsight; they differ in places.

Request (pandas split): `{"input_data": {"columns": ["image", "text"], "index": […], "data": [[png as base64, ""],
["", text], …]}, "params": {"get_scaling_factor": true}}`; the absent side is "" (or null), at most 1024 rows.
Image: here 512 × 512 RGB PNG, aspect of the pixel grid kept, centred, padded with black, percentiles 0.5–99.5 unless
8-bit. (The public toolkit stretches to 480 × 480 and takes percentiles 1–99, the agent server stretches to 512 × 512.)
Answer: an object a row, `image_features` and `text_features` as 1024 numbers, nested up to twice; the documentation
also shows one object with a vector a row. `scaling_factor` (≈ 4.516) is a logarithm: zero-shot probabilities are
softmax(exp(scaling_factor) · image · textᵀ) of unit vectors.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from domain.embedding import Embeddings, ZeroShot
from domain.errors import ModelResponseInvalid, TargetRefused
from domain.model import ModelIdentity, ModelImage, Window
from domain.ports import Compute
from domain.privacy import Deidentified
from domain.study import Patient, Volume
from inference.wire_features import (
    FEATURES,
    READER,
    Row,
    batched,
    parse_features,
    request_body,
    zero_shot_probabilities,
)
from inference.wire_json import Scorer, base64_cell, identity_at, scored, text_cell
from tools.deidentification import deidentify_image
from tools.deidentification_text import scrub_text
from tools.preparation import prepare_array
from tools.windowing import IDENTITY, PERCENTILE

NAME = "MedImageInsight"
SIZE = 512
BATCH_BYTES = 4 * 2**20
"""Largest body of several rows; managed endpoints pass 5 MB/s by default. One row may be larger."""
TOKENS = 77
_MARKS = 2
"""Start and end of a text are tokens, too."""
_LETTERS_A_TOKEN = 3
IN_FLIGHT = 3
"""Calls under way at once; published concurrency of an instance."""
TEXTS_KEPT = 4096

_TOKEN = re.compile(r"[^\W_]+|[^\w\s]|_")


def label_text(modality: str, anatomy: str, exam: str, condition: str) -> Deidentified[str]:
    """A zero-shot label in the documented order, e.g. "x-ray chest anteroposterior Pneumonia"; parts may be empty.

    Raises:
        TargetRefused: no condition, more tokens than the model reads, or something that looks like an identifier.
    """
    if not condition.strip():
        raise TargetRefused("A label needs a condition.", where="labels")
    text = " ".join(" ".join((modality, anatomy, exam, condition)).split())
    scrubbed = scrub_text(text, Patient())
    if scrubbed.value != text:
        raise TargetRefused("A label must not hold names, numbers or dates of a person.", where="labels")
    require_short(text)
    return scrubbed


def require_short(text: str) -> None:
    """Refuse a text that has certainly more than the 77 tokens that the model reads; the rest would be cut off.

    A word or punctuation mark is at least one token.

    Raises:
        TargetRefused: empty, or too long.
    """
    count = len(_TOKEN.findall(text))
    if not count:
        raise TargetRefused("A text to embed must not be empty.", where="texts")
    if count + _MARKS > TOKENS:
        raise TargetRefused(
            f"A text of {count} words and marks has more than the {TOKENS} tokens that {NAME} reads.",
            remedy="Shorten it, or split it into several texts.",
            where="texts",
        )


def may_be_cut(text: str) -> bool:
    """True when a text has more letters than 77 tokens usually hold (three each, as documented)."""
    return len(text) > (TOKENS - _MARKS) * _LETTERS_A_TOKEN


def insight_image(array: NDArray[np.generic], window: Window | None = None) -> ModelImage:
    """512 × 512 RGB PNG of (rows, columns) values or (rows, columns, 3) uint8, letterboxed on black.

    Args:
        window: how values become grey; None for percentiles 0.5–99.5, or as they are when 8-bit.
    """
    usual = IDENTITY if array.dtype == np.uint8 else PERCENTILE
    image, _ = prepare_array(array, IDENTITY if array.ndim == 3 else window or usual, size=SIZE)
    return image


class MedImageInsight:
    """A MedImageInsight endpoint (`domain.embedding.EmbeddingModel`). Texts are embedded once and kept.

    Args:
        compute: where answers are parsed and images made.
        batch_bytes: largest body of several rows.
    """

    def __init__(self, transport: Scorer, *, compute: Compute, batch_bytes: int = BATCH_BYTES) -> None:
        self._transport = transport
        self._compute = compute
        self._batch_bytes = batch_bytes
        self._texts: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._scaling: float | None = None
        self._kept_of = self.identity

    @property
    def identity(self) -> ModelIdentity:
        """MedImageInsight, in the version that the configuration names."""
        return identity_at(NAME, self._transport)

    async def image_of(
        self, volume: Volume, slice_index: int, *, window: Window | None = None, released: bool = False
    ) -> Deidentified[ModelImage]:
        """One slice as this endpoint may see it.

        Raises:
            BurnedInTextSuspected: pixels must not leave this machine.
            IndexError: no such slice.
        """
        if not 0 <= slice_index < len(volume.array):
            raise IndexError(f"Slice {slice_index} of {len(volume.array)}.")
        image = await self._compute.run(insight_image, volume.array[slice_index], window)
        local = self.identity.local
        return deidentify_image(image, volume.series, destination_is_local=local, released=released)

    async def embed_images(self, images: Sequence[Deidentified[ModelImage]]) -> Embeddings:
        """(images, 1024) unit vectors, in their order.

        Raises:
            ModelUnreachable, ModelRefused, ModelResponseInvalid: of the first batch that failed.
        """
        rows = [(base64_cell(image.value.png), b'""') for image in images]
        methods = "; ".join(dict.fromkeys(image.method for image in images))
        vectors, _ = await self._embed(rows, methods, "image_features")
        return vectors

    async def embed_texts(self, texts: Sequence[Deidentified[str]]) -> Embeddings:
        """(texts, 1024) unit vectors, in their order; a text is sent once.

        Raises:
            TargetRefused: an empty text, or one that is certainly too long.
            ModelUnreachable, ModelRefused, ModelResponseInvalid.
        """
        vectors, _ = await self._texts_and_scaling(texts)
        return vectors

    async def zero_shot(self, image: Deidentified[ModelImage], labels: Sequence[Deidentified[str]]) -> ZeroShot:
        """Which of the labels describes the image best; they compete, so they should exclude each other.

        Raises:
            TargetRefused: fewer than two different labels, or one that cannot be embedded.
            ModelUnreachable, ModelRefused, ModelResponseInvalid: also when there is no scaling factor.
        """
        names = tuple(label.value for label in labels)
        if len(set(names)) < max(2, len(names)):
            raise TargetRefused("Zero-shot compares two or more different labels.", where="labels")
        texts, scaling = await self._texts_and_scaling(labels)
        if scaling is None:
            missing = READER.broken("there is none, though it was asked for", "scaling_factor")
            raise ModelResponseInvalid(missing.reason, where=f"{self._transport.endpoint.label}, {missing.where}")
        (vector,) = await self.embed_images([image])
        probabilities, similarities = zero_shot_probabilities(vector, texts, scaling)
        cut = sum(may_be_cut(name) for name in names)
        said = (f"{cut} labels may be longer than the {TOKENS} tokens that the model reads",) if cut else ()
        return ZeroShot(names, probabilities, similarities, scaling, said)

    async def _texts_and_scaling(self, texts: Sequence[Deidentified[str]]) -> tuple[Embeddings, float | None]:
        """Vectors of all texts, and the factor: the one of this call, or that of an earlier one."""
        for text in texts:
            require_short(text.value)
        known = self._kept(texts)
        fresh = {t.value: t.method for t in texts if t.value not in known}
        if fresh:
            rows = [(b'""', text_cell(value)) for value in fresh]
            methods = "; ".join(dict.fromkeys(fresh.values()))
            vectors, scaling = await self._embed(rows, methods, "text_features")
            self._scaling = scaling if scaling is not None else self._scaling
            known |= dict(zip(fresh, vectors, strict=True))
        self._keep(known)
        found = [known[text.value] for text in texts]
        return (np.stack(found) if found else np.empty((0, FEATURES), np.float32)), self._scaling

    def _kept(self, texts: Sequence[Deidentified[str]]) -> dict[str, NDArray[np.float32]]:
        """What need not be sent again: nothing while no factor is known, nor vectors of another version."""
        if self._scaling is None or self._kept_of != self.identity:
            self._texts.clear()
            self._scaling, self._kept_of = None, self.identity
        return {text.value: self._texts[text.value] for text in texts if text.value in self._texts}

    def _keep(self, known: dict[str, NDArray[np.float32]]) -> None:
        for text, vector in known.items():
            self._texts[text] = vector
            self._texts.move_to_end(text)
        while len(self._texts) > TEXTS_KEPT:
            self._texts.popitem(last=False)

    async def _embed(self, rows: Sequence[Row], method: str, field: str) -> tuple[Embeddings, float | None]:
        """All rows in batches, a few at once. The first failure stops the rest."""
        batches = batched(rows, self._batch_bytes)
        slots = asyncio.Semaphore(IN_FLIGHT)

        async def one(batch: Sequence[Row]) -> tuple[Embeddings, float | None]:
            async with slots:
                body = request_body(batch, scaling_factor=field == "text_features")
                return await scored(
                    self._transport,
                    Deidentified(body, method),
                    lambda raw: self._compute.run(parse_features, raw, len(batch), field),
                )

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(batch)) for batch in batches]
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        answers = [task.result() for task in tasks]
        factors = [factor for _, factor in answers if factor is not None]
        vectors = [found for found, _ in answers] or [np.empty((0, FEATURES), np.float32)]
        return np.concatenate(vectors), factors[0] if factors else None


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
