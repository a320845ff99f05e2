"""Windows follow the contract; grey values follow the written-out formula."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from domain.codes import Unit
from domain.geometry import Geometry
from domain.model import Window
from domain.study import Series, Volume
from tools.windowing import (
    CT_WINDOWS,
    IDENTITY,
    PERCENTILE,
    apply_window,
    percentile_limits,
    window_for,
    window_for_volume,
)


@pytest.mark.parametrize(
    ("target", "region", "name"),
    [
        ("liver", "CHEST", "liver"),
        ("liver tumor", "", "liver"),
        ("hepatic vessel", "ABDOMEN", "liver"),
        ("pancreas tumor", "ABDOMEN", "pancreas"),
        ("colon cancer primaries", "", "colon"),
        ("left lung", "", "lung"),
        ("nodule", "CHEST", "lung"),
        ("airway", "", "lung"),
        ("pneumothorax", "", "lung"),
        ("COVID-19 infection", "lung", "lung"),
        ("bladder", "ABDOMEN", "pelvis"),
        ("uterus", "", "pelvis"),
        ("prostate", "", "pelvis"),
        ("gallbladder", "", "abdomen"),
        ("gall bladder", "", "abdomen"),
        ("spleen", "CHEST", "abdomen"),
        ("left kidney", "PELVIS", "abdomen"),
        ("tumor", "", "abdomen"),
        ("tumor", "colon", "colon"),
        ("tumor", "liver", "liver"),
        ("tumor", "CHEST", "lung"),
        ("lymph node", "PELVIS", "pelvis"),
        ("tumor", "CHESTABDPELVIS", "abdomen"),
        ("ureter", "", "abdomen"),
    ],
)
def test_ct_windows_go_by_target_then_region(target: str, region: str, name: str) -> None:
    assert window_for("CT", target, region) == CT_WINDOWS[name]


def test_windows_are_those_of_the_contract() -> None:
    limits = {name: (window.low, window.high) for name, window in CT_WINDOWS.items()}
    assert limits == {
        "abdomen": (-150, 250),
        "lung": (-1000, 1000),
        "pelvis": (-55, 200),
        "liver": (-25, 230),
        "colon": (-68, 187),
        "pancreas": (-100, 200),
    }


def test_everything_else_goes_by_percentiles_or_stays() -> None:
    assert window_for("MR", "liver") == PERCENTILE
    assert window_for("CT", "liver", value_unit=Unit.ONE) == PERCENTILE
    assert window_for("CR", "lung", eight_bit=True) == IDENTITY


@pytest.mark.parametrize(
    ("modality", "dtype", "unit", "expected"),
    [
        ("CT", np.int16, Unit.HU, CT_WINDOWS["lung"]),
        ("CT", np.int16, Unit.ONE, PERCENTILE),
        ("CR", np.uint16, Unit.ONE, PERCENTILE),
        ("CR", np.uint8, Unit.ONE, IDENTITY),
    ],
)
def test_a_volume_says_what_it_needs(modality: str, dtype: type, unit: Unit, expected: Window) -> None:
    series = Series("1.2", "1.1", modality, Geometry((1, 4, 4)), (), body_part="CHEST", value_unit=unit)
    assert window_for_volume(Volume(series, np.zeros((1, 4, 4), dtype)), "tumor") == expected


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
def test_values_are_clipped_scaled_and_truncated(dtype: type) -> None:
    values = np.array([[-2000, -25, -24, 0, 102, 229, 230, 3000]], dtype)
    expected = [[0, 0, 1, 25, 127, 254, 255, 255]]
    assert apply_window(values, CT_WINDOWS["liver"]).tolist() == expected


def test_an_unsigned_source_beyond_int16_is_no_trap() -> None:
    values = np.array([[0, 40000, 65535]], np.uint16)
    assert apply_window(values, Window("wide", 0, 65535)).tolist() == [[0, 155, 255]]


def test_missing_values_are_black() -> None:
    values = np.array([[np.nan, np.inf, -np.inf, 100.5]], np.float32)
    assert apply_window(values, Window("w", 0, 200)).tolist() == [[0, 255, 0, 128]]
    assert apply_window(np.full((2, 2), np.nan, np.float32), PERCENTILE).tolist() == [[0, 0], [0, 0]]


def test_a_flat_slice_is_black_by_percentiles() -> None:
    assert not apply_window(np.full((8, 8), 700, np.int16), PERCENTILE).any()


@settings(deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.int16, np.uint16, np.uint8, np.int32]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=30),
    )
)
def test_percentiles_equal_numpys(values: NDArray[np.generic]) -> None:
    expected = np.percentile(values.astype(np.float64), (0.5, 99.5))
    assert percentile_limits(values) == pytest.approx(tuple(expected), rel=1e-9, abs=1e-6)


def test_identity_is_for_eight_bit_only() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert np.array_equal(apply_window(image, IDENTITY), image)
    with pytest.raises(ValueError, match="8-bit"):
        apply_window(image.astype(np.int16), IDENTITY)
    with pytest.raises(ValueError, match="empty"):
        apply_window(image.astype(np.int16), Window("w", 5, 5))


@pytest.mark.parametrize("window", [*CT_WINDOWS.values(), PERCENTILE], ids=lambda window: window.name)
def test_a_real_ct_follows_the_formula(data: Path, window: Window) -> None:
    header = pydicom.dcmread(data / "ct_liver_seg_sr" / "ct" / "02.dcm")
    hu = header.pixel_array * float(header.RescaleSlope) + float(header.RescaleIntercept)
    low, high = (window.low, window.high) if window.low is not None else np.percentile(hu, (0.5, 99.5))
    exact = np.clip((hu - low) / (high - low), 0, 1) * 255
    for values in (hu.astype(np.int16), hu.astype(np.float32), hu):
        grey = apply_window(values, window)
        assert grey.dtype == np.uint8
        assert (np.abs(grey - exact) < 1.001).all()
        assert np.mean(grey != np.floor(exact)) < 0.01
