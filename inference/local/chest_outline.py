"""The outline of a lung field: an anatomical template laid over a first guess and drawn to the border.

The template is a hand-drawn outline of each lung in its own box. It is fitted to the guess's box; then each of its
points looks along its normal for the strongest dark-to-bright border, a smooth set of places is found exactly by
dynamic programming, and the template moves there as far as an affine map and a short leash allow. Several settings
are tried; the share of outlines that hold a pixel tells how sure it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

POINTS = 120
REACH, STEP = 12.0, 0.5
"""How far a point looks to either side, and how finely, in pixels of the coarse grid."""

LARGEST_JUMP = 2
"""Neighbouring points' places along their normals differ by at most so many steps."""

OUTWARD = 0.055
"""Gain of a pixel outwards: of two borders alike, the inner one is a rib's."""

MEDIAL = -0.5
"""Not where the normal points to the mediastinum more than this."""

ROUNDS = 4

RIGHT_LUNG = np.array(
    [
        *[(0.00, 0.62), (0.02, 0.80), (0.08, 0.92), (0.18, 1.00), (0.32, 0.99), (0.46, 0.94), (0.60, 0.93)],
        *[(0.74, 0.94), (0.86, 0.93), (0.85, 0.80), (0.845, 0.60), (0.865, 0.38), (0.92, 0.16), (0.96, 0.05)],
        *[(1.00, 0.00), (0.90, 0.015), (0.75, 0.03), (0.60, 0.07), (0.45, 0.13), (0.30, 0.21), (0.17, 0.31)],
        *[(0.07, 0.44), (0.02, 0.53)],
    ]
)
"""Clockwise from the apex: rows and columns in fractions of the box, the patient's right lung at the image's left."""

LEFT_LUNG = np.array(
    [
        *[(0.00, 0.38), (0.02, 0.22), (0.07, 0.10), (0.17, 0.03), (0.28, 0.03), (0.38, 0.09), (0.47, 0.13)],
        *[(0.56, 0.20), (0.66, 0.30), (0.76, 0.39), (0.87, 0.44), (0.895, 0.50), (0.89, 0.62), (0.92, 0.82)],
        *[(0.95, 0.94), (1.00, 1.00), (0.90, 0.985), (0.75, 0.97), (0.60, 0.93), (0.45, 0.87), (0.30, 0.79)],
        *[(0.17, 0.69), (0.07, 0.56), (0.02, 0.47)],
    ]
)
"""Counter-clockwise from the apex, with the heart's notch."""

Bool = NDArray[np.bool_]
Plane = NDArray[np.float32]
Points = NDArray[np.float64]


@dataclass(frozen=True)
class Weights:
    """One way of judging an outline.

    Attributes:
        blur: of the image before its gradient, in pixels of the coarse grid.
        leash: cost of a pixel squared away from the template.
        bend: cost of a step squared between neighbouring points.
        give: share of what the affine map does not explain that the outline follows.
    """

    blur: float
    leash: float
    bend: float
    give: float


TRIALS = tuple(
    Weights(blur, leash, bend, give)
    for blur in (1.2, 2.2)
    for leash, bend in ((0.006, 0.04), (0.015, 0.02))
    for give in (0.6, 0.9)
)


def outlined(image: Plane, guess: Bool, template: Points) -> Plane:
    """Share (0–1) of outlines around `guess` that hold each pixel.

    Args:
        image: dense tissue bright, of the coarse grid.
        guess: one region.
        template: RIGHT_LUNG or LEFT_LUNG.
    """
    shape = _resampled(template)
    start = _fitted(shape, guess)
    votes = [_inside(_drawn(image, shape, start, weights), guess.shape) for weights in TRIALS]
    return np.asarray(np.mean(votes, axis=0, dtype=np.float32), np.float32)


