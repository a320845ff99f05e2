"""Vectors of the examples and what was learnt from them: shipped for the embedder that the product ships, computed
where another one is installed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.routing.examples import Example
from memory.embedder import Embedder
from prompts.data import FOLDER

Matrix = NDArray[np.float32]

FILE = FOLDER / "intents" / "vectors.npz"
LEVELS = 127
"""Of a stored component: bytes are kept, of the row's largest component; a cosine moves by less than 0.005."""


class Shipped(NamedTuple):
    """What the file holds of some examples: their vectors, and the fit as `neighbours.Fit` has it."""

    vectors: Matrix
    weights: Matrix
    border: float


def key_of(embedder: Embedder, examples: Sequence[Example]) -> str:
    """SHA-256 of what the vectors follow from: the embedder, its version, and the examples in their order."""
    lines = [_of(embedder), *(f"{e.label}\t{e.text}" for e in examples)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def embedded(embedder: Embedder, examples: Sequence[Example], file: Path = FILE) -> Matrix:
    """(examples, dimension) float32, rows of length 1: the file's, computed where it has none of a text.

    About 20 ms each with E5, 0.1 ms with n-grams.
    """
    known = _texts(embedder, file)
    rows = [known[_hash(e.text)] if _hash(e.text) in known else embedder.query(e.text) for e in examples]
    return np.stack(rows).astype(np.float32)


def stored(key: str, file: Path = FILE) -> Shipped | None:
    """What the file holds; None when there is none or it is of something else."""
    if not file.is_file():
        return None
    with np.load(file, allow_pickle=False) as kept:
        if str(kept["key"]) != key:
            return None
        return Shipped(_unit(kept["vectors"]), kept["weights"].astype(np.float32), float(kept["border"]))


def rounded(vectors: Matrix) -> Matrix:
    """The vectors as they are after they were stored: what is learnt from them must be learnt from these."""
    return _unit(_levels(vectors))


def store(embedder: Embedder, examples: Sequence[Example], shipped: Shipped, file: Path = FILE) -> None:
    """Keep vectors and fit, with what they are of."""
    written = file.with_suffix(".new.npz")
    np.savez_compressed(
        written,
        key=np.array(key_of(embedder, examples)),
        by=np.array(_of(embedder)),
        texts=np.array([_hash(e.text) for e in examples], np.uint64),
        vectors=_levels(shipped.vectors),
        weights=shipped.weights.astype(np.float16),
        border=np.array(shipped.border),
    )
    written.replace(file)


def _texts(embedder: Embedder, file: Path) -> Mapping[int, NDArray[np.float32]]:
    """The file's vectors by the hash of their texts; none of another embedder."""
    if not file.is_file():
        return {}
    with np.load(file, allow_pickle=False) as kept:
        if str(kept["by"]) != _of(embedder):
            return {}
        return dict(zip((int(t) for t in kept["texts"]), _unit(kept["vectors"]), strict=True))


def _of(embedder: Embedder) -> str:
    return f"{embedder.name} {embedder.version}"


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def _levels(vectors: Matrix) -> NDArray[np.int8]:
    levels = np.rint(vectors / np.abs(vectors).max(axis=1, keepdims=True) * LEVELS)
    return np.asarray(levels, np.int8)


def _unit(levels: NDArray[np.int8]) -> Matrix:
    vectors = levels.astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
