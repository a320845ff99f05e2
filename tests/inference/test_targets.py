"""The published targets, by DICOM modality and region."""

from __future__ import annotations

import pytest

from domain.codes import Category
from inference import targets


@pytest.mark.parametrize(
    ("modality", "target", "region", "site", "dice"),
    [
        ("CT", "liver", "", "abdomen", 0.970),
        ("CT", "Liver", "LIVER", "liver", 0.972),
        ("CT", "tumor", "CHEST", "lung", 0.661),
        ("CT", "tumour", "abdomen", "abdomen", 0.777),
        ("CT", "nodule", "abdomen", "lung", 0.738),
        ("CT", "nodules", "THORAX^ROUTINE", "lung", 0.738),
        ("MR", "tumor core", "brain", "brain", 0.893),
        ("MR", "whole tumor", "HEAD", "brain", 0.926),
        ("MRI-FLAIR", "tumor core", "", "brain", 0.852),
        ("MR", "prostate", "PELVIS", "prostate", 0.900),
        ("CR", "left lung", "chest", "chest", 0.970),
        ("DX", "lungs", "", "chest", 0.973),
        ("US", "left heart ventricle", "", "heart", 0.935),
        ("SM", "neoplastic cells", "BREAST", "breast", 0.733),
        ("OP", "optic disc", "EYE", "retinal", 0.900),
        ("OPT", "edema", "", "retinal", 0.866),
        ("ES", "polyp", "", "colon", 0.936),
        ("XC", "melanoma", "", "skin", 0.946),
    ],
)
def test_best_match(modality: str, target: str, region: str, site: str, dice: float) -> None:
    known = targets.find(modality, target, region)
    assert known is not None
    assert (known.site, known.published_dice) == (site, dice)
    assert known.cases > 0


@pytest.mark.parametrize(("modality", "target"), [("CT", "mediastinum"), ("PT", "liver"), ("CR", "liver"), ("CT", "")])
def test_unknown(modality: str, target: str) -> None:
    assert targets.find(modality, target) is None


def test_table_is_whole_and_its_categories_are_the_contracts() -> None:
    rows = targets.all_targets()
    assert len(rows) == 112
    assert all(0 < (row.published_dice or 0) < 1 for row in rows)
    assert {row.category for row in rows} <= {category.value for category in Category} | {""}


@pytest.mark.parametrize(
    ("word", "one"), [("lungs", "lung"), ("Pancreas", "pancreas"), ("uterus", "uterus"), ("public symphysis",) * 2]
)
def test_singular(word: str, one: str) -> None:
    assert targets.singular(word) == one
