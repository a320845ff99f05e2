"""The parts of an outline that lie on one side of the patient."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from domain.mask import Mask
from domain.study import Volume
from tools.quality_body import find_body, locate

SMALLEST = 0.01
"""Fraction of the largest part below which a part is too small to be placed: it goes with no side."""


def on_side(mask: Mask, volume: Volume, side: str) -> Mask | None:
    """The parts of a mask whose larger half lies on a side.

    Args:
        side: "left" or "right" of the patient.

    Returns:
        A mask without probabilities outside those parts; empty when none lies there; None when the images do not
        say which side is which.
    """
    labels, count = ndimage.label(mask.array)
    if not count:
        return mask
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    slices = np.flatnonzero(mask.array.any(axis=(1, 2)))
    body = find_body(volume, int(slices[0]), int(slices[-1]))
    kept = np.zeros(count + 1, np.bool_)
    boxes = ndimage.find_objects(labels)
    for number in np.flatnonzero(sizes >= max(1.0, SMALLEST * sizes.max())):
        box = boxes[number - 1]
        voxels = np.argwhere(labels[box] == number) + [edge.start for edge in box]
        place = locate(voxels, body, volume.series)
        if place.right_half is None:
            return None
        kept[number] = (place.right_half >= 0.5) is (side == "right")
    inside = kept[labels]
    levels = None if mask.probability is None else np.where(inside, mask.probability, mask.probability.dtype.type(0))
    return replace(mask, array=inside, probability=levels)
