"""Separable resampling between two pixel grids: one banded matrix for the rows, one for the columns.

Pixel centres lie at integers; a grid of n pixels reaches from −0.5 to n − 0.5. `origin` is the place of
the first output pixel's centre in input pixels, `step` the distance between output centres.

A matrix is kept as small dense blocks along its diagonal. They hold more zeros than a sparse matrix has entries,
but BLAS multiplies them several times faster than a sparse product walks over its entries.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

Matrix = csr_array[np.float32, tuple[int, int]]
Real = NDArray[np.float32]
Kernel = Callable[[NDArray[np.float64]], NDArray[np.float64]]
Spans = tuple[slice, slice]
"""Rows and columns, start and stop given."""

_POLE = math.sqrt(3) - 2
_RADIUS = 10
"""Reach of the cardinal cubic spline in input pixels: beyond it, its weights are below 1e-5."""
_BLOCK_INPUTS = 16
_BLOCK_OUTPUTS = (16, 32)
"""Fewest and most output pixels of a block: small ones cost calls, large ones multiply zeros."""
_ONE_THREAD = 1 << 18
"""Most multiplications that OpenBLAS does without other threads, which wait long for each other on a busy machine."""


@dataclass(frozen=True, eq=False)
class Block:
    """Weights (outputs, inputs) of neighbouring output pixels on all input pixels that any of them sees."""

    outputs: slice
    inputs: slice
    weights: Real

    def within(self, span: slice) -> tuple[slice, Real] | None:
        """The part that sees inputs of `span`, counted from its start, and its weights; None when there is none."""
        first, last = max(self.inputs.start, span.start), min(self.inputs.stop, span.stop)
        if first >= last:
            return None
        own = self.weights[:, first - self.inputs.start : last - self.inputs.start]
        return slice(first - span.start, last - span.start), own


@dataclass(frozen=True, eq=False)
class Banded:
    """A matrix (outputs, inputs) whose weights lie near its diagonal; outputs that see nothing are in no block."""

    shape: tuple[int, int]
    blocks: tuple[Block, ...]


def resample(image: NDArray[np.generic], rows: Banded, columns: Banded) -> Real:
    """`rows` · image · `columns`ᵀ for (h, w), in float32."""
    out = np.zeros((rows.shape[0], columns.shape[0]), np.float32)
    for outputs, band in resampled_bands(image, rows, columns):
        out[outputs] = band
    return out


def resampled_bands(
    image: NDArray[np.generic], rows: Banded, columns: Banded, spans: Spans | None = None
) -> Iterator[tuple[slice, Real]]:
    """The same in bands of output rows, which stay in the processor's cache while a caller finishes them.

    Args:
        spans: the rows and columns of the (h, w) image that are not 0; all of them when None.

    Yields:
        Output rows and their values, which the next band overwrites. Rows that see nothing of the spans are left out.
    """
    down, across = spans or (slice(0, image.shape[0]), slice(0, image.shape[1]))
    wide = _widened(image[down, across].astype(np.float32), across, columns)
    room = np.empty((_BLOCK_OUTPUTS[1], columns.shape[0]), np.float32)
    for block in rows.blocks:
        seen = block.within(down)
        if seen is not None:
            band = room[: len(block.weights)]
            inputs, weights = seen
            width = max(1, _ONE_THREAD // weights.size)
            for left in range(0, band.shape[1], width):
                np.matmul(weights, wide[inputs, left : left + width], out=band[:, left : left + width])
            yield block.outputs, band


def _widened(part: Real, across: slice, columns: Banded) -> Real:
    wide = np.zeros((len(part), columns.shape[0]), np.float32)
    for block in columns.blocks:
        seen = block.within(across)
        if seen is not None:
            inputs, weights = seen
            height = max(1, _ONE_THREAD // weights.size)
            for top in range(0, len(part), height):
                rows = slice(top, top + height)
                np.matmul(part[rows, inputs], weights.T, out=wide[rows, block.outputs])
    return wide


def _banded(matrix: Matrix, step: float) -> Banded:
    height = min(max(round(_BLOCK_INPUTS / step), _BLOCK_OUTPUTS[0]), _BLOCK_OUTPUTS[1])
    outputs, inputs = matrix.shape
    blocks = (_block(matrix, start, min(start + height, outputs)) for start in range(0, outputs, height))
    return Banded((outputs, inputs), tuple(block for block in blocks if block is not None))


def _block(matrix: Matrix, start: int, stop: int) -> Block | None:
    entries = slice(int(matrix.indptr[start]), int(matrix.indptr[stop]))
    inputs = matrix.indices[entries]
    if inputs.size == 0:
        return None
    first, last = int(inputs.min()), int(inputs.max())
    weights = np.zeros((stop - start, last + 1 - first), np.float32)
    outputs = np.repeat(np.arange(stop - start), np.diff(matrix.indptr[start : stop + 1]))
    weights[outputs, inputs - first] = matrix.data[entries]
    return Block(slice(start, stop), slice(first, last + 1), weights)


@lru_cache(maxsize=32)
def spline_matrix(length: int, pad: int, side: int, size: int) -> Banded:
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
    return _banded(csr_array((black @ spline)[:, pad : pad + length]), step)


@lru_cache(maxsize=64)
def average_matrix(length: int, origin: float, step: float, count: int) -> Banded:
    """(count, length) mean over the input that each output pixel covers, fractions of pixels included."""
    edges = np.clip(origin + step * (np.arange(count + 1) - 0.5) + 0.5, 0, length)
    first = np.floor(edges[:-1] + 1e-9).astype(np.intp)
    taps = first[:, None] + np.arange(math.ceil(step) + 1)
    covered = np.minimum(edges[1:, None], taps + 1) - np.maximum(edges[:-1, None], taps)
    return _banded(_matrix(taps, np.where(covered > 1e-9, covered, 0) / step, length), step)


@lru_cache(maxsize=64)
def cubic_matrix(length: int, origin: float, step: float, count: int) -> Banded:
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
    return _banded(_matrix(inside, weights, length), step)


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
