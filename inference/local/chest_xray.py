"""Lungs on a frontal chest X-ray: dark regions scored against a shape prior, a random walker, then an outline.

The image is grey, dense tissue bright, in standard display (the patient's right at the image's left). Works
on a coarse grid; the soft mask (share × 255) tells how many of the tried outlines hold a pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inference.local.chest_outline import LEFT_LUNG, RIGHT_LUNG, outlined

GRID = 192
"""Longest side of the coarse grid."""

LEVELS = tuple(range(20, 66, 3))
"""Percentiles of grey tried as the border between lung and the rest."""

BARE_AIR = 0.16
"""Grey of air outside the patient, of the stretched image's 0–1."""

SMALLEST_SCORE = 0.35
"""A side whose best region scores less is left empty: no lung was recognised there."""

SHIFTS = (0.0, -0.07, 0.07, -0.14, 0.14)
"""Places of the midline beside the film's middle, in fractions of its width."""

OUTGROWTH = 6
"""Necks thinner than twice this, in pixels of the coarse grid, are cut off the guess."""

SMALLEST_GUESS = 200
"""Pixels of the coarse grid."""

Bool = NDArray[np.bool_]
Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Prior:
    """Where a lung usually lies, in fractions of the image: an ellipse, and how far its ends may go."""

    column: float
    row: float = 0.44
    half_width: float = 0.145
    half_height: float = 0.33

    def distance(self, shape: tuple[int, int]) -> Plane:
        """1 on the ellipse, 0 in its centre."""
        rows = (np.arange(shape[0], dtype=np.float32)[:, None] + 0.5) / shape[0] - self.row
        columns = (np.arange(shape[1], dtype=np.float32)[None, :] + 0.5) / shape[1] - self.column
        return np.asarray(np.hypot(rows / self.half_height, columns / self.half_width), np.float32)


RIGHT, LEFT = Prior(0.29), Prior(0.71)
TEMPLATES = (RIGHT_LUNG, LEFT_LUNG)


def segment(image: NDArray[np.uint8], targets: Sequence[str]) -> NDArray[np.uint8]:
    """Soft masks (targets, rows, columns), probability × 255, of canonical targets in a grey (rows, columns) image."""
    top, bottom, left, right = _content(image)
    right_lung, left_lung = _lungs(image[top:bottom, left:right])
    masks = np.zeros((len(targets), *image.shape), np.uint8)
    planes = {"right lung": right_lung, "left lung": left_lung, "lung": np.maximum(right_lung, left_lung)}
    for place, target in enumerate(targets):
        masks[place, top:bottom, left:right] = _enlarged(planes[target], (bottom - top, right - left))
    return masks


