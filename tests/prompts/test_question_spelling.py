"""Typing mistakes are set right; words are left alone."""

from __future__ import annotations

import pytest

from prompts.question.spelling import corrected, mistakes, nearest
from prompts.words import words


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("lver", "liver"),
        ("splen", "spleen"),
        ("pnemothorax", "pneumothorax"),
        ("pancraes", "pancreas"),
        ("kidny", "kidney"),
        ("gallblader", "gallbladder"),
        ("efusion", "effusion"),
        ("consolodation", "consolidation"),
        ("metastsis", "metastasis"),
    ],
)
def test_mistakes(typed: str, meant: str) -> None:
    assert [w.folded for w in corrected(words(typed))] == [meant]


@pytest.mark.parametrize(
    "word",
    [
        "color",
        "level",
        "lived",
        "river",
        "value",
        "skill",
        "never",
        "rental",
        "angle",
        "breath",
        "plural",
        "stole",
        "chess",
    ],
)
def test_words_are_left_alone(word: str) -> None:
    assert [w.folded for w in corrected(words(word))] == [word]


def test_distance() -> None:
    assert mistakes("spleen", "spleen", 2) == 0
    assert mistakes("splene", "spleen", 2) == 1
    assert mistakes("kidney", "liver", 2) == 3


def test_nothing_near() -> None:
    assert nearest("qqqqqqq") is None
