"""CT structures that need more than a HU range: whole bone, fat under the skin, and the trachea.

All work on the coarse grid of a slice, in HU-shown grey levels that the caller names; lengths are fractions of the
body's size (the root of its area), as an image does not say its millimetres.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bool = NDArray[np.bool_]
Plane = NDArray[np.float32]

MARROW_GAP = 0.02
"""Half the width of what is closed between the dense parts of a bone."""

SKIN, WALL_GAP = 0.018, 0.06
"""Thickness of skin, and half the gap between parts of the body's wall that belongs to its inside."""

TRACHEA_AREA = (0.0008, 0.015)
"""Of the body's area."""

TRACHEA_OFFSET = 0.12
"""How far its centre may lie beside the body's middle, of the body's width."""

SOLID = 0.85
"""Share of its convex hull that a trachea fills."""


def bones(small: Plane, body: Bool, dense: float, peak: float) -> Bool:
    """Whole bones: dense parts that hold something denser still, with the marrow between and inside them."""
    from scipy import ndimage

    # Single pixels of noise and streaks are no bone.
    smooth = ndimage.gaussian_filter(small, 1.0)
    labels, count = ndimage.label((smooth >= dense) & body)
    if not count:
        return np.zeros_like(body)
    brightest = np.asarray(ndimage.maximum(smooth, labels, np.arange(count + 1)))
    kept = brightest >= peak
    kept[0] = False
    return _filled(_closed(kept[labels], MARROW_GAP * _size(body))) & body


def wall_inside(small: Plane, body: Bool, lungs: Bool, soft: float) -> Bool:
    """What the body's wall of muscle and bone encloses, with the wall: fat outside it lies under the skin."""
    from scipy import ndimage

    size = _size(body)
    deep = ndimage.distance_transform_edt(body) > SKIN * size
    core = ndimage.binary_opening((small >= soft) & deep, iterations=2) | lungs
    inside = _filled(_closed(core, WALL_GAP * size))
    labels, count = ndimage.label(inside)
    if not count:
        return inside
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    # Arms beside the trunk have walls of their own.
    return np.asarray((sizes > 0.02 * sizes.max())[labels] & inside, bool)


def trachea(small: Plane, body: Bool, air: float, empty: float) -> Bool:
    """The round, empty air space near the middle; nothing where no air looks like it.

    Args:
        air: grey below which a pixel is air.
        empty: grey that the middle of the space must stay under; lung is brighter.
    """
    from scipy import ndimage

    labels, count = ndimage.label((small < air) & ndimage.binary_erosion(body, iterations=2))
    best, best_row = np.zeros_like(body), body.shape[0]
    for number in range(1, count + 1):
        part = labels == number
        if not _is_round_tube(part, body) or float(np.median(small[part])) > empty:
            continue
        row = int(np.nonzero(part)[0].mean())
        if row < best_row:
            best, best_row = part, row
    return np.asarray(ndimage.binary_dilation(best), bool) if best.any() else best


def _is_round_tube(part: Bool, body: Bool) -> bool:
    from skimage.measure import regionprops

    if not TRACHEA_AREA[0] <= float(part.sum()) / max(1.0, float(body.sum())) <= TRACHEA_AREA[1]:
        return False
    regions: Callable[[NDArray[np.uint8]], list[Any]] = regionprops
    (facts,) = regions(part.astype(np.uint8))
    columns = np.flatnonzero(body.any(axis=0))
    middle, width = (columns[0] + columns[-1]) / 2, columns[-1] - columns[0] + 1
    beside = abs(float(facts.centroid[1]) - middle) / width
    round_ = facts.axis_major_length < 2 * facts.axis_minor_length
    return bool(beside <= TRACHEA_OFFSET and facts.solidity >= SOLID and round_)


def _size(body: Bool) -> float:
    return float(np.sqrt(body.sum()))


def _filled(mask: Bool) -> Bool:
    from scipy import ndimage

    return np.asarray(ndimage.binary_fill_holes(mask), bool)


def _closed(mask: Bool, radius: float) -> Bool:
    """Closing by a disc."""
    from scipy import ndimage

    if radius < 1 or not mask.any():
        return mask
    pad = int(radius) + 2
    grown = ndimage.distance_transform_edt(~np.pad(mask, pad)) <= radius
    shrunk = ndimage.distance_transform_edt(grown) > radius
    return np.asarray(shrunk[pad:-pad, pad:-pad] | mask, bool)
