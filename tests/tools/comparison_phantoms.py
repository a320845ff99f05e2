"""A trunk with organs in a known place, moved by a known movement, and outlines in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from domain.finding import Measurement
from domain.geometry import Matrix
from domain.mask import Mask
from domain.study import Volume
from tests.tools import builders
from tools.comparison.change import Laid, Outlined
from tools.comparison.plausibility import Quality
from tools.comparison.registration import Registration
from tools.measurement import measure

SHAPE = (28, 40, 40)
SPACING = 7.0
CENTRE = np.array([136.5, 136.5, 94.5])
"""LPS middle of the images."""
_ORGANS = (
    ((60.0, -20.0, 20.0), (45.0, 40.0, 50.0), 120.0),
    ((-70.0, 30.0, 30.0), (25.0, 30.0, 35.0), 180.0),
    ((0.0, 60.0, 0.0), (18.0, 18.0, 95.0), 400.0),
    ((30.0, 20.0, -50.0), (25.0, 20.0, 30.0), -80.0),
    ((-45.0, -30.0, -45.0), (20.0, 30.0, 25.0), 250.0),
)
"""Centre and half axes in mm about the middle, and HU."""
PERFECT = Quality(1.5, 1.5, 5.0, 0.0, 1.0, 1.0)


def movement(degrees: float, axis: tuple[float, float, float], shift: tuple[float, float, float]) -> Matrix:
    """(4, 4) turn about the middle of the images, then shift in mm."""
    turn = Rotation.from_rotvec(np.radians(degrees) * np.array(axis) / np.linalg.norm(axis)).as_matrix()
    matrix = np.eye(4)
    matrix[:3, :3] = turn
    matrix[:3, 3] = CENTRE + np.array(shift) - turn @ CENTRE
    return matrix


def trunk(moved: Matrix | None = None, *, noise: float = 15.0, seed: int = 1, study: str = "1") -> Volume:
    """A CT of the trunk after a movement, sampled anew: nothing is interpolated."""
    grid = builders.axial(SHAPE, (SPACING, SPACING, SPACING))
    index = np.argwhere(np.ones(SHAPE, bool)).astype(np.float64)
    back = np.linalg.inv(np.eye(4) if moved is None else moved)
    place = grid.to_patient_mm(index) @ back[:3, :3].T + back[:3, 3] - CENTRE
    values = np.full(len(place), -1000.0)
    values[((place[:, :2] / (115.0, 85.0)) ** 2).sum(axis=1) + (place[:, 2] / 160) ** 4 <= 1] = 40.0
    inside = values > 0
    # Fat between the organs: waves that do not repeat within the trunk.
    waves = np.sin(place[:, 0] / 17) + np.sin(place[:, 1] / 13 + 1) + np.sin(place[:, 2] / 19 + 2)
    values[inside] -= 60 * (waves[inside] > 0.7)
    for centre, axes, value in _ORGANS:
        values[(((place - centre) / axes) ** 2).sum(axis=1) <= 1] = value
    values += np.random.default_rng(seed).normal(0, noise, len(values))
    made = builders.volume(values.reshape(SHAPE).astype(np.float32), grid)
    return replace(made, series=replace(made.series, series_uid=f"{study}.2", frame_of_reference_uid=f"{study}.9"))


def error_mm(found: Registration, truth: Matrix) -> float:
    """Largest distance between where the registration and the truth put points of the trunk."""
    corners = CENTRE + 80 * (np.array(list(np.ndindex(3, 3, 3)), dtype=np.float64) - 1)
    there = corners @ truth[:3, :3].T + truth[:3, 3]
    return float(np.linalg.norm(found.to_fixed(corners) - there, axis=1).max())


def shifted(x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Laid:
    """A trusted registration that shifts the earlier study by millimetres."""
    matrix = np.eye(4)
    matrix[:3, 3] = (x, y, z)
    return Laid("prior-1", Registration(matrix, "rigid registration", PERFECT))


def balls(*found: tuple[tuple[int, int, int], float], shape: tuple[int, int, int] = (30, 40, 40)) -> NDArray[np.bool_]:
    """Balls of centre and radius in voxels."""
    index = np.indices(shape)
    array = np.zeros(shape, bool)
    for centre, radius in found:
        array |= sum((index[a] - centre[a]) ** 2 for a in range(3)) <= radius**2
    return array


def outlined(
    array: NDArray[np.bool_],
    *,
    target: str = "liver tumor",
    category: str = "tumor",
    spacing: tuple[float, float, float] = (2.0, 1.0, 1.0),
    modality: str = "CT",
    model: str = "model@1",
    contrast: str = "",
    value: float = 60.0,
) -> Outlined:
    """A measured outline on images of one value."""
    grid = builders.axial(array.shape, spacing)  # type: ignore[arg-type]
    images = builders.volume(np.full(array.shape, value, np.float32), grid, modality=modality)
    images = replace(images, series=replace(images.series, contrast=contrast))
    mask = Mask("m1", target, category, "1.2.3", grid, array, model, "s1")
    measured: tuple[Measurement, ...] = measure(mask, images, step_id="s2")[0]
    return Outlined(mask, images, measured)
