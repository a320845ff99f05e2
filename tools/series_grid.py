"""Which frames of a DICOM series share one grid: size, spacing, direction, and being placed at all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tools.dicom_frame import Frame
from tools.dicom_pixels import DecodedFrame

_DIRECTION_TOLERANCE = 1e-3
_SPACING_TOLERANCE = 1e-3
_STACKED_WITHOUT_POSITIONS = frozenset({"CT", "MR", "PT"})
"""Single-frame images of these modalities belong together even where nobody says where they lie."""


def split_by_grid(frames: Sequence[DecodedFrame]) -> list[list[DecodedFrame]]:
    """Groups that share a grid, the largest first; equal ones in acquisition order."""
    stacks = {decoded.frame.stack for decoded in frames}
    by_stack = len(stacks) < len(frames)
    groups: list[list[DecodedFrame]] = []
    for decoded in sorted(frames, key=lambda one: one.frame.order):
        home = next((group for group in groups if _share_grid(group[0], decoded, by_stack)), None)
        if home is None:
            groups.append([decoded])
        else:
            home.append(decoded)
    return sorted(groups, key=lambda group: (-len(group), group[0].frame.order))


def _share_grid(one: DecodedFrame, other: DecodedFrame, by_stack: bool) -> bool:
    first, second = one.frame, other.frame
    return (
        one.array.shape == other.array.shape
        and first.modality == second.modality
        and first.localizer == second.localizer
        and (not by_stack or first.stack == second.stack)
        and _same_spacing(first, second)
        and _same_direction(first, second)
    )


def _same_spacing(first: Frame, second: Frame) -> bool:
    if first.size.mm is None or second.size.mm is None:
        return first.size.mm is second.size.mm
    return bool(np.allclose(first.size.mm, second.size.mm, rtol=_SPACING_TOLERANCE, atol=0))


def _same_direction(first: Frame, second: Frame) -> bool:
    if first.orientation is None or second.orientation is None:
        return first.orientation is second.orientation and _belong_unplaced(first, second)
    return bool(np.allclose(first.orientation, second.orientation, rtol=0, atol=_DIRECTION_TOLERANCE))


def _belong_unplaced(first: Frame, second: Frame) -> bool:
    return first.header is second.header or first.modality in _STACKED_WITHOUT_POSITIONS
