"""What a classifier says about an image: a score a label, and a yes or no only where a threshold has a source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from domain.model import ModelIdentity
from domain.study import Volume


@dataclass(frozen=True)
class LabelScore:
    """One label's result.

    Attributes:
        score: probability, 0–1.
        threshold: from where on the label counts as present; None when nobody determined one.
        threshold_source: on what data or publication the threshold rests.
    """

    label: str
    score: float
    threshold: float | None = None
    threshold_source: str = ""

    @property
    def positive(self) -> bool | None:
        """True from the threshold on; None without one."""
        return None if self.threshold is None else self.score >= self.threshold


@dataclass(frozen=True)
class Classification:
    """All labels of one image, in the order of the model's card.

    Attributes:
        exclusive: the labels exclude each other, their scores sum to 1.
    """

    scores: tuple[LabelScore, ...]
    exclusive: bool
    model: ModelIdentity
    warnings: tuple[str, ...] = ()

    @property
    def positives(self) -> tuple[LabelScore, ...]:
        """Labels at or above a threshold that has a source."""
        return tuple(score for score in self.scores if score.positive)


class ImageClassifier(Protocol):
    """A model that scores fixed labels."""

    @property
    def identity(self) -> ModelIdentity:
        """Name, version, and whether it is on this machine."""

    async def classify(
        self, volume: Volume, slice_index: int = 0, *, region: str = "", released: bool = False
    ) -> Classification:
        """The labels of one slice.

        Raises:
            TargetRefused: an examination that the model was not made for.
            BurnedInTextSuspected, ModelUnreachable, ModelRefused, ModelResponseInvalid.
        """
