"""Typing mistakes are set right; words are left alone."""

from __future__ import annotations

import pytest

from prompts.question.dictation import spoken
from prompts.question.sounds import sound
from prompts.question.spelling import corrected, mistakes, nearest
from prompts.question.wording import worded
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
        ("noduls", "nodule"),
        ("aotric", "aortic"),
        ("hernai", "hernia"),
        ("pulmonry", "pulmonary"),
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
        "here",
        "atrophic",
        "compose",
        "nephrectomy",
        "conns",
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


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("size of the right kid knee", "size of the right kidney"),
        ("volume of the pan creas please", "volume of the pancreas please"),
        ("measure the left ad renal gland", "measure the left adrenal gland"),
        ("diameter of the a order", "diameter of the aorta"),
        ("right pleural a fusion question mark", "right pleural effusion?"),
        ("liver comma spleen full stop", "liver, spleen."),
        ("left kidney length period", "left kidney length."),
        ("hippo campus volume", "hippocampus volume"),
        ("glee oma volume", "glioma volume"),
        ("Leber Fragezeichen", "Leber?"),
    ],
)
def test_dictation(said: str, meant: str) -> None:
    assert spoken(said) == meant
    assert spoken(meant) == meant


@pytest.mark.parametrize(
    "text",
    ["follow-up period", "the new kidney", "5 - 10 mm nodule", "lower lobe", "stop the period", "free fluid, no air"],
)
def test_what_was_meant_is_left_alone(text: str) -> None:
    assert spoken(text) == text


def test_a_dash_between_words_separates_as_a_comma_does() -> None:
    assert spoken("left lung - sorry, right lung") == "left lung , sorry, right lung"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Nierenvolumen li", ["nieren", "volumen", "links"]),
        ("Aortendurchmesser", ["aorta", "durchmesser"]),
        ("Gallenblasenwand", ["gallenblase", "wall"]),
        ("leftkidney", ["left", "kidney"]),
        ("lungmass", ["lung", "mass"]),
        ("bil. effusions", ["bilateral", "effusions"]),
        ("re: liver", ["re", ":", "liver"]),
    ],
)
def test_words_are_taken_apart(written: str, read: list[str]) -> None:
    assert [w.folded for w in worded(written)] == read


def test_words_keep_their_place() -> None:
    text = "the right kid knee"
    (kidney,) = [w for w in worded(text) if w.folded == "kidney"]
    assert text[kidney.start : kidney.end] == "kid knee"


def test_sounds() -> None:
    assert sound("kidknee") == sound("kidney")
    assert sound("newmethoracks") == sound("pneumothorax")
    assert sound("liver") != sound("spleen")
