"""Cardiothoracic ratio."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from domain.codes import Unit
from domain.errors import GeometryInvalid
from domain.mask import Mask
from domain.study import Series
from tests.tools import builders as b
from tools.cardiothoracic import cardiothoracic_ratio

GEOMETRY = b.plain((1, 100, 200))


def chest(view: str = "PA") -> tuple[Mask, Mask, Mask, Series]:
    heart, left, right = (np.zeros(GEOMETRY.shape, bool) for _ in range(3))
    heart[0, 50:80, 80:140] = True
    right[0, 10:90, 20:85] = True
    left[0, 10:90, 130:170] = True
    series = b.volume(np.zeros(GEOMETRY.shape), GEOMETRY, modality="CR", unit=Unit.ONE, view=view).series
    masks = [b.mask(a, GEOMETRY, name, mask_id=name) for a, name in ((heart, "heart"), (left, "l"), (right, "r"))]
    return masks[0], masks[1], masks[2], series


def test_heart_width_over_thoracic_width() -> None:
    heart, left, right, series = chest()
    ratio, warnings = cardiothoracic_ratio(heart, (left, right), series, step_id="s5")
    assert ratio.value == pytest.approx(60 / 150)
    assert ratio.unit is Unit.ONE
    assert "60 px" in ratio.method
    assert "150 px" in ratio.method
    assert warnings == ()


def test_an_ap_view_is_warned_of() -> None:
    heart, left, right, series = chest("AP")
    _, warnings = cardiothoracic_ratio(heart, (left, right), series, step_id="s5")
    assert "AP view" in warnings[0]


def test_an_unknown_view_is_warned_of() -> None:
    heart, left, right, series = chest("")
    _, warnings = cardiothoracic_ratio(heart, (left, right), series, step_id="s5")
    assert "not known to be PA" in warnings[0]


def test_a_speckle_does_not_widen_the_heart() -> None:
    heart, left, right, series = chest()
    array = heart.array.copy()
    array[0, 5, 190:195] = True
    ratio, _ = cardiothoracic_ratio(replace(heart, array=array), (left, right), series, step_id="s5")
    assert ratio.value == pytest.approx(60 / 150)


def test_a_heart_wider_than_the_thorax_is_warned_of() -> None:
    heart, left, _, series = chest()
    _, warnings = cardiothoracic_ratio(heart, (left,), series, step_id="s5")
    assert any("wider than the thorax" in warning for warning in warnings)


def test_a_section_has_no_cardiothoracic_ratio() -> None:
    heart, left, right, series = chest()
    with pytest.raises(GeometryInvalid, match="one chest radiograph"):
        cardiothoracic_ratio(heart, (left, right), replace(series, modality="CT"), step_id="s5")


def test_masks_of_different_images_are_refused() -> None:
    heart, left, right, series = chest()
    with pytest.raises(GeometryInvalid, match="different images"):
        cardiothoracic_ratio(heart, (replace(left, series_uid="9"), right), series, step_id="s5")
    empty = replace(heart, array=np.zeros_like(heart.array))
    with pytest.raises(GeometryInvalid, match="not found"):
        cardiothoracic_ratio(empty, (left, right), series, step_id="s5")
    with pytest.raises(GeometryInvalid, match="no mask of the lungs"):
        cardiothoracic_ratio(heart, (), series, step_id="s5")
