"""First-order statistics."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from tests.tools import builders as b
from tools.intensity import intensity_statistics


def test_the_deviation_is_that_of_a_sample() -> None:
    statistics = intensity_statistics(np.array([2, 4, 4, 4, 5, 5, 7, 9]))
    assert statistics is not None
    assert statistics.std == pytest.approx(np.sqrt(32 / 7))
    assert (statistics.mean, statistics.minimum, statistics.maximum, statistics.median) == (5.0, 2.0, 9.0, 4.5)


def test_values_that_are_not_finite_are_left_out_and_counted() -> None:
    statistics = intensity_statistics(np.array([1.0, np.nan, 3.0, np.inf]))
    assert statistics is not None
    assert (statistics.mean, statistics.count, statistics.ignored) == (2.0, 2, 2)


def test_one_value_has_no_spread_and_none_has_no_statistics() -> None:
    one = intensity_statistics(np.array([7], dtype=np.int16))
    assert one is not None
    assert one.std == 0.0
    assert intensity_statistics(np.array([np.nan])) is None


def test_small_integers_do_not_overflow() -> None:
    statistics = intensity_statistics(np.full(1000, 250, dtype=np.uint8))
    assert statistics is not None
    assert statistics.mean == 250.0


def test_first_order_values_equal_pyradiomics(data: Path) -> None:
    folder = data / "mr_brain_tumour_radiomics"
    image, _ = b.read_nrrd(folder / "brain1_image.nrrd")
    labels, _ = b.read_nrrd(folder / "brain1_label.nrrd")
    with (folder / "baseline_firstorder.csv").open() as file:
        published = {row["featureName"]: row["brain1"] for row in csv.DictReader(file)}
    statistics = intensity_statistics(image[labels == 1])
    assert statistics is not None
    for name, value in (
        ("Mean", statistics.mean),
        ("Median", statistics.median),
        ("Minimum", statistics.minimum),
        ("Maximum", statistics.maximum),
    ):
        assert value == pytest.approx(float(published[f"original_firstorder_{name}"]))
