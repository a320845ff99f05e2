"""Which intents' examples a text is near to, as probabilities calibrated on the examples themselves.

The labels are fitted to the examples' vectors by kernel ridge regression: every example speaks for its label, weighted
by exp(cosine) and by what tells neighbouring intents apart. What is farther from every example than all but a few of
them are from each other is near to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve

from agents.routing.examples import Example, Label
from agents.routing.vectors import Matrix

WIDTH, RIDGE, SHARPNESS = 2.0, 0.05, 0.08
"""Of the kernel exp(width × (cosine − 1)), the penalty of the fit, and of its scores as probabilities: the least log
loss of left-out examples lies here."""
OUTLIERS = 0.02
"""Share of the examples that lie farther from their neighbours than the border of what is near."""
SMALLEST = 1e-3

ONE_THREAD = 1 << 18
"""Multiplications below which OpenBLAS does not share a matrix × vector product out."""


@dataclass(frozen=True)
class Nearness:
    """What a text is near to.

    Attributes:
        labels: probabilities, summing to 1.
        near: whether it is as near to an example as examples are to each other.
    """

    labels: Mapping[Label, float]
    near: bool


@dataclass(frozen=True)
class Fit:
    """What the examples taught.

    Attributes:
        weights: (examples, labels), float32; labels in the order in which the examples first have them.
        border: least cosine of a text that is near to an example.
    """

    weights: Matrix
    border: float


class Neighbours:
    """The examples with their vectors. Cosines are taken from the examples' mean, which all sentences share.

    Args:
        vectors: (examples, dimension) float32, rows of length 1.
        fit: of these examples and vectors, where it is known already.
    """

    def __init__(self, examples: Sequence[Example], vectors: Matrix, fit: Fit | None = None) -> None:
        self._names = _labels(examples)
        self._mean = vectors.mean(axis=0)
        self._matrix = _centred(vectors, self._mean)
        self._fit = fit or fitted(examples, vectors)

    def of(self, vector: NDArray[np.float32]) -> Nearness:
        """What a (dimension,) vector is near to."""
        cosines = _times(self._matrix, _centred(vector[None], self._mean)[0])
        shares = _softmax(_kernel(cosines) @ self._fit.weights)
        labels = {name: float(share) for name, share in zip(self._names, shares, strict=True)}
        return Nearness(labels, bool(cosines.max() >= self._fit.border))


def _times(matrix: Matrix, vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """The product in pieces that BLAS works on with the calling thread alone.

    For a whole matrix it wakes a thread a core, and these spin for a tenth of a second afterwards: more CPU than the
    rest of a study's planning.
    """
    height = max(1, ONE_THREAD // vector.size)
    parts = [matrix[top : top + height] @ vector for top in range(0, len(matrix), height)]
    return np.asarray(np.concatenate(parts), np.float32)


def fitted(examples: Sequence[Example], vectors: Matrix) -> Fit:
    """Learn from the examples: some seconds for thousands."""
    names = _labels(examples)
    wanted = np.eye(len(names), dtype=np.float32)[[names.index(e.label) for e in examples]]
    matrix = _centred(vectors, vectors.mean(axis=0))
    cosines = matrix @ matrix.T
    kernel = _kernel(cosines)
    np.fill_diagonal(cosines, -1.0)
    border = float(np.quantile(cosines.max(axis=1), OUTLIERS))
    np.fill_diagonal(kernel, 1.0 + RIDGE)
    weights = solve(kernel, wanted, assume_a="pos", overwrite_a=True, check_finite=False)
    return Fit(np.asarray(weights, np.float32), border)


def _labels(examples: Sequence[Example]) -> list[Label]:
    return list(dict.fromkeys(e.label for e in examples))


def _kernel(cosines: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.exp(WIDTH * (cosines - 1)), np.float32)


def _softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    weights = np.exp((scores - scores.max()) / SHARPNESS)
    return np.asarray(weights / weights.sum(), np.float32)


def _centred(vectors: Matrix, mean: Matrix) -> Matrix:
    moved = vectors - mean
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.asarray(moved / np.maximum(lengths, SMALLEST), np.float32)
