"""Doubtful voxels come back as they were, beside any kind of mask; a hard mask has none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays

from domain.geometry import Geometry
from domain.mask import Mask
from tests.tools.outputs_builders import WHEN, analysis_of, box, mask_on, volume_of, write_phantom
from tools.artifacts import write_artifacts
from tools.mask_runs import runs_of
from tools.uncertain_regions import _gaps, _runs, read_uncertain, uncertain_region


@given(arrays(np.bool_, array_shapes(min_dims=3, max_dims=3, max_side=6)))
def test_any_region_comes_back(region: np.ndarray) -> None:
    runs = runs_of(region)
    assert _runs(_gaps(runs)) == runs


@pytest.mark.parametrize("kind", [np.float32, np.uint8])
def test_doubt_lies_between_a_quarter_and_three_quarters(kind: type) -> None:
    shares = np.asarray([[[0, 0.2, 0.3, 0.5, 0.7, 0.8, 1]]], np.float32)
    levels = shares if kind is np.float32 else np.rint(shares * 255).astype(np.uint8)
    geometry = Geometry((1, 1, 7))
    mask = Mask("m1", "liver", "", "1.2", geometry, shares >= 0.5, "a model", "s1", probability=levels)
    region = uncertain_region(mask)
    assert region is not None
    assert region.tolist() == [[[False, False, True, True, True, False, False]]]


def test_an_analysis_keeps_it_and_says_nothing_of_hard_masks(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path))
    inside = box(volume.geometry)
    levels = np.where(inside, np.uint8(250), np.uint8(3))
    levels[0, :2, :3] = 128
    masks = [
        mask_on(volume, "liver", inside, 1, probability=levels),
        mask_on(volume, "spleen", inside, 2),
        mask_on(volume, "kidney", inside, 3, probability=np.where(inside, np.uint8(255), np.uint8(0))),
    ]
    out, uid = tmp_path / "out", volume.series.series_uid
    paths, warnings = write_artifacts(
        analysis_of([volume], masks), {uid: volume}, out, when=WHEN, software_version="0.1.0"
    )
    assert warnings == ()
    assert out / f"{uid}.uncertain.npz" in paths
    assert read_uncertain(out, uid, "m1") == runs_of(levels == 128)
    assert read_uncertain(out, uid, "m2") == read_uncertain(out, uid, "m3") == []
    assert read_uncertain(tmp_path, uid, "m1") == []
