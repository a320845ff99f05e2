"""What a question says about the modality, and when it says nothing."""

from __future__ import annotations

import pytest

from tools.modality import modality_named


@pytest.mark.parametrize(
    ("question", "modality"),
    [
        ("CT abdomen: liver lesion?", "CT"),
        ("ct angiography of the aorta", "CT"),
        ("Chest X-ray, effusion?", "CR"),
        ("cxr for line placement", "CR"),
        ("MRI T1 Gd brain", "MR"),
        ("MR prostate", "MR"),
        ("brain, T2-weighted", "MR"),
        ("breast ultrasound", "US"),
        ("H&E slide of the breast: any pathology?", "SM"),
        ("CT chest: any pathology?", "CT"),
        ("fundus photograph, cup to disc ratio", "OP"),
        ("dermoscopy of a mole", "XC"),
        ("colonoscopy, polyp", "ES"),
        ("OCT of the macula", "OPT"),
    ],
)
def test_one_modality_is_named(question, modality):
    named = modality_named(question)
    assert named.modality == modality
    assert modality in named.warning


@pytest.mark.parametrize(
    "question", ["", "Mr. Smith has a cough", "T1 fracture?", "tell us what you see", "active infection"]
)
def test_words_that_are_no_modality(question):
    assert modality_named(question).modality == ""
    assert modality_named(question).warning == ""


def test_several_modalities_are_not_chosen_from():
    named = modality_named("Chest X-ray, compare with the CT of last year")
    assert named.modality == ""
    assert "CT, CR" in named.warning