def _resampled(outline: Points) -> Points:
    """Equally spaced points on the closed outline."""
    closed = np.vstack([outline, outline[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    places = np.linspace(0, along[-1], POINTS, endpoint=False)
    return np.stack([np.interp(places, along, closed[:, axis]) for axis in (0, 1)], axis=1)


def _fitted(shape: Points, guess: Bool) -> Points:
    """The template in the guess's box, whose outermost hundredths are not counted."""
    places = np.stack(np.nonzero(guess), axis=1).astype(np.float64)
    low, high = np.quantile(places, [0.005, 0.995], axis=0)
    return np.asarray(low + shape * (high - low), np.float64)


def _drawn(image: Plane, shape: Points, start: Points, weights: Weights) -> Points:
    from scipy import ndimage

    blurred = np.asarray(ndimage.gaussian_filter(image, weights.blur), np.float32)
    outline = start
    for _ in range(ROUNDS):
        target, strength = _borders(blurred, outline, weights)
        affine = _affine(shape, target, strength)
        outline = affine + weights.give * _smoothed(target - affine)
    return outline


def _borders(blurred: Plane, outline: Points, weights: Weights) -> tuple[Points, NDArray[np.float64]]:
    """For each point the border's place along its normal, and how strong the border is there."""
    from scipy import ndimage

    normals = _normals(outline)
    offsets = np.arange(-REACH, REACH + STEP / 2, STEP)
    rows, columns = (outline[:, axis, None] + normals[:, axis, None] * offsets for axis in (0, 1))
    sampled = ndimage.map_coordinates(blurred, (rows, columns), order=1, mode="nearest")
    rise = np.gradient(sampled, STEP, axis=1)
    outwards = OUTWARD * offsets * (normals[:, 1] * _lateral(outline) > MEDIAL)[:, None]
    strength = np.clip(rise / max(float(np.percentile(rise, 95)), 1e-6), -1.0, 1.5)
    found = _cheapest(weights.leash * offsets**2 - outwards - strength, weights.bend)
    place = np.arange(POINTS)
    return outline + normals * offsets[found, None], np.clip(strength[place, found], 0.05, None)


def _lateral(outline: Points) -> int:
    """-1 for a right lung (it runs clockwise, from the apex down the mediastinum), 1 for a left one."""
    return -1 if _area(outline) < 0 else 1


def _area(outline: Points) -> float:
    """Twice the area; the sign tells which way it runs."""
    rows, columns = outline.T
    return float(np.sum(rows * np.roll(columns, -1) - np.roll(rows, -1) * columns))


def _normals(outline: Points) -> Points:
    """Unit vectors out of the outline, whichever way it runs."""
    tangent = np.roll(outline, -2, axis=0) - np.roll(outline, 2, axis=0)
    normal = np.stack([tangent[:, 1], -tangent[:, 0]], axis=1)
    normal /= np.maximum(np.hypot(*normal.T), 1e-9)[:, None]
    return np.asarray(normal if _area(outline) > 0 else -normal)


def _affine(shape: Points, target: Points, strength: NDArray[np.float64]) -> Points:
    """The template mapped to the target by least squares, strong borders first."""
    basis = np.column_stack([shape, np.ones(POINTS)])
    root = np.sqrt(strength)[:, None]
    solution, *_ = np.linalg.lstsq(basis * root, target * root, rcond=None)
    return np.asarray(basis @ solution)


def _smoothed(change: Points) -> Points:
    from scipy import ndimage

    return np.asarray(ndimage.gaussian_filter1d(change, 2.0, axis=0, mode="wrap"))


def _cheapest(cost: NDArray[np.float64], bend: float) -> NDArray[np.intp]:
    """Index of the place of each point. The outline is walked three times round; the middle one closes."""
    count = cost.shape[1]
    moves = np.arange(-LARGEST_JUMP, LARGEST_JUMP + 1)
    walked = np.concatenate([cost] * 3)
    came = np.zeros(walked.shape, np.intp)
    total = walked[0]
    for point in range(1, len(walked)):
        padded = np.pad(total, LARGEST_JUMP, constant_values=np.inf)
        options = np.lib.stride_tricks.sliding_window_view(padded, moves.size) + bend * moves**2
        chosen = options.argmin(axis=1)
        came[point] = np.arange(count) + moves[chosen]
        total = options[np.arange(count), chosen] + walked[point]
    path = [int(total.argmin())]
    for point in range(len(walked) - 1, 0, -1):
        path.append(int(came[point, path[-1]]))
    return np.array(path[::-1][POINTS : 2 * POINTS], np.intp)


def _inside(outline: Points, shape: tuple[int, ...]) -> Bool:
    from skimage.draw import polygon2mask

    fill: Callable[[tuple[int, ...], Points], Bool] = polygon2mask
    return fill(shape, outline)
