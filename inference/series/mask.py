"""What a model found of one target in a series, and how it is gathered slice by slice.

Both take little memory (`inference.series.mask_planes`) until somebody asks for whole arrays.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from domain.errors import ModelResponseInvalid
from inference.series.mask_planes import MaskPlanes, Plane
from inference.series.slice_choice import SliceChoice


@dataclass(frozen=True, eq=False)
class SeriesMask:
    """What a model found of one target in a series.

    Attributes:
        target: the prompt's text in lower case.
        category: the model's name for it on most slices that show it; "" when it says none, or on a tie.
        kind: "binary", "binary255" or "soft", as `ParseAnswer.kind`; of all slices together.
        slices: what was asked about. Voxels of other slices are outside, and unknown.
        category_votes: slices with voxels for each category.
        planes: the voxels, in source pixels.
    """

    target: str
    category: str
    kind: str
    slices: SliceChoice
    category_votes: dict[str, int]
    planes: MaskPlanes = field(repr=False)

    @property
    def soft(self) -> bool:
        """True when the voxels carry probabilities."""
        return self.kind == "soft"

    @property
    def slices_inferred(self) -> int:
        """Number of slices that the model was asked about."""
        return len(self.slices.indices)

    @cached_property
    def array(self) -> NDArray[np.bool_]:
        """(slices, rows, columns) bool in source pixels: a byte a voxel, made on first use and kept."""
        return self.planes.array()

    @property
    def probability(self) -> NDArray[np.float32] | None:
        """(slices, rows, columns) float32 0–1 in steps of 1/255, 4 bytes a voxel, made anew at each call.

        None for hard masks.
        """
        return self.planes.probability() if self.soft else None

    @property
    def levels(self) -> NDArray[np.uint8] | None:
        """(slices, rows, columns) uint8, probability × 255, made anew at each call; None for hard masks."""
        return self.planes.all_levels() if self.soft else None

    def renamed(self, target: str) -> SeriesMask:
        """The same voxels under the name that was asked for, when it was sent in other words."""
        return replace(self, target=target)

    def with_votes(self, votes: Counter[str]) -> SeriesMask:
        """The same voxels with the category that these votes choose."""
        return replace(self, category=winner(votes), category_votes=dict(votes))


class GatheredMask:
    """What is known of one target so far.

    Args:
        shape: slices, rows, columns of the series.
    """

    def __init__(self, target: str, shape: tuple[int, int, int]) -> None:
        self.target = target
        self._planes = MaskPlanes(shape)
        self._kinds: dict[int, str] = {}
        self._names: dict[int, str] = {}

    def add(self, number: int, plane: Plane, kind: str, category: str) -> None:
        """The answer for one slice: bool of a hard mask, uint8 levels of a soft one (kind "soft")."""
        self._planes.put(number, plane)
        self._kinds[number], self._names[number] = kind, category

    def result(self, slices: SliceChoice) -> SeriesMask:
        """All slices together; nothing can be added afterwards.

        Raises:
            ModelResponseInvalid: some slices count to 1 and others to 255, and none tells which is meant.
        """
        kinds = set(self._kinds.values())
        if kinds == {"binary", "binary255"}:
            ones = [number for number, kind in self._kinds.items() if kind == "binary" and self._planes.shows(number)]
            if ones:
                raise ModelResponseInvalid(
                    f"Masks count to 1 on {len(ones)} slice(s) (the first is {ones[0] + 1}) and to 255 on others.",
                    remedy="Let the endpoint answer every slice in one form.",
                    where="image_features",
                )
        kind = next((k for k in ("soft", "binary255") if k in kinds), "binary")
        if kind != "binary":
            self._reread_ones()
        votes = Counter(name for number, name in self._names.items() if name and self._planes.shows(number))
        return SeriesMask(self.target, winner(votes), kind, slices, dict(votes), self._planes)

    def _reread_ones(self) -> None:
        """{0, 1} on a slice, when others are soft: the ones are 1/255, not inside."""
        for number, kind in self._kinds.items():
            if kind == "binary":
                self._planes.drop(number)


def winner(votes: Counter[str]) -> str:
    """The name with most votes; "" without any, or on a tie."""
    ranked = votes.most_common(2)
    tie = len(ranked) == 2 and ranked[0][1] == ranked[1][1]
    return ranked[0][0] if ranked and not tie else ""
