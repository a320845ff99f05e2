"""Real CT and MR, told to lie elsewhere, are found again to a part of a voxel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from domain.geometry import Geometry
from domain.study import Volume
from tests.tools.comparison_phantoms import movement
from tools.comparison.grid import transformed, working_image
from tools.comparison.registration import register
from tools.ingest import ingest


def part(volume: Volume, first: int, last: int, shift: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Volume:
    """Slices first … last − 1, told to lie elsewhere, with a frame of reference of their own."""
    grid = volume.geometry
    assert grid.positions_mm is not None
    place = grid.positions_mm[first:last] + np.array(shift)
    own = Geometry((last - first, *grid.shape[1:]), grid.pixel_spacing_mm, grid.orientation, place)
    return Volume(replace(volume.series, geometry=own, frame_of_reference_uid=""), volume.array[first:last])


@pytest.fixture(scope="module")
def whole(data: Path) -> Volume:
    """A real CT of abdomen and pelvis, 112 slices of 3 mm."""
    (study,) = ingest([data / "ct_abdomen_nifti" / "example_ct.nii.gz"], question="CT").studies
    (volume,) = study.volumes.values()
    return volume


def test_a_part_of_real_images_is_found_in_the_whole(whole: Volume) -> None:
    piece = part(whole, 40, 80, (60.0, 40.0, 300.0))
    found = register(piece, whole)
    points = working_image(piece).points_mm
    off = np.linalg.norm(found.to_fixed(points) - (points - (60.0, 40.0, 300.0)), axis=1)
    assert found.trusted, found.doubt
    assert off.max() < 1.0  # a third of a voxel
    assert found.quality.covered > 0.99


def test_other_parts_of_real_images_are_not_believed(whole: Volume) -> None:
    found = register(part(whole, 0, 40), part(whole, 72, 112))
    assert not found.trusted
    assert "align" in found.doubt or "same part" in found.doubt


def test_real_mr_is_found_again_after_a_turn(data: Path) -> None:
    (study,) = ingest(sorted((data / "mr_brain_series").glob("*.dcm"))).studies
    (volume,) = study.volumes.values()
    place = volume.geometry.affine
    # The grid turns about its own middle: the same pixels, told to lie elsewhere, with noise of their own.
    middle = transformed(place, np.array([[9.0, 127.5, 127.5]]))[0]
    truth = movement(12.0, (1, 0, 1), (8.0, -5.0, 4.0))
    truth[:3, 3] = middle + np.array([8.0, -5.0, 4.0]) - truth[:3, :3] @ middle
    assert volume.geometry.orientation is not None
    assert volume.geometry.positions_mm is not None
    turned = replace(
        volume.geometry,
        orientation=volume.geometry.orientation @ truth[:3, :3].T,
        positions_mm=transformed(truth, volume.geometry.positions_mm),
    )
    noise = np.random.default_rng(4).normal(0, 15, volume.array.shape)
    moved = Volume(replace(volume.series, geometry=turned), (volume.array + noise).astype(np.float32))
    found = register(volume, moved)
    points = working_image(volume).points_mm
    off = np.linalg.norm(found.to_fixed(points) - transformed(truth, points), axis=1)
    assert found.trusted, found.doubt
    assert off.max() < 0.86  # a pixel
