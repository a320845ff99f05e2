"""What cannot be said of images without a physical scale."""

from __future__ import annotations

import numpy as np

from domain.geometry import Geometry
from tools.scale import without_scale

AXIAL = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def test_without_pixel_spacing_there_are_no_millimetres() -> None:
    said = without_scale("series-1", Geometry((1, 4, 4)))
    assert said.startswith("The file of series-1 carries no pixel spacing")
    assert "counted in pixels" in said


def test_without_positions_there_is_no_volume() -> None:
    said = without_scale("series-2", Geometry((3, 4, 4), (1.0, 1.0)))
    assert "a volume cannot" in said


def test_nothing_is_missing_of_one_slice_or_of_placed_ones() -> None:
    places = np.array([[0.0, 0.0, float(z)] for z in range(3)])
    assert without_scale("series-1", Geometry((1, 4, 4), (1.0, 1.0))) == ""
    assert without_scale("series-1", Geometry((3, 4, 4), (1.0, 1.0), AXIAL, places)) == ""
