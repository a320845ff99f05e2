"""Brain and skull on one axial head CT slice by HU thresholds and morphology.

The image is grey, shown with a window of −200…300 HU: soft tissue differs by half a step of grey a HU,
and everything from 300 HU up is white.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LOW_HU, HIGH_HU = -200.0, 300.0
GRID = 512
SKULL_HU = 220.0
BRAIN_HU = (-15.0, 110.0)
"""Cerebrospinal fluid to fresh blood."""

LARGEST_LEAK_PX = 9
"""Openings of the skull up to this many pixels of the coarse grid are closed for finding its inside."""

Bool = NDArray[np.bool_]
Grey = NDArray[np.uint8]


def segment(image: Grey, targets: Sequence[str]) -> NDArray[np.uint8]:
    """Hard masks {0, 255} (targets, rows, columns) of canonical targets in a grey (rows, columns) image."""
    step = max(1, round(max(image.shape) / GRID))
    small = image[::step, ::step].astype(np.float32)
    bone = small >= level(SKULL_HU)
    drawn = []
    for target in targets:
        if target == "brain":
            region = _brain(small, bone).repeat(step, 0).repeat(step, 1)
            drawn.append(region[: image.shape[0], : image.shape[1]] & (image < level(SKULL_HU)))
        else:
            drawn.append(_skull(image, bone, step))
    return np.stack(drawn).astype(np.uint8) * np.uint8(255)


def level(hu: float) -> float:
    """The 8-bit value that shows a HU value."""
    return (hu - LOW_HU) / (HIGH_HU - LOW_HU) * 255.0


def _skull(image: Grey, bone: Bool, step: int) -> Bool:
    """The largest connected bone; the rest (headrest, implants outside) is none of it."""
    region = _largest(_grown(bone, 2)).repeat(step, 0).repeat(step, 1)
    return np.asarray((image >= level(SKULL_HU)) & region[: image.shape[0], : image.shape[1]])


def _brain(small: NDArray[np.float32], bone: Bool) -> Bool:
    """Soft tissue enclosed by the skull: flooded from outside with the skull's openings closed.

    Where bone encloses nothing (vertex, neck, another body part) the mask is empty.
    """
    from scipy import ndimage

    skull = _largest(_grown(bone, 2))
    soft = (small >= level(BRAIN_HU[0])) & (small < level(BRAIN_HU[1]))
    if not skull.any():
        return np.zeros_like(bone)
    for leak in (1, LARGEST_LEAK_PX // 2, LARGEST_LEAK_PX):
        wall = _grown(skull, leak)
        inside = ndimage.binary_fill_holes(wall) & ~wall
        seed = _largest(inside & soft)
        if seed.sum() > 0.15 * skull_area(skull):
            # Back to the inner table: as far as the wall was thickened, but not through bone or air.
            region = ndimage.binary_dilation(seed, iterations=leak + 3, mask=soft & ~bone)
            opened = ndimage.binary_opening(region, iterations=2) | seed
            return np.asarray(ndimage.binary_fill_holes(opened) & ~bone, bool)
    return np.zeros_like(bone)


def skull_area(skull: Bool) -> int:
    """Pixels of the box around the skull."""
    rows, columns = np.flatnonzero(skull.any(1)), np.flatnonzero(skull.any(0))
    return int((rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1))


def _grown(mask: Bool, radius: int) -> Bool:
    from scipy import ndimage

    return np.asarray(ndimage.distance_transform_edt(~mask) <= radius, bool) if mask.any() else mask


def _largest(mask: Bool) -> Bool:
    from scipy import ndimage

    labels, count = ndimage.label(mask)
    if not count:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == sizes.argmax())
