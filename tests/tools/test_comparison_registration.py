"""A known movement is found again, and what cannot be laid on each other is not believed to be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from domain.geometry import Geometry
from domain.study import Volume
from tests.tools.comparison_phantoms import SPACING, error_mm, movement, trunk
from tools.comparison.grid import inverse, transformed, working_image
from tools.comparison.plausibility import Quality, doubt, registrable
from tools.comparison.registration import register


@pytest.mark.parametrize(
    ("degrees", "axis", "shift"),
    [
        pytest.param(9.0, (1, 2, 3), (6.0, 10.0, -12.0), id="turned and shifted"),
        pytest.param(20.0, (0, 0, 1), (0.0, 0.0, 0.0), id="turned on its side"),
    ],
)
def test_a_known_movement_is_found_within_a_voxel_and_a_degree(
    degrees: float, axis: tuple[float, float, float], shift: tuple[float, float, float]
) -> None:
    truth = movement(degrees, axis, shift)
    found = register(trunk(seed=2), trunk(truth, seed=3, study="2"))
    assert found.trusted, found.doubt
    assert error_mm(found, truth) <= SPACING
    assert found.quality.rotation_deg == pytest.approx(degrees, abs=1.0)
    assert found.quality.information_after > found.quality.information_before


def test_a_part_is_laid_into_the_whole_whichever_of_them_is_moved() -> None:
    truth = movement(0.0, (0, 0, 1), (14.0, -8.0, 21.0))
    whole, moved = trunk(seed=2), trunk(truth, seed=3)
    assert moved.geometry.positions_mm is not None
    half = replace(
        moved.geometry, shape=(16, *moved.geometry.shape[1:]), positions_mm=moved.geometry.positions_mm[6:22]
    )
    part = Volume(replace(moved.series, geometry=half), moved.array[6:22])
    found = register(whole, part)
    assert found.trusted, found.doubt
    assert error_mm(found, truth) <= SPACING
    points = np.array([[100.0, 120.0, 80.0], [150.0, 160.0, 120.0]])
    assert found.to_moving(found.to_fixed(points)) == pytest.approx(points)


def test_what_did_not_move_stays_where_the_scanner_put_it() -> None:
    found = register(trunk(seed=2), trunk(seed=3))
    assert found.trusted
    assert np.array_equal(found.matrix, np.eye(4))
    assert found.method == "same frame of reference"


def test_noise_is_not_believed() -> None:
    images = trunk()
    noise = np.random.default_rng(5).normal(0, 200, images.array.shape).astype(np.float32)
    assert not register(images, Volume(images.series, noise)).trusted


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ""),
        ({"rotation_deg": 31.0}, "31°"),
        ({"covered": 0.2}, "same part"),
        ({"overlap": 0.6}, "bodies"),
        ({"information_after": 1.05}, "align"),
        ({"sharpness": 2.5}, "align"),
    ],
    ids=["good", "turned too far", "elsewhere", "no fit", "no information", "no peak"],
)
def test_what_is_not_plausible_says_why(change: dict[str, float], said: str) -> None:
    figures = {"information_before": 1.02, "information_after": 1.3, "sharpness": 5.0, "rotation_deg": 5.0}
    reason = doubt(Quality(**{**figures, "overlap": 0.95, "covered": 0.9, **change}))
    assert (said in reason) if said else not reason


def test_series_that_cannot_be_registered_say_why() -> None:
    series = trunk().series
    one = replace(series, geometry=Geometry((1, 8, 8), (1.0, 1.0)))
    nowhere = replace(series, geometry=Geometry((20, 8, 8), (1.0, 1.0)))
    assert registrable(series, series) == ""
    assert "modalities" in registrable(series, replace(series, modality="MR"))
    assert "not registered" in registrable(replace(series, modality="US"), replace(series, modality="US"))
    assert "earlier images have fewer" in registrable(series, one)
    assert "present images have no known place" in registrable(nowhere, series)
    assert "parts of the body" in registrable(series, series, regions_now=("chest",), regions_before=("head",))
    assert registrable(series, series, regions_now=("chest", "abdomen"), regions_before=("abdomen",)) == ""


def test_the_coarse_image_lies_where_the_images_lie() -> None:
    images = trunk(noise=0.0)
    coarse = working_image(images)
    points = images.geometry.to_patient_mm(np.array([[20.0, 27.0, 27.0], [12.0, 30.0, 20.0]]))
    found, inside = coarse.sampled(points)
    index = np.rint(transformed(inverse(images.geometry.affine), points)).astype(int)
    assert inside.all()
    assert found == pytest.approx((images.array[tuple(index.T)] + 1000) / 1500, abs=0.1)
    assert coarse.body_mm3 == pytest.approx(np.count_nonzero(images.array > -300) * SPACING**3, rel=0.1)
