"""Which slices of a series a model is asked about, and what that leaves unknown.

A volume question asks about all. Everything else leaves voxels of which nothing is known; they are outside the
mask, so a choice goes with every result and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.errors import SpacingMissing
from domain.geometry import Geometry


@dataclass(frozen=True)
class SliceChoice:
    """Slices to ask about.

    Attributes:
        indices: 0-based, ascending, each once, at least one.
        total: slices of the series.
        rule: how they were chosen, in words ("every slice", "every 5th slice", …).
    """

    indices: tuple[int, ...]
    total: int
    rule: str

    def __post_init__(self) -> None:
        if not self.indices:
            raise ValueError("No slice was chosen: an empty mask of nothing would look like an answer.")
        if list(self.indices) != sorted(set(self.indices)):
            raise ValueError("Slices are chosen once each, in ascending order.")
        if self.indices[0] < 0 or self.indices[-1] >= self.total:
            raise ValueError(f"A slice that the series does not have was chosen; it has {self.total}.")

    @property
    def complete(self) -> bool:
        """True when every slice is asked about: only then is a mask a mask of the volume."""
        return len(self.indices) == self.total

    @property
    def left_out(self) -> int:
        """Number of slices that nothing will be known of."""
        return self.total - len(self.indices)

    @property
    def caveat(self) -> str:
        """What a reader must be told; "" for a complete choice."""
        if self.complete:
            return ""
        return (
            f"Volume not covered: {len(self.indices)} of {self.total} slices were inferred ({self.rule}); "
            f"voxels of the other {self.left_out} are not known."
        )


def every_slice(geometry: Geometry) -> SliceChoice:
    """All of them: what a volume is measured from."""
    return SliceChoice(tuple(range(geometry.slices)), geometry.slices, "every slice")


def every_nth(geometry: Geometry, step: int) -> SliceChoice:
    """The first slice and each `step`-th after it.

    Raises:
        ValueError: a step below 1.
    """
    if step < 1:
        raise ValueError(f"Every {step}-th slice is not a choice; the step is at least 1.")
    rule = "every slice" if step == 1 else f"every {step}th slice"
    return SliceChoice(tuple(range(0, geometry.slices, step)), geometry.slices, rule)


def these_slices(geometry: Geometry, slices: Sequence[int]) -> SliceChoice:
    """A list, in any order; 0-based.

    Raises:
        ValueError: an empty list, or a slice that the series does not have.
    """
    chosen = tuple(sorted({int(number) for number in slices}))
    rule = "every slice" if len(chosen) == geometry.slices else "slices asked for by number"
    return SliceChoice(chosen, geometry.slices, rule)


def around_slices(geometry: Geometry, slices: Sequence[int], margin_mm: float) -> SliceChoice:
    """Slices whose centre is at most `margin_mm` from one of `slices`, along the normal; uneven gaps count as they are.

    Raises:
        SpacingMissing: a margin in mm, and the places of the slices are unknown.
        ValueError: a negative margin, an empty list, or a slice that the series does not have.
    """
    given = these_slices(geometry, slices)
    if not margin_mm >= 0:
        raise ValueError(f"A margin of {margin_mm} mm is not a distance.")
    if margin_mm == 0 or geometry.slices == 1:
        return SliceChoice(given.indices, given.total, "the slices of a finding")
    place = _places_mm(geometry)
    distance = np.abs(place[:, None] - place[None, list(given.indices)]).min(axis=1)
    near = np.flatnonzero(distance <= margin_mm + 1e-6)
    return SliceChoice(tuple(near.tolist()), given.total, f"a finding and {margin_mm:g} mm around it")


def around_mask(geometry: Geometry, mask: NDArray[np.bool_], margin_mm: float) -> SliceChoice:
    """Slices that show `mask` (slices, rows, columns), and those at most `margin_mm` from one of them.

    Raises:
        SpacingMissing: as `around_slices`.
        ValueError: the mask is empty or of another shape.
    """
    if mask.shape != geometry.shape:
        raise ValueError(f"A mask {mask.shape} does not lie on {geometry.shape} pixels.")
    return around_slices(geometry, np.flatnonzero(mask.any(axis=(1, 2))).tolist(), margin_mm)


def _places_mm(geometry: Geometry) -> NDArray[np.float64]:
    if geometry.positions_mm is None:
        raise SpacingMissing(
            "A distance between slices was asked for, and their places are unknown.",
            remedy="Name the slices by number, or ask about every slice.",
            where="margin_mm",
        )
    return np.asarray(geometry.positions_mm @ geometry.normal, dtype=np.float64)
