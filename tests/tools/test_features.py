"""Features: IBSI's reference values on its phantom, pyradiomics' on a real lesion, and what must not change them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from domain.codes import Unit
from domain.errors import GeometryInvalid
from domain.study import Volume
from tests.tools import builders as b
from tests.tools import ibsi_phantom as ibsi
from tools.features import features, planar
from tools.features_first_order import histogram_features, intensity_features
from tools.features_levels import Discretisation
from tools.features_value import FAMILIES, Feature

ONE_BY_ONE = Discretisation(width=1.0)
_AXIS_LENGTHS = {"TDIC", "P9VJ", "7J51"}
_AS_SAMPLE = np.sqrt(74 / 73)
"""The reference values divide the covariance of the phantom's 74 voxels by 73, pyradiomics and we by 74."""


def by_code(found: tuple[Feature, ...]) -> dict[str, float]:
    return {feature.ibsi_id: feature.value for feature in found if feature.ibsi_id}


def by_name(found: tuple[Feature, ...]) -> dict[str, float]:
    return {f"{feature.family}.{feature.name}": feature.value for feature in found}


def of(
    levels: NDArray[np.generic],
    inside: NDArray[np.bool_] | None = None,
    spacing: tuple[float, float, float] = (1, 1, 1),
    unit: Unit = Unit.ONE,
) -> tuple[Feature, ...]:
    geometry = b.axial(levels.shape, spacing)
    region = levels > 0 if inside is None else inside
    volume = b.volume(levels, geometry, unit=unit)
    return features(b.mask(region, geometry), volume, discretisation=None if unit is Unit.HU else ONE_BY_ONE)


@pytest.mark.parametrize(
    ("spacing", "published"),
    [
        (ibsi.VOXEL_MM, ibsi.INTENSITY + ibsi.SHAPE + ibsi.TEXTURE_3D_MERGED),
        ((20.0, 2.0, 2.0), ibsi.INTENSITY + ibsi.TEXTURE_2_5D_MERGED),
    ],
    ids=["3D merged", "2.5D merged"],
)
def test_the_digital_phantom_has_its_reference_values(spacing: tuple[float, float, float], published: str) -> None:
    found = of(ibsi.PHANTOM, spacing=spacing)
    values = by_code(found)
    wrong = {
        code: (values[code], value)
        for code, value in ibsi.published(published).items()
        if not ibsi.rounded_as(values[code] * (_AS_SAMPLE if code in _AXIS_LENGTHS else 1), value)
    }
    assert not wrong
    zone = by_name(found)["glszm.small_zone_emphasis"]
    assert ibsi.rounded_as(zone, ibsi.SMALL_ZONE_EMPHASIS[spacing[0] > 2])


def test_first_order_equals_pyradiomics(data: Path) -> None:
    folder = data / "mr_brain_tumour_radiomics"
    image, _ = b.read_nrrd(folder / "brain1_image.nrrd")
    labels, _ = b.read_nrrd(folder / "brain1_label.nrrd")
    with (folder / "baseline_firstorder.csv").open() as file:
        rows = {row["featureName"].removeprefix("original_firstorder_"): row["brain1"] for row in csv.DictReader(file)}
    values = image[labels == 1].astype(np.float64)
    levels = Discretisation(width=25).levels(values)
    found = by_name((*intensity_features(values, "1"), *histogram_features(levels)))
    # The published run added 2000 to every value before it squared them.
    shifted = by_name(intensity_features(values + 2000, "1"))
    names = {
        "Mean": found["intensity.mean"],
        "Median": found["intensity.median"],
        "Minimum": found["intensity.minimum"],
        "Maximum": found["intensity.maximum"],
        "Range": found["intensity.range"],
        "10Percentile": found["intensity.percentile_10"],
        "90Percentile": found["intensity.percentile_90"],
        "InterquartileRange": found["intensity.interquartile_range"],
        "MeanAbsoluteDeviation": found["intensity.mean_absolute_deviation"],
        "RobustMeanAbsoluteDeviation": found["intensity.robust_mean_absolute_deviation"],
        "Variance": found["intensity.variance"],
        "Skewness": found["intensity.skewness"],
        "Kurtosis": found["intensity.kurtosis"] + 3,
        "Entropy": found["histogram.entropy"],
        "Uniformity": found["histogram.uniformity"],
        "Energy": shifted["intensity.energy"],
        "RootMeanSquared": shifted["intensity.root_mean_square"],
    }
    for name, value in names.items():
        assert value == pytest.approx(float(rows[name]), rel=1e-9), name


@pytest.mark.parametrize("lesion", ["brain1", "lung1"])
def test_shape_equals_pyradiomics(data: Path, lesion: str) -> None:
    folder = data / "mr_brain_tumour_radiomics"
    labels, geometry = b.read_nrrd(folder / f"{lesion}_label.nrrd")
    found = by_name(features(b.mask(labels == 1, geometry), b.volume(np.zeros(labels.shape), geometry)))
    with (folder / "baseline_shape.csv").open() as file:
        rows = {row["featureName"].removeprefix("original_shape_"): row[lesion] for row in csv.DictReader(file)}
    exact = {
        "Elongation": "elongation",
        "Flatness": "flatness",
        "Maximum3DDiameter": "max_3d_diameter",
        "Maximum2DDiameterSlice": "max_axial_diameter",
        "Maximum2DDiameterColumn": "max_diameter_across_rows",
        "Maximum2DDiameterRow": "max_diameter_across_columns",
    }
    for theirs, ours in exact.items():
        assert found[f"shape.{ours}"] == pytest.approx(float(rows[theirs]), rel=1e-6), theirs
    assert found["shape.surface_to_volume_ratio"] == pytest.approx(float(rows["SurfaceVolumeRatio"]), rel=4e-3)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.permutations([0, 1, 2]), st.lists(st.integers(0, 2), unique=True))
