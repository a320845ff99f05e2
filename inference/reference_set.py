"""The out-of-distribution gate: does an image look like a collection of references?

Method: mean cosine distance to the k nearest references, compared with the same distance of every reference to
the others (leave one out). The share of references that lie at least as far is a conformal p-value: an image like the
references gets p ≤ α about once in 1/α. With n references the smallest p is 1/(n + 1); fewer than 1/α − 1 of
them can never reject, and are said to be too few. Source: Vovk, Gammerman, Shafer, Algorithmic Learning in a Random
World, 2005, ch. 2 (conformal p-values); Sun et al., ICML 2022 (nearest neighbours of features).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.embedding import Embeddings, Familiarity

NEIGHBOURS = 5
ALPHA = 0.01
"""An image of the references' own kind is called an outlier once in a hundred."""
_BLOCK = 512


@dataclass(frozen=True, eq=False)
class ReferenceSet:
    """References of one kind ("frontal chest radiographs of this house"), ready to judge images.

    Attributes:
        name: what the references are, for the report.
        distances: (n,) of each reference to its nearest others, ascending; empty when there are too few.
    """

    name: str
    vectors: Embeddings
    distances: NDArray[np.float64]
    neighbours: int
    alpha: float

    @classmethod
    def fit(cls, name: str, vectors: Embeddings, *, neighbours: int = NEIGHBOURS, alpha: float = ALPHA) -> ReferenceSet:
        """From (n, size) unit vectors.

        Raises:
            ValueError: fewer than one neighbour, α outside 0–1, or vectors that are no unit vectors.
        """
        if neighbours < 1 or not 0 < alpha < 1:
            raise ValueError("At least one neighbour, and α between 0 and 1.")
        known = np.ascontiguousarray(vectors, dtype=np.float32)
        if known.ndim != 2 or not np.allclose(np.linalg.norm(known, axis=1), 1, atol=1e-3):
            raise ValueError("References are rows of unit vectors.")
        enough = len(known) >= needed(neighbours, alpha)
        distances = np.sort(_among(known, neighbours)) if enough else np.empty(0)
        return cls(name, known, distances, neighbours, alpha)

    def judge(self, vector: NDArray[np.float32]) -> Familiarity:
        """Whether an image (unit vector) looks like the references.

        Raises:
            ValueError: a vector of another size.
        """
        if vector.shape != self.vectors.shape[1:]:
            raise ValueError(f"A vector of {vector.shape} among references of {self.vectors.shape[1:]}.")
        count = len(self.vectors)
        distance = float(_nearest(self.vectors @ vector, self.neighbours)) if count else None
        if not self.distances.size or distance is None:
            least = needed(self.neighbours, self.alpha)
            return Familiarity(None, distance, None, count, f"too few references of {self.name}: {count} of {least}")
        as_far = count - int(np.searchsorted(self.distances, distance, side="left"))
        p_value = (1 + as_far) / (count + 1)
        outlier = p_value <= self.alpha
        verdict = "does not look like" if outlier else "looks like"
        reason = f"{verdict} the {count} references of {self.name} (p = {p_value:.3g}, limit {self.alpha:g})"
        return Familiarity(outlier, distance, p_value, count, reason)


def needed(neighbours: int, alpha: float) -> int:
    """References without which nothing can be rejected at α, or a reference has no k others."""
    return max(math.ceil(1 / alpha - 1 - 1e-9), neighbours + 1)


def _among(vectors: Embeddings, neighbours: int) -> NDArray[np.float64]:
    """(n,) distance of each reference to the k nearest others, in blocks so that memory stays bounded."""
    found = np.empty(len(vectors))
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK] @ vectors.T
        block[np.arange(len(block)), np.arange(start, start + len(block))] = -np.inf
        found[start : start + _BLOCK] = _nearest(block, neighbours)
    return found


def _nearest(similarities: NDArray[np.float32], neighbours: int) -> NDArray[np.float64]:
    """Mean cosine distance to the k most similar, along the last axis."""
    k = min(neighbours, similarities.shape[-1])
    best = np.partition(similarities, -k, axis=-1)[..., -k:]
    return np.asarray(1.0 - best.astype(np.float64).mean(axis=-1))
