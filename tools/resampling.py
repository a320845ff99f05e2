"""Separable resampling between two pixel grids, as sparse matrices: one for the rows, one for the columns.

Pixel centres lie at integers; a grid of n pixels reaches from −0.5 to n − 0.5. `origin` is the place of
the first output pixel's centre in input pixels, `step` the distance between output centres.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

Matrix = csr_array[np.float32, tuple[int, int]]
Real = NDArray[np.float32]
Kernel = Callable[[NDArray[np.float64]], NDArray[np.float64]]

_POLE = math.sqrt(3) - 2
_RADIUS = 10
"""Reach of the cardinal cubic spline in input pixels: beyond it, its weights are below 1e-5."""


def resample(image: NDArray[np.generic], rows: Matrix, columns: Matrix) -> Real:
    """`rows` · image · `columns`ᵀ for (h, w) or (h, w, channels), in float32."""
    tall = _along_first(rows, image)
    return np.swapaxes(_along_first(columns, np.swapaxes(tall, 0, 1)), 0, 1)


def _along_first(matrix: Matrix, image: NDArray[np.generic]) -> Real:
    flat = np.ascontiguousarray(image, dtype=np.float32).reshape(image.shape[0], -1)
    return np.asarray(matrix @ flat, dtype=np.float32).reshape(matrix.shape[0], *image.shape[1:])


@lru_cache(maxsize=32)
def spline_matrix(length: int, pad: int, side: int, size: int) -> Matrix:
    """(size, length) cubic spline interpolation of a signal between zeros, with anti-aliasing.

    The signal has `pad` zeros before it and is part of a grid of `side` pixels, which becomes `size`
    pixels. When that makes it smaller, a Gaussian of σ = (side/size − 1)/2 pixels, cut off at 4 σ,
    comes first. (The filter of the endpoint's public client.) Output pixels whose centre is outside the
    signal stay 0, where splines would ring.
    """
    step = side / size
    centres = (np.arange(size, dtype=np.float64) + 0.5) * step - 0.5
    spline = _from_kernel(centres, side, _RADIUS, _cardinal_cubic)
    if step > 1:
        spline = spline @ _gaussian(side, (step - 1) / 2)
    inside = (centres > pad - 0.5) & (centres < pad + length - 0.5)
    black: Matrix = diags_array(inside.astype(np.float32)).tocsr()
    return csr_array((black @ spline)[:, pad : pad + length])


@lru_cache(maxsize=64)
def average_matrix(length: int, origin: float, step: float, count: int) -> Matrix:
    """(count, length) mean over the input that each output pixel covers, fractions of pixels included."""
    edges = np.clip(origin + step * (np.arange(count + 1) - 0.5) + 0.5, 0, length)
    first = np.floor(edges[:-1] + 1e-9).astype(np.intp)
    taps = first[:, None] + np.arange(math.ceil(step) + 1)
    covered = np.minimum(edges[1:, None], taps + 1) - np.maximum(edges[:-1, None], taps)
    return _matrix(taps, np.where(covered > 1e-9, covered, 0) / step, length)


@lru_cache(maxsize=64)
def cubic_matrix(length: int, origin: float, step: float, count: int) -> Matrix:
    """(count, length) cubic interpolation that sees only pixels whose centres the output reaches.

    Pixels outside `origin − step/2 … origin + (count − ½)·step` repeat the outermost one inside, so that
    padding does not eat into what touches the border.
    """
    centres = origin + step * np.arange(count)
    taps = np.floor(centres).astype(np.intp)[:, None] + np.arange(-1, 3)
    weights = _sharp_cubic(centres[:, None] - taps)
    first = math.ceil(origin - step / 2 - 1e-9)
    last = math.floor(origin + (count - 0.5) * step + 1e-9)
    if last < first:
        first = last = round((origin - step / 2 + origin + (count - 0.5) * step) / 2)
    inside = np.clip(taps, max(first, 0), min(last, length - 1))
    return _matrix(inside, weights, length)


@lru_cache(maxsize=64)
def nearest_indices(length: int, origin: float, step: float, count: int) -> NDArray[np.intp]:
    """(count,) input pixel that holds each output centre; on a border between two, the first."""
    centres = origin + step * np.arange(count)
    return np.asarray(np.clip(np.ceil(centres - 0.5 - 1e-9), 0, length - 1), dtype=np.intp)


def _from_kernel(centres: NDArray[np.float64], length: int, radius: int, kernel: Kernel) -> Matrix:
    taps = np.floor(centres).astype(np.intp)[:, None] + np.arange(1 - radius, radius + 1)
    return _matrix(taps, kernel(centres[:, None] - taps), length)


def _matrix(taps: NDArray[np.integer[Any]], weights: NDArray[np.float64], length: int) -> Matrix:
    used = (taps >= 0) & (taps < length) & (np.abs(weights) > 1e-6)
    at: tuple[NDArray[np.intp], NDArray[np.integer[Any]]] = (np.nonzero(used)[0], taps[used])
    matrix: Matrix = csr_array((weights[used].astype(np.float32), at), shape=(len(taps), length))
    matrix.sum_duplicates()
    return matrix


def _gaussian(length: int, sigma: float) -> Matrix:
    reach = int(4 * sigma + 0.5)
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    taps = np.arange(length)[:, None] + offsets
    return _matrix(taps, np.broadcast_to(weights / weights.sum(), taps.shape), length)


def _cardinal_cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The cubic spline that is 1 at 0 and 0 at every other integer (Unser 1999, eq. 11 and box 2)."""
    base = np.floor(x)
    return np.asarray(
        sum(_cubic_b_spline(x - base - k) * math.sqrt(3) * _POLE ** np.abs(base + k) for k in range(-1, 3))
    )


def _cubic_b_spline(x: NDArray[np.float64]) -> NDArray[np.float64]:
    a = np.abs(x)
    return np.where(a < 1, 2 / 3 - a**2 + a**3 / 2, np.where(a < 2, (2 - a) ** 3 / 6, 0))


def _sharp_cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' cubic convolution kernel with a = −3/4 (Keys 1981): its slight sharpening makes up for the blur
    that anti-aliasing gave the model's view, which else shrinks small round structures.
    """
    a = np.abs(x)
    near = (1.25 * a - 2.25) * a**2 + 1
    far = ((-0.75 * a + 3.75) * a - 6) * a + 3
    return np.where(a < 1, near, np.where(a < 2, far, 0))