def _content(image: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Rows and columns that hold the picture: black padding is no air."""
    rows, columns = np.flatnonzero(image.max(axis=1) > 4), np.flatnonzero(image.max(axis=0) > 4)
    if rows.size < 16 or columns.size < 16:
        return 0, image.shape[0], 0, image.shape[1]
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _lungs(image: NDArray[np.uint8]) -> tuple[Plane, Plane]:
    """Probability 0–1 of the patient's right and left lung on the coarse grid."""
    from scipy import ndimage

    stretched, small = _normalised(image)
    smooth = np.asarray(ndimage.gaussian_filter(small, 2.0), np.float32)
    outside = _outside(stretched)
    priors, best = _recognised(smooth, outside)
    labels = _seeds(smooth, best, priors)
    labels[outside] = 3
    guesses = [_opened(plane > 0.5, OUTGROWTH) for plane in _walk(smooth, labels, best)]
    grey = np.asarray((stretched + small) / 2, np.float32)
    drawn = [_outlined(grey, guess, outside, shape) for guess, shape in zip(guesses, TEMPLATES, strict=True)]
    return drawn[0], drawn[1]


def _recognised(smooth: Plane, outside: Bool) -> tuple[tuple[Prior, Prior], list[Bool | None]]:
    """The region of each side. Where one is missing, the patient may lie beside the middle of the film."""
    found: tuple[tuple[Prior, Prior], list[Bool | None]] = ((RIGHT, LEFT), [None, None])
    best_score = -1.0
    for shift in SHIFTS:
        priors = (replace(RIGHT, column=RIGHT.column + shift), replace(LEFT, column=LEFT.column + shift))
        scored = [_best_region(smooth, prior, outside, 0.5 + shift) for prior in priors]
        total = sum(score for _, score in scored)
        if total > best_score:
            best_score, found = total, (priors, [region for region, _ in scored])
        if shift == 0 and all(region is not None for region, _ in scored):
            break
    return found


def _outlined(grey: Plane, guess: Bool, outside: Bool, template: NDArray[np.float64]) -> Plane:
    """Share of outlines that hold a pixel; nothing where nothing was guessed."""
    if guess.sum() < SMALLEST_GUESS:
        return np.zeros_like(grey)
    share = outlined(grey, guess, template)
    share[outside] = 0
    return share


def _opened(region: Bool, radius: int) -> Bool:
    """The largest part that a disc reaches: necks to gas, neck or armpit are cut."""
    from scipy import ndimage

    depth = ndimage.distance_transform_edt(np.pad(region, radius + 1))
    labels, count = ndimage.label(depth > radius)
    if not count:
        return np.zeros_like(region)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    inner = slice(radius + 1, -radius - 1)
    return np.asarray(ndimage.distance_transform_edt(labels != sizes.argmax()) <= radius, bool)[inner, inner]


def _normalised(image: NDArray[np.uint8]) -> tuple[Plane, Plane]:
    """The image on the coarse grid, stretched 0–1; and equalised locally so that ribs and exposure matter less."""
    from skimage.exposure import equalize_adapthist

    scale = GRID / max(image.shape)
    shape = tuple(max(16, round(size * scale)) for size in image.shape)
    small = _resized(image.astype(np.float32) / 255.0, (shape[0], shape[1]), anti_aliasing=True)
    low, high = np.percentile(small, [1, 99])
    stretched = np.clip((small - low) / max(float(high - low), 1e-6), 0, 1)
    equal = equalize_adapthist(stretched, kernel_size=GRID // 2, clip_limit=0.01)
    return np.asarray(stretched, np.float32), np.asarray(equal, np.float32)


def _resized(plane: Plane, shape: tuple[int, int], *, anti_aliasing: bool) -> Plane:
    from skimage.transform import resize

    resample: Callable[..., Plane] = resize
    return np.asarray(resample(plane, shape, order=1, mode="edge", anti_aliasing=anti_aliasing), np.float32)


def _outside(stretched: Plane) -> Bool:
    """Bare air beside the patient: the darkest pixels that hang together with the image's edge."""
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(stretched, 1.0)
    labels, _ = ndimage.label(ndimage.binary_opening(smooth < BARE_AIR, iterations=1, border_value=1))
    edges = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    bare = np.isin(labels, edges[edges > 0])
    return np.asarray(ndimage.binary_dilation(bare, iterations=3), bool) if bare.any() else bare


def _best_region(smooth: Plane, prior: Prior, outside: Bool, middle: float) -> tuple[Bool | None, float]:
    """The region of one of many grey levels that looks most like a lung on this side, and its score."""
    from scipy import ndimage

    distance = prior.distance((smooth.shape[0], smooth.shape[1]))
    side = np.zeros(smooth.shape, bool)
    half = round(smooth.shape[1] * middle)
    side[:, :half] = prior.column < middle
    side[:, half:] = prior.column >= middle
    reach = side & (distance < 1.75) & ~outside
    if reach.sum() < 0.05 * smooth.size:
        return None, 0.0
    best, best_score = None, SMALLEST_SCORE
    for percentile in LEVELS:
        dark = (smooth < np.percentile(smooth[reach], percentile)) & reach
        labels, count = ndimage.label(ndimage.binary_opening(dark, iterations=2))
        sizes = np.bincount(labels.ravel(), minlength=count + 1)
        for number in np.flatnonzero(sizes[1:] > 0.02 * smooth.size) + 1:
            region = np.asarray(ndimage.binary_fill_holes(labels == number), bool)
            # Nothing in a chest runs from the upper to the lower edge and is lung.
            through = region[0].any() and region[-1].any()
            score = 0.0 if through else _score(region, distance, smooth)
            if score > best_score:
                best, best_score = region, score
    return best, best_score if best is not None else 0.0


def _score(region: Bool, distance: Plane, smooth: Plane) -> float:
    """0–1: overlap with the prior, compactness, and contrast across the border."""
    from scipy import ndimage
    from skimage.morphology import convex_hull_image

    hull: Callable[[Bool], Bool] = convex_hull_image
    usual = distance <= 1.0
    overlap = 2.0 * float((region & usual).sum()) / float(region.sum() + usual.sum())
    solidity = float(region.sum()) / float(hull(region).sum())
    outside = ndimage.binary_dilation(region, iterations=5) & ~ndimage.binary_dilation(region, iterations=2)
    inside = region & ~ndimage.binary_erosion(region, iterations=4)
    contrast = float(smooth[outside].mean() - smooth[inside].mean()) if outside.any() else 0.0
    return overlap * solidity * min(1.0, max(0.0, contrast) / 0.15)


def _seeds(smooth: Plane, best: Sequence[Bool | None], priors: Sequence[Prior]) -> NDArray[np.int32]:
    """Markers: 1 right lung, 2 left lung, 3 the rest, 0 to be decided."""
    from scipy import ndimage

    labels = np.zeros(smooth.shape, np.int32)
    near = np.zeros(smooth.shape, bool)
    for number, (region, prior) in enumerate(zip(best, priors, strict=True), start=1):
        if region is None:
            continue
        closed = _closed(region, 6)
        labels[ndimage.binary_erosion(closed, iterations=3)] = number
        reach = ndimage.binary_dilation(closed, iterations=7)
        near |= reach & (prior.distance((smooth.shape[0], smooth.shape[1])) < 1.6)
    labels[~near] = 3
    return labels


def _closed(region: Bool, radius: int) -> Bool:
    """Closing by a disc: ribs and vessels at the border belong to the lung field."""
    from scipy import ndimage

    padded = np.pad(region, radius + 1)
    grown = ndimage.distance_transform_edt(~padded) <= radius
    shrunk = ndimage.distance_transform_edt(grown) > radius
    inner = slice(radius + 1, -radius - 1)
    return np.asarray(ndimage.binary_fill_holes(shrunk[inner, inner] | region), bool)


def _walk(smooth: Plane, labels: NDArray[np.int32], best: Sequence[Bool | None]) -> tuple[Plane, Plane]:
    from skimage.segmentation import random_walker

    # The walker wants labels without a gap: where one lung is missing, the rest is label 2.
    present = [number for number in (1, 2) if best[number - 1] is not None and (labels == number).any()]
    planes = [np.zeros_like(smooth), np.zeros_like(smooth)]
    if not present or not (labels == 0).any():
        return planes[0], planes[1]
    renamed = np.zeros_like(labels)
    for new, old in enumerate([*present, 3], start=1):
        renamed[labels == old] = new
    probability = random_walker(smooth, renamed, beta=250, mode="cg_j", tol=1e-3, return_full_prob=True)
    for new, old in enumerate(present):
        planes[old - 1] = np.asarray(probability[new], np.float32)
    return planes[0], planes[1]


def _enlarged(plane: Plane, shape: tuple[int, int]) -> NDArray[np.uint8]:
    large = _resized(plane, shape, anti_aliasing=False)
    return np.asarray(np.rint(np.clip(large, 0, 1) * 255), np.uint8)
