"""The parts of an outline on one side of the patient."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from domain.geometry import Geometry
from domain.mask import Mask
from domain.study import Volume
from tests.plugins.clinic import SIDE, body
from tools.one_side import on_side


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    """A body whose columns go from the patient's right to the left."""
    study = body(tmp_path, 2)
    return next(iter(study.volumes.values()))


def mask_of(volume: Volume, *columns: slice, soft: bool = False) -> Mask:
    array = np.zeros(volume.geometry.shape, bool)
    for part in columns:
        array[:, 30:36, part] = True
    levels = np.where(array, np.uint8(200), np.uint8(20)) if soft else None
    series = volume.series
    return Mask("m1", "kidney", "kidney", series.series_uid, volume.geometry, array, "a@1", "s1", levels)


LEFT, RIGHT = slice(44, 50), slice(14, 20)


def test_only_the_parts_of_that_side_are_kept(volume: Volume) -> None:
    both = mask_of(volume, LEFT, RIGHT, soft=True)
    found = on_side(both, volume, "left")
    assert found is not None
    assert np.array_equal(found.array, mask_of(volume, LEFT).array)
    assert found.probability is not None
    assert (found.probability > 0).sum() == found.voxel_count
    assert (both.voxel_count, found.target) == (2 * found.voxel_count, "kidney")


def test_nothing_on_that_side_is_an_empty_outline(volume: Volume) -> None:
    found = on_side(mask_of(volume, RIGHT), volume, "left")
    assert found is not None
    assert found.voxel_count == 0
    empty = mask_of(volume)
    assert on_side(empty, volume, "left") is empty


def test_without_an_orientation_nothing_is_said(volume: Volume) -> None:
    shape = volume.geometry.shape
    plain = replace(volume, series=replace(volume.series, geometry=Geometry(shape, (5.0, 5.0))))
    assert on_side(mask_of(volume, LEFT, RIGHT), plain, "left") is None
    assert shape[2] == SIDE
