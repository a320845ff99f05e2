from __future__ import annotations

import pytest

from memory.wording import same_target


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("liver tumor", "hepatic mass"),
        ("liver tumor", "Liver  Tumor"),
        ("left kidney", "kidney on the left"),
        ("kidney cyst", "renal cyst"),
        ("left kidney mass", "renal mass on the left"),
        ("enhancing core", "contrast enhancing core"),
    ],
)
def test_other_words_for_the_same_thing(target: str, words: str) -> None:
    assert same_target(target, words)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("left kidney", "right kidney"),
        ("left kidney", "kidney"),
        ("kidney", "left kidney"),
        ("liver tumor", "spleen"),
        ("liver tumor", "liver"),
        ("liver tumor", "kidney tumor"),
        ("liver tumor", "pancreatic lesion"),
        ("liver tumor", "Kowalski thing"),
        ("liver tumor", "liver and spleen"),
        ("enhancing core", "liver"),
        ("left frobnicate", "right frobnicate"),
        ("pneumonia", "lung nodule"),
    ],
)
def test_another_side_organ_or_kind_is_another_target(target: str, words: str) -> None:
    assert not same_target(target, words)
