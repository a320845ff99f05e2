"""What an imaging model is to us: its identity, what it knows, what it is shown and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PROJECTION_RADIOGRAPHY = frozenset({"CR", "DX", "RG", "XR", "MG", "RF"})
"""DICOM modalities that are projections: distances are at the detector or calibrated, never exact in depth."""


@dataclass(frozen=True)
class Window:
    """How real-world values become 8 bit.

    Attributes:
        name: "abdomen", "lung", …, "percentile" or "identity".
        low, high: values shown as 0 and 255; None for percentiles 0.5–99.5 of the slice, or identity.
    """

    name: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class KnownTarget:
    """A target that a model was evaluated on.

    Attributes:
        published_dice: mean Dice of the publication, None for models measured by ourselves only.
        cases: number of evaluated images.
        window: the window this model wants for it, None for the contract's rule.
        caution: why every result needs a look, "" when its quality is known well enough.
    """

    target: str
    modality: str
    site: str
    published_dice: float | None = None
    cases: int = 0
    category: str = ""
    window: Window | None = None
    caution: str = ""


@dataclass(frozen=True)
class ModelIdentity:
    """Which model, and whether pixels leave this machine to reach it.

    Attributes:
        name: "MedImageParse", "embedded-ct-tissue", …
        version: from configuration or the deployment; "unknown" where nobody says.
        local: the model runs on this machine (in process or on loopback).
    """

    name: str
    version: str = "unknown"
    local: bool = False

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


@dataclass(frozen=True)
class ModelImage:
    """What a model sees: an RGB PNG, without any header.

    Attributes:
        png: the encoded image.
        width, height: in pixels.
    """

    png: bytes
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class ParseAnswer:
    """MedImageParse's answer to one image.

    Attributes:
        probability: (prompts, height, width) float32 0–1; exactly {0, 1} for hard masks.
        kind: "binary" ({0,1}), "binary255" ({0,255}) or "soft" (0–255 probabilities): what the wire carried.
        categories: one of the contract's names for each prompt; "" when the model says none.
    """

    probability: NDArray[np.float32]
    kind: str
    categories: tuple[str, ...]

    @property
    def soft(self) -> bool:
        """True when the values carry confidence."""
        return self.kind == "soft"
