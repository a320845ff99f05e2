"""Embeddings of images and texts: unit vectors, what they say of labels, and whether an image is familiar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from domain.model import ModelIdentity, ModelImage, Window
from domain.privacy import Deidentified
from domain.study import Volume

Embeddings = NDArray[np.float32]
"""(n, size) unit vectors."""


@dataclass(frozen=True, eq=False)
class ZeroShot:
    """How well each of several labels describes one image, compared with each other.

    Attributes:
        labels: as they were asked for.
        probabilities: (labels,) softmax over exactly these labels: they compete, and sum to 1.
        similarities: (labels,) cosine of image and label.
        scaling_factor: logarithm of the factor before the softmax, as the model gave it.
    """

    labels: tuple[str, ...]
    probabilities: NDArray[np.float64]
    similarities: NDArray[np.float64]
    scaling_factor: float
    warnings: tuple[str, ...] = ()

    def ranked(self) -> tuple[tuple[str, float], ...]:
        """(label, probability), most probable first."""
        order = np.argsort(-self.probabilities, kind="stable")
        return tuple((self.labels[i], float(self.probabilities[i])) for i in order)


@dataclass(frozen=True)
class Familiarity:
    """Whether an image looks like a collection of references.

    Attributes:
        outlier: True when it does not; None when there are too few references to say.
        distance: mean cosine distance to its nearest references; None without any.
        p_value: share of the references that lie at least as far from the others; None when undecided.
        references: how many there are.
        reason: one sentence for the report.
    """

    outlier: bool | None
    distance: float | None
    p_value: float | None
    references: int
    reason: str


class References(Protocol):
    """A collection of images by which others are judged."""

    @property
    def name(self) -> str:
        """What they are, for the report."""

    def judge(self, vector: NDArray[np.float32]) -> Familiarity:
        """Whether an image (unit vector) looks like them. Raises ValueError for a vector of another size."""


class EmbeddingModel(Protocol):
    """A model that puts images and texts into one space (MedImageInsight's contract)."""

    @property
    def identity(self) -> ModelIdentity:
        """Name, version, and whether it is on this machine."""

    async def embed_images(self, images: Sequence[Deidentified[ModelImage]]) -> Embeddings:
        """(images, size) unit vectors. Raises ModelUnreachable, ModelRefused, ModelResponseInvalid."""

    async def embed_texts(self, texts: Sequence[Deidentified[str]]) -> Embeddings:
        """(texts, size) unit vectors. Raises TargetRefused besides."""

    async def zero_shot(self, image: Deidentified[ModelImage], labels: Sequence[Deidentified[str]]) -> ZeroShot:
        """Which of the labels describes the image best."""


class ImageEmbedding(EmbeddingModel, Protocol):
    """An embedding model that also makes its own input of a slice."""

    async def image_of(
        self, volume: Volume, slice_index: int, *, window: Window | None = None, released: bool = False
    ) -> Deidentified[ModelImage]:
        """One slice as the model wants it. Raises BurnedInTextSuspected."""