def test_turning_and_flipping_changes_nothing(seed: int, axes: list[int], flips: list[int]) -> None:
    rng = np.random.default_rng(seed)
    levels = rng.integers(0, 6, (5, 6, 7)).astype(np.int32)
    levels[2, 3, 3] = 5
    turned = np.ascontiguousarray(np.flip(levels.transpose(axes), axis=flips))
    before, after = by_name(of(levels)), by_name(of(turned))
    for name in before:
        # The margin is that of slices, and a marching-cubes table is not symmetric in ambiguous cubes.
        if name.startswith(("intensity", "histogram", "gl")):
            assert after[name] == pytest.approx(before[name], rel=1e-9, abs=1e-9), name


def test_a_constant_region_has_no_texture() -> None:
    found = by_name(of(np.full((4, 5, 6), 7, np.int32), np.ones((4, 5, 6), bool)))
    assert found["glcm.joint_energy"] == found["glcm.correlation"] == found["glcm.inverse_difference"] == 1.0
    assert found["glcm.contrast"] == found["histogram.entropy"] == found["intensity.variance"] == 0.0
    assert found["intensity.skewness"] == found["intensity.kurtosis"] == 0.0
    assert found["glszm.zone_percentage"] == pytest.approx(1 / 120)
    assert found["glszm.large_zone_emphasis"] == pytest.approx(120**2)


def test_a_checkerboard_in_one_slice_is_known() -> None:
    board = (np.indices((8, 8)).sum(axis=0) % 2 + 1).astype(np.int32)[None]
    found = by_name(of(board))
    straight, diagonal = 2 * 8 * 7, 2 * 7 * 7
    assert found["glcm.contrast"] == pytest.approx(straight / (straight + diagonal))
    assert found["glcm.joint_entropy"] == pytest.approx(
        -np.log2(straight / (straight + diagonal) / 2) * straight / (straight + diagonal)
        - np.log2(diagonal / (straight + diagonal) / 2) * diagonal / (straight + diagonal)
    )
    # Rows and columns are runs of one; 15 diagonals each way are runs of their own length.
    assert found["glrlm.run_percentage"] == pytest.approx((64 + 64 + 15 + 15) / 256)
    assert found["glszm.zone_percentage"] == pytest.approx(2 / 64)


def test_a_rectangle_in_one_slice_has_an_outline() -> None:
    plane = np.zeros((1, 40, 60), bool)
    plane[0, 10:30, 10:50] = True
    found = by_name(of(plane.astype(np.int32), spacing=(1, 0.5, 0.5)))
    assert found["shape.area"] == pytest.approx(200.0)
    assert found["shape.perimeter"] == pytest.approx(60.0, rel=0.02)
    assert found["shape.elongation_2d"] == pytest.approx(0.5, rel=0.01)
    assert "shape.mesh_volume" not in found


def test_what_cannot_be_known_is_left_out() -> None:
    levels = np.ones((3, 8, 8), np.int32)
    levels[1, 4, 4] = 2
    unplaced = b.plain(levels.shape)
    families = {one.family for one in features(b.mask(levels > 0, unplaced), b.volume(levels, unplaced))}
    assert families == {"intensity", "histogram", "glcm", "glrlm", "glszm"}
    colour = np.zeros((*levels.shape, 3), np.uint8)
    geometry = b.axial(levels.shape)
    in_colour = Volume(b.volume(colour, geometry).series, colour)
    assert {one.family for one in features(b.mask(levels > 0, geometry), in_colour)} == {"shape"}
    assert features(b.mask(levels > 9, geometry), b.volume(levels, geometry)) == ()
    with pytest.raises(GeometryInvalid, match="does not lie"):
        features(b.mask(levels > 0, geometry), b.volume(levels[:2], b.axial((2, 8, 8))))


def test_values_that_are_not_finite_are_left_out() -> None:
    values = np.random.default_rng(0).normal(50, 10, (4, 9, 9)).astype(np.float32)
    inside = np.ones(values.shape, bool)
    holed = inside.copy()
    holed[2, 3, 3] = False
    with_nan = values.copy()
    with_nan[2, 3, 3] = np.nan
    expected, found = by_name(of(values, holed, unit=Unit.HU)), by_name(of(with_nan, inside, unit=Unit.HU))
    for name in expected:
        if name.startswith(("intensity", "histogram", "gl")):
            assert found[name] == pytest.approx(expected[name]), name


def test_units_families_and_names_are_sound() -> None:
    values = np.random.default_rng(1).integers(0, 100, (4, 12, 12)).astype(np.int16)
    inside = np.zeros(values.shape, bool)
    inside[1:3, 3:9, 3:9] = True
    found = of(values, inside, unit=Unit.HU)
    assert {one.family for one in found} == set(FAMILIES)
    assert len({(one.family, one.name) for one in found}) == len(found)
    codes = [one.ibsi_id for one in found if one.ibsi_id]
    assert len(codes) == len(set(codes))
    units = {one.name: one.unit for one in found}
    assert (units["mean"], units["variance"], units["skewness"]) == ("[hnsf'U]", "[hnsf'U]2", "1")
    assert (units["mesh_volume"], units["border_gradient"]) == ("mm3", "[hnsf'U]/mm")
    assert all(np.isfinite(one.value) for one in found)


def test_texture_stays_in_the_slice_where_slices_are_far_apart() -> None:
    assert not planar(b.axial((4, 8, 8), (2.0, 1.0, 1.0)))
    assert planar(b.axial((4, 8, 8), (5.0, 1.0, 1.0)))
    assert planar(b.axial((1, 8, 8)))
    assert planar(b.plain((4, 8, 8), (1.0, 1.0)))
