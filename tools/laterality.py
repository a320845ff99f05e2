"""On which side of the patient a mask lies, where the images say so."""

from __future__ import annotations

import numpy as np

from domain.mask import Mask
from domain.study import Volume
from tools.quality_body import find_body, locate

ONE_SIDED = 0.8
"""Fraction of a mask's voxels in one half of the patient that puts it on that side."""
SAMPLE = 20_000
"""Voxels of a mask that are looked at."""


def lies_on(mask: Mask, volume: Volume) -> str:
    """ "left" or "right" of the patient; "" when it lies on both, is empty, or the images do not tell.

    The series' own laterality (0020,0060) decides where it is set.
    """
    voxels = np.argwhere(mask.array)
    if not voxels.size:
        return ""
    examined = {"L": "left", "R": "right"}.get(volume.series.laterality, "")
    if examined:
        return examined
    body = find_body(volume, int(voxels[0, 0]), int(voxels[-1, 0]))
    place = locate(voxels[:: max(1, len(voxels) // SAMPLE)], body, volume.series)
    if place.right_half is None:
        return ""
    if place.right_half >= ONE_SIDED:
        return "right"
    return "left" if 1 - place.right_half >= ONE_SIDED else ""
