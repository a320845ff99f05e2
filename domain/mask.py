"""A mask is never without its geometry: it lies in the pixels of its series."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from domain.errors import GeometryInvalid
from domain.geometry import Geometry


class Outcome(StrEnum):
    """Verdict of quality assurance."""

    PASS = "pass"
    REVIEW = "review"
    REJECT = "reject"


_SEVERITY = {Outcome.PASS: 0, Outcome.REVIEW: 1, Outcome.REJECT: 2}


def worst(outcomes: list[Outcome]) -> Outcome:
    """The most severe of several outcomes; PASS of none."""
    return max(outcomes, key=_SEVERITY.__getitem__, default=Outcome.PASS)


@dataclass(frozen=True)
class Quality:
    """What QA says about a mask.

    Attributes:
        confidence: 0–1 with its source in `confidence_source`; None when nothing measures it.
    """

    outcome: Outcome
    reasons: tuple[str, ...] = ()
    confidence: float | None = None
    confidence_source: str = ""


@dataclass(frozen=True, eq=False)
class Mask:
    """One structure in one series.

    Attributes:
        mask_id: short id inside the analysis ("m1").
        target: the prompt's text in lower case.
        category: what the model says it is, one of the contract's sixteen names; "" when it says nothing.
        array: (slices, rows, columns) bool in source pixels.
        probability: (slices, rows, columns) when the model gave a soft mask: float32 0–1, or uint8 probability × 255
            (a quarter of the memory).
        model: "name@version" that made it.
        step_id: the step that made it.
    """

    mask_id: str
    target: str
    category: str
    series_uid: str
    geometry: Geometry
    array: NDArray[np.bool_]
    model: str
    step_id: str
    probability: NDArray[np.float32] | NDArray[np.uint8] | None = None
    quality: Quality | None = None

    def __post_init__(self) -> None:
        if self.array.shape != self.geometry.shape:
            raise GeometryInvalid(f"A mask {self.array.shape} does not lie on {self.geometry.shape} pixels.")

    @property
    def voxel_count(self) -> int:
        """Number of source voxels inside."""
        return int(np.count_nonzero(self.array))

    def judged(self, quality: Quality) -> Mask:
        """The same mask with QA's verdict."""
        return replace(self, quality=quality)
