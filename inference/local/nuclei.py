"""Cell nuclei on H&E or haematoxylin–DAB: colour deconvolution, threshold and opening.

The image is RGB as scanned. One mask for all nuclei of whatever kind; touching nuclei are not separated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

SMALLEST_PX = 30
BACKGROUND_LEVEL = 225.0


def segment(image: NDArray[np.uint8], targets: Sequence[str]) -> NDArray[np.uint8]:
    """Hard masks {0, 255} (targets, rows, columns) of nuclei in an RGB (rows, columns, 3) image."""
    mask = _nuclei(image).astype(np.uint8) * np.uint8(255)
    return np.stack([mask] * len(targets))


def _nuclei(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    from scipy import ndimage
    from skimage.color import rgb2hed
    from skimage.filters import threshold_otsu
    from skimage.morphology import remove_small_holes, remove_small_objects

    # Black padding is no stain.
    tissue = (image.max(axis=2) > 20) & (image.mean(axis=2) < BACKGROUND_LEVEL)
    if tissue.sum() < SMALLEST_PX:
        return np.zeros(image.shape[:2], bool)
    stain = ndimage.gaussian_filter(rgb2hed(image)[..., 0].astype(np.float32), 2.0)
    if float(np.ptp(stain[tissue])) < 1e-3:
        return np.zeros(image.shape[:2], bool)
    threshold: Callable[[NDArray[np.float32]], float] = threshold_otsu
    dark = (stain > threshold(stain[tissue])) & tissue
    opened = ndimage.binary_opening(dark, iterations=2)
    filled = remove_small_holes(opened, max_size=4 * SMALLEST_PX)
    return np.asarray(remove_small_objects(filled, max_size=SMALLEST_PX), bool)
