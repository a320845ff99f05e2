"""Which intents' examples a text is near to, as probabilities calibrated on the examples themselves.

Two readings of the same cosines are mixed: votes of the nearest examples, weighted by exp(cosine / temperature), and a
least-squares fit of the labels to all examples (ridge regression), which learns what tells neighbouring intents apart.
What is farther from every example than all but a few of them are from each other is near to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.routing.examples import Example, Label
from agents.routing.vectors import Matrix

NEAREST = 12
TEMPERATURE, SHARPNESS, RIDGE, VOTES = 0.05, 0.06, 0.5, 0.4
"""Of the votes, of the fit, its penalty, and the votes' share: the least log loss of left-out examples lies here."""
OUTLIERS = 0.02
"""Share of the examples that lie farther from their neighbours than the border of what is near."""
SMALLEST = 1e-3


@dataclass(frozen=True)
class Nearness:
    """What a text is near to.

    Attributes:
        labels: probabilities, summing to 1.
        near: whether it is as near to an example as examples are to each other.
    """

    labels: Mapping[Label, float]
    near: bool


class Neighbours:
    """The examples with their vectors. Cosines are taken from the examples' mean, which all sentences share.

    Args:
        vectors: (examples, dimension) float32, rows of length 1.
    """

    def __init__(self, examples: Sequence[Example], vectors: Matrix) -> None:
        self._names = list(dict.fromkeys(e.label for e in examples))
        self._codes = np.array([self._names.index(e.label) for e in examples])
        self._mean = vectors.mean(axis=0)
        self._matrix = _centred(vectors, self._mean)
        cosines = self._matrix @ self._matrix.T
        np.fill_diagonal(cosines, -1.0)
        self._border = float(np.quantile(cosines.max(axis=1), OUTLIERS))
        self._fit = _ridge(self._matrix, np.eye(len(self._names), dtype=np.float32)[self._codes])

    def of(self, vector: NDArray[np.float32]) -> Nearness:
        """What a (dimension,) vector is near to."""
        centred = _centred(vector[None], self._mean)[0]
        cosines = self._matrix @ centred
        shares = VOTES * self._votes(cosines) + (1 - VOTES) * _softmax(centred @ self._fit, SHARPNESS)
        labels = {name: float(share) for name, share in zip(self._names, shares, strict=True)}
        return Nearness(labels, bool(cosines.max() >= self._border))

    def _votes(self, cosines: NDArray[np.float32]) -> NDArray[np.float32]:
        order = np.argsort(-cosines)[:NEAREST]
        votes = np.zeros(len(self._names), np.float32)
        np.add.at(votes, self._codes[order], _softmax(cosines[order], TEMPERATURE))
        return votes


def _ridge(matrix: Matrix, wanted: Matrix) -> Matrix:
    """(dimension, labels) weights of the penalised least-squares fit."""
    gram = matrix.T @ matrix + RIDGE * np.eye(matrix.shape[1], dtype=np.float32)
    return np.asarray(np.linalg.solve(gram, matrix.T @ wanted), np.float32)


def _softmax(values: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    weights = np.exp((values - values.max()) / temperature)
    return np.asarray(weights / weights.sum(), np.float32)


def _centred(vectors: Matrix, mean: Matrix) -> Matrix:
    moved = vectors - mean
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.asarray(moved / np.maximum(lengths, SMALLEST), np.float32)
