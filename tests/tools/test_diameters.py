"""Caliper diameters: exact on shapes with known answers, equal to pyradiomics on real lesions."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from domain.errors import SpacingMissing
from domain.geometry import Geometry
from tests.tools import builders as b
from tools.diameters import max_3d_diameter_mm, max_planar_diameter_mm, recist_axes


def test_a_row_of_pixels_is_as_long_as_its_pixels() -> None:
    array = np.zeros((1, 9, 20), bool)
    array[0, 4, 3:15] = True
    axes = recist_axes(array, (2.0, 0.5))
    assert axes is not None
    assert axes.long_axis_mm == pytest.approx(12 * 0.5)
    assert axes.short_axis_mm == pytest.approx(2.0)


def test_non_square_pixels_count_with_their_own_spacing() -> None:
    array = np.zeros((1, 40, 40), bool)
    array[0, 5:25, 10:20] = True
    tall = recist_axes(array, (3.0, 1.0))
    wide = recist_axes(array, (1.0, 3.0))
    assert tall is not None
    assert wide is not None
    assert tall.long_axis_mm == pytest.approx(np.hypot(20 * 3.0, 9 * 1.0), abs=0.5)
    assert wide.long_axis_mm == pytest.approx(np.hypot(19 * 1.0, 10 * 3.0), abs=0.5)


def test_an_ellipse_has_its_own_axes() -> None:
    y, x = np.mgrid[:400, :400]
    turn = np.deg2rad(30)
    u = (x - 200) * np.cos(turn) + (y - 200) * np.sin(turn)
    v = -(x - 200) * np.sin(turn) + (y - 200) * np.cos(turn)
    axes = recist_axes(((u / 150) ** 2 + (v / 60) ** 2 <= 1)[None], (0.5, 0.5))
    assert axes is not None
    assert axes.long_axis_mm == pytest.approx(150.0, abs=0.6)
    assert axes.short_axis_mm == pytest.approx(60.0, abs=0.6)


def test_the_long_axis_comes_from_the_slice_where_it_is_longest() -> None:
    array = np.zeros((3, 30, 30), bool)
    array[0, 10, 10:15] = array[1, 10:14, 5:25] = array[2, 3:9, 3:9] = True
    axes = recist_axes(array, (1.0, 1.0))
    assert axes is not None
    assert axes.slice_index == 1


def test_both_ends_of_the_axes_measure_what_the_axes_say() -> None:
    y, x = np.mgrid[:90, :90]
    array = (((x - 40) / 30) ** 2 + ((y - 45) / 12) ** 2 <= 1)[None]
    spacing = np.array([0.7, 1.3])
    axes = recist_axes(array, (0.7, 1.3))
    assert axes is not None
    long_vector, short_vector = (
        (np.array(second) - np.array(first)) * spacing for first, second in (axes.long_ends, axes.short_ends)
    )
    assert np.linalg.norm(long_vector) == pytest.approx(axes.long_axis_mm)
    assert np.linalg.norm(short_vector) == pytest.approx(axes.short_axis_mm)
    assert long_vector @ short_vector == pytest.approx(0.0, abs=1e-6)


def test_an_empty_mask_has_no_axes() -> None:
    assert recist_axes(np.zeros((2, 4, 4), bool), (1.0, 1.0)) is None
    assert max_planar_diameter_mm(np.zeros((2, 4, 4), bool), (1.0, 1.0, 1.0)) == 0.0
    assert max_3d_diameter_mm(np.zeros((2, 4, 4), bool), b.axial((2, 4, 4))) == 0.0


@settings(max_examples=60, deadline=None)
@given(
    array=hnp.arrays(np.bool_, (1, 12, 15)).filter(lambda a: bool(a.any())),
    spacing=st.tuples(st.floats(0.2, 4), st.floats(0.2, 4)),
)
def test_the_hull_finds_what_brute_force_finds(array: np.ndarray, spacing: tuple[float, float]) -> None:
    rows, columns = np.nonzero(array[0])
    steps = [(0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5)]
    points = np.concatenate([np.stack([rows + r, columns + c], axis=1) for r, c in steps]) * np.array(spacing)
    brute = np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1)).max()
    axes = recist_axes(array, spacing)
    assert axes is not None
    assert axes.long_axis_mm == pytest.approx(brute)
    assert 0 < axes.short_axis_mm <= axes.long_axis_mm + 1e-9


def test_a_ball_is_as_wide_in_every_direction_even_tilted() -> None:
    z, y, x = np.mgrid[:41, :41, :41]
    ball = (z - 20) ** 2 + (y - 20) ** 2 + (x - 20) ** 2 <= 15**2
    turn = np.deg2rad(25)
    orientation = np.array([[1.0, 0, 0], [0, np.cos(turn), np.sin(turn)]])
    normal = np.cross(orientation[0], orientation[1])
    tilted = Geometry(ball.shape, (2.0, 2.0), orientation, np.arange(41)[:, None] * 2.0 * normal)
    assert max_3d_diameter_mm(ball, tilted) == pytest.approx(60.0, abs=2.5)
    assert max_3d_diameter_mm(ball, tilted) == pytest.approx(max_3d_diameter_mm(ball, b.axial(ball.shape, (2, 2, 2))))


def test_the_surface_beyond_the_last_slice_counts() -> None:
    column = np.ones((5, 1, 1), bool)
    assert max_3d_diameter_mm(column, b.axial((5, 1, 1), (3.0, 0.1, 0.1))) == pytest.approx(15.0, abs=0.01)


def test_without_positions_there_is_no_3d_diameter() -> None:
    with pytest.raises(SpacingMissing):
        max_3d_diameter_mm(np.ones((2, 3, 3), bool), b.plain((2, 3, 3), (1.0, 1.0)))


@pytest.mark.parametrize("lesion", ["brain1", "lung1"])
def test_diameters_equal_pyradiomics(data: Path, lesion: str) -> None:
    folder = data / "mr_brain_tumour_radiomics"
    labels, geometry = b.read_nrrd(folder / f"{lesion}_label.nrrd")
    array = labels == 1
    with (folder / "baseline_shape.csv").open() as file:
        published = {row["featureName"]: row[lesion] for row in csv.DictReader(file)}
    assert geometry.pixel_spacing_mm is not None
    assert geometry.slice_spacing_mm is not None
    spacing = (geometry.slice_spacing_mm, *geometry.pixel_spacing_mm)
    assert max_3d_diameter_mm(array, geometry) == pytest.approx(
        float(published["original_shape_Maximum3DDiameter"]), abs=1e-4
    )
    for axis, plane in enumerate(("Slice", "Column", "Row")):
        assert max_planar_diameter_mm(array, spacing, axis) == pytest.approx(
            float(published[f"original_shape_Maximum2DDiameter{plane}"]), abs=1e-4
        )
