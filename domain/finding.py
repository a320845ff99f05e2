"""Finding and Measurement: statements with evidence, numbers with unit, method and source."""

from __future__ import annotations

from dataclasses import dataclass

from domain.chest_report import Box
from domain.codes import Unit
from domain.mask import Outcome

Place = tuple[float, float]
"""Row and column on a slice, in pixels; the centre of the first pixel is (0, 0)."""


@dataclass(frozen=True)
class Line:
    """Where a length was measured: the straight line between two places on one slice of the series.

    Attributes:
        slice_index: from 0, in the order of the slices of the series.
    """

    slice_index: int
    start: Place
    end: Place


@dataclass(frozen=True)
class Measurement:
    """A number that a reader can trust or check.

    Attributes:
        name: what was measured, e.g. "volume", "long_axis", "mean", "cardiothoracic_ratio".
        target: of what.
        method: how, in words a radiologist knows, e.g. "voxel count × voxel volume".
        source: the mask and step it came from, e.g. "m1 (s3)".
        line: of a diameter, where it lies; None for a number that has no one line, e.g. a volume.
    """

    name: str
    target: str
    value: float
    unit: Unit
    method: str
    series_uid: str
    source: str
    mask_id: str = ""
    step_id: str = ""
    line: Line | None = None


@dataclass(frozen=True)
class Finding:
    """A sentence that stands in the report because steps support it.

    Attributes:
        evidence: ids of the steps that support it; never empty.
        series_uid, boxes: where on which series it points, in source pixels; "" and empty where it points nowhere.
    """

    finding_id: str
    text: str
    evidence: tuple[str, ...]
    confidence: float | None = None
    quality: Outcome = Outcome.REVIEW
    series_uid: str = ""
    boxes: tuple[Box, ...] = ()

    def __post_init__(self) -> None:
        if not self.evidence:
            raise ValueError("a finding without evidence does not get into a report")
