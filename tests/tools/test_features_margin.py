"""The margin: known slopes and known outlines."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tools.features_margin import margin_features, roughness
from tools.features_value import Feature


def disc(radius: float, size: int = 128, waves: int = 0, depth: float = 0.0) -> NDArray[np.bool_]:
    row, column = np.indices((size, size)) - (size - 1) / 2
    edge = radius * (1 + depth * np.cos(waves * np.arctan2(row, column)))
    return np.hypot(row, column) <= edge


def values_of(found: tuple[Feature, ...]) -> dict[str, float]:
    return {feature.name: feature.value for feature in found}


@pytest.mark.parametrize("width_mm", [4.0, 8.0])
def test_a_ramp_has_its_slope(width_mm: float) -> None:
    spacing = 0.5
    row, column = (np.indices((128, 128)) - 63.5) * spacing
    distance = 15.0 - np.hypot(row, column)
    ramp = 100 * np.clip(distance / width_mm + 0.5, 0, 1)
    found = values_of(margin_features((distance > 0)[None], ramp[None], (spacing, spacing), "[hnsf'U]"))
    assert found["border_gradient"] == pytest.approx(100 / width_mm, rel=0.03)


def test_a_sharper_border_has_a_steeper_gradient_and_the_same_sign_of_contrast() -> None:
    from scipy import ndimage

    inside = disc(20)
    sharp = np.where(inside, 40.0, -800.0)
    blurred = ndimage.gaussian_filter(sharp, 3)
    clear, vague = (values_of(margin_features(inside[None], one[None], (1, 1), "1")) for one in (sharp, blurred))
    assert clear["border_gradient"] > 2 * vague["border_gradient"]
    assert clear["border_width"] < vague["border_width"]
    assert clear["border_contrast"] == pytest.approx(840.0)
    dark = values_of(margin_features(inside[None], -sharp[None], (1, 1), "1"))
    assert dark["border_contrast"] == pytest.approx(-840.0)


def test_spikes_are_rough_and_ellipses_are_not() -> None:
    row, column = np.indices((128, 128)) - 63.5
    ellipse = (row / 20) ** 2 + (column / 45) ** 2 <= 1
    variation, spiculation = roughness(ellipse, (1.0, 1.0))
    assert variation > 0.2
    assert spiculation < 0.035
    assert roughness(disc(40), (1.0, 1.0))[1] < 0.015
    # A cosine of depth d has a root mean square of d / √2.
    assert roughness(disc(40, waves=9, depth=0.2), (1.0, 1.0))[1] == pytest.approx(0.2 / np.sqrt(2), rel=0.1)


def test_roughness_does_not_depend_on_how_pixels_are_stretched() -> None:
    squeezed = disc(40)[::2]
    assert roughness(squeezed, (2.0, 1.0))[0] < 0.02


def test_a_mask_without_surroundings_has_no_border() -> None:
    assert margin_features(np.ones((1, 9, 9), bool), np.zeros((1, 9, 9)), (1, 1), "1")[0].name == "radial_variation"
    tiny = np.zeros((1, 9, 9), bool)
    tiny[0, 4, 4] = True
    names = {one.name for one in margin_features(tiny, tiny.astype(float), (1, 1), "1")}
    assert names == {"border_gradient", "border_contrast", "border_width"}
