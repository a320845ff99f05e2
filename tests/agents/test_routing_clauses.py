"""Where a message is cut: lists of different wishes are, lists of names and of labels are not."""

from __future__ import annotations

import pytest

from agents.routing.clauses import clauses
from agents.routing.quoting import message


def cut(text: str) -> list[str]:
    return [clause.text for clause in clauses(message(text).own)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "gland volume + last PSA so I can work out the density",
            ["gland volume", "last PSA so I can work out the density"],
        ),
        (
            "Zonal volumes, earlier biopsy result, and PI-RADS rule for the transition zone",
            ["Zonal volumes", "earlier biopsy result", "PI-RADS rule for the transition zone"],
        ),
        (
            "Nodule size, change from the last CT and Fleischner follow-up, please.",
            ["Nodule size, change from the last CT", "Fleischner follow-up, please"],
        ),
        (
            "Size of the mass, family history, and is it benign or malignant?",
            ["Size of the mass", "family history", "and is it benign or malignant?"],
        ),
        ("prostate volume, PSA, and draft the report", ["prostate volume", "PSA", "and draft the report"]),
        ("Spleen size + platelet count from the chart", ["Spleen size", "platelet count from the chart"]),
        ("Lebervolumen, Milzgröße und letzter Kreatininwert", ["Lebervolumen, Milzgröße", "letzter Kreatininwert"]),
        ("pancreatic duct width and earlier surgery", ["pancreatic duct width", "earlier surgery"]),
        ("1. liver volume 2. AFP 3. LI-RADS rules", ["liver volume", "AFP", "LI-RADS rules"]),
        ("Previous operations and is there free fluid", ["Previous operations", "and is there free fluid"]),
    ],
)
def test_wishes_of_different_kinds_are_cut(text: str, parts: list[str]) -> None:
    assert cut(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "liver, spleen and both kidneys",
        "liver / spleen / pancreas volumes",
        "72M, smoker, haemoptysis, weight loss, ?lung mass",
        "known RCC, previous nephrectomy, kidney size",
        "Chest pain, raised troponin, ?PE",
        "Categorise the lesion: actinic keratosis, basal cell carcinoma, melanoma",
        "FNH or adenoma, which does it look like more?",
        "Protrusion, extrusion or sequester, which one?",
        "After drain removal, is there still a pneumothorax on the left?",
    ],
)
def test_one_wish_stays_whole(text: str) -> None:
    assert cut(text) == [text]


def test_labels_between_semicolons_stay_together() -> None:
    assert cut("Categorise the lesion: nevus; melanoma; keratosis") == [
        "Categorise the lesion: nevus; melanoma; keratosis"
    ]


def test_spoken_marks_and_broken_words_are_set_right_before_the_cut() -> None:
    assert cut("size of the right kid knee period is there a new metho racks question mark") == [
        "size of the right kidney",
        "is there a pneumothorax?",
    ]
