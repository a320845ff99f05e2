"""An outline runs along the edges of the pixels, and encloses as many of them as the mask has."""

from __future__ import annotations

import numpy as np
import pytest

from tools.pixel_outline import FINEST, MOST_POINTS, pixel_outline


def enclosed(points: np.ndarray) -> float:
    """Area inside a closed line of (row, column) points, positive where it runs clockwise."""
    y, x = points.T
    return float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) / 2)


def disk(size: int) -> np.ndarray:
    rows, columns = np.ogrid[:size, :size]
    return (rows - size / 2) ** 2 + (columns - size / 2) ** 2 < (size / 2.5) ** 2


def test_one_pixel_has_four_corners() -> None:
    plane = np.zeros((4, 6), bool)
    plane[1, 2] = True
    assert pixel_outline(plane).tolist() == [[0.5, 1.5], [0.5, 2.5], [1.5, 2.5], [1.5, 1.5], [0.5, 1.5]]


@pytest.mark.parametrize("size", [5, 40, FINEST])
def test_the_outline_encloses_the_mask(size: int) -> None:
    plane = disk(size)
    points = pixel_outline(plane)
    assert points[0].tolist() == points[-1].tolist()
    assert enclosed(points) == pytest.approx(plane.sum(), rel=1e-3)


def test_the_longest_of_several_parts_is_drawn_and_no_hole() -> None:
    plane = np.zeros((60, 90), bool)
    plane[5:45, 5:45] = plane[50:58, 60:80] = True
    plane[10:40, 10:40] = False
    assert enclosed(pixel_outline(plane)) == 40 * 40


def test_parts_that_touch_at_a_corner_make_closed_lines() -> None:
    plane = np.zeros((6, 6), bool)
    plane[:3, :3] = plane[3:, 3:] = True
    points = pixel_outline(plane)
    assert points[0].tolist() == points[-1].tolist()
    assert (np.abs(np.diff(points, axis=0)).min(axis=1) == 0).all()


def test_a_large_mask_is_drawn_coarsely_and_stays_on_its_plane() -> None:
    plane = np.zeros((1301, 2001), bool)
    plane[1300, 2000] = plane[3, 5:1900] = True
    points = pixel_outline(plane)
    assert points.min() >= -0.5
    assert (points.max(axis=0) <= np.array(plane.shape) - 0.5).all()
    assert enclosed(pixel_outline(disk(2000))) == pytest.approx(disk(2000).sum(), rel=0.01)


def test_a_ragged_outline_has_few_points_and_is_closed() -> None:
    plane = np.zeros((400, 500), bool)
    plane[0, :] = plane[:, ::2] = True  # a comb
    points = pixel_outline(plane)
    assert 4 <= len(points) <= MOST_POINTS
    assert points[0].tolist() == points[-1].tolist()


def test_an_empty_mask_has_no_outline() -> None:
    with pytest.raises(ValueError, match="empty"):
        pixel_outline(np.zeros((3, 3), bool))
