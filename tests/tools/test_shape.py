"""Shape features: computed answers on phantoms, pyradiomics' on real lesions."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from tests.tools import builders as b
from tools.shape import shape_features


def test_a_ball_is_round() -> None:
    z, y, x = np.mgrid[:61, :61, :61]
    ball = (z - 30) ** 2 + (y - 30) ** 2 + (x - 30) ** 2 <= 25**2
    shape = shape_features(ball, (1.0, 1.0, 1.0))
    assert shape.mesh_volume_mm3 == pytest.approx(4 / 3 * np.pi * 25**3, rel=0.01)
    assert shape.sphericity == pytest.approx(1.0, abs=0.09)
    assert max(shape.axis_lengths_mm) == pytest.approx(min(shape.axis_lengths_mm), rel=1e-6)


def test_axis_lengths_follow_the_spacing() -> None:
    block = np.zeros((12, 12, 12), bool)
    block[2:10, 2:10, 2:10] = True
    major, minor, least = shape_features(block, (5.0, 2.0, 1.0)).axis_lengths_mm
    assert (major / least, minor / least) == pytest.approx((5.0, 2.0))


def test_an_empty_mask_has_no_shape() -> None:
    with pytest.raises(ValueError, match="empty"):
        shape_features(np.zeros((3, 3, 3), bool), (1.0, 1.0, 1.0))


@pytest.mark.parametrize("lesion", ["brain1", "lung1"])
def test_shape_equals_pyradiomics(data: Path, lesion: str) -> None:
    folder = data / "mr_brain_tumour_radiomics"
    labels, geometry = b.read_nrrd(folder / f"{lesion}_label.nrrd")
    assert geometry.pixel_spacing_mm is not None
    assert geometry.slice_spacing_mm is not None
    shape = shape_features(labels == 1, (geometry.slice_spacing_mm, *geometry.pixel_spacing_mm))
    with (folder / "baseline_shape.csv").open() as file:
        published = {row["featureName"].removeprefix("original_shape_"): row[lesion] for row in csv.DictReader(file)}
    axes = [float(published[f"{name}AxisLength"]) for name in ("Major", "Minor", "Least")]
    assert shape.axis_lengths_mm == pytest.approx(axes, rel=1e-6)
    # Ambiguous cubes are closed in another way by another marching-cubes table.
    assert shape.mesh_volume_mm3 == pytest.approx(float(published["MeshVolume"]), rel=1e-3)
    assert shape.surface_area_mm2 == pytest.approx(float(published["SurfaceArea"]), rel=3e-3)
    assert shape.sphericity == pytest.approx(float(published["Sphericity"]), rel=3e-3)
