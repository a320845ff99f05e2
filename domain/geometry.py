"""Where pixels are in the patient: millimetres in DICOM's LPS frame (PS3.3 C.7.6.2.1.1)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from domain.errors import GeometryInvalid, SpacingMissing

Matrix = NDArray[np.float64]

UNIFORM_TOLERANCE = 0.05
"""Largest deviation of a slice gap from the median gap, as a fraction of it, that still counts as uniform."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """The sampling grid of one series, slices sorted along the normal.

    Attributes:
        shape: slices, rows, columns.
        pixel_spacing_mm: distance between rows (vertical), between columns (horizontal); None when unknown.
        orientation: (2, 3) unit vectors in LPS: along a row (columns increase), along a column (rows increase).
        positions_mm: (slices, 3) centre of each slice's first pixel in LPS; None when unknown.
        spacing_source: the attribute the spacing came from, e.g. "PixelSpacing", "ImagerPixelSpacing", "pixdim".
    """

    shape: tuple[int, int, int]
    pixel_spacing_mm: tuple[float, float] | None = None
    orientation: Matrix | None = None
    positions_mm: Matrix | None = None
    spacing_source: str = ""
    _cache: dict[str, object] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise GeometryInvalid(f"Shape {self.shape} is not slices × rows × columns.")
        if self.pixel_spacing_mm is not None and not all(np.isfinite(s) and s > 0 for s in self.pixel_spacing_mm):
            raise GeometryInvalid(f"Pixel spacing {self.pixel_spacing_mm} mm is not positive.")
        if self.positions_mm is not None and self.positions_mm.shape != (self.shape[0], 3):
            raise GeometryInvalid("Not one position for each slice.")
        if (self.positions_mm is None) != (self.orientation is None):
            raise GeometryInvalid("Positions and orientation must be known together or not at all.")

    @property
    def slices(self) -> int:
        """Number of slices."""
        return self.shape[0]

    @property
    def in_patient(self) -> bool:
        """True when every pixel has a place in the patient."""
        return self.positions_mm is not None and self.pixel_spacing_mm is not None

    @property
    def normal(self) -> Matrix:
        """Unit normal of the slices: row direction × column direction (LPS).

        Raises:
            SpacingMissing: the orientation is unknown.
        """
        if self.orientation is None:
            raise SpacingMissing("The orientation of these images is unknown.")
        n = np.cross(self.orientation[0], self.orientation[1])
        return np.asarray(n / np.linalg.norm(n), dtype=np.float64)

    @property
    def slice_gaps_mm(self) -> Matrix:
        """(slices − 1,) distances between neighbouring slices along the normal, from positions only."""
        if self.positions_mm is None:
            return np.empty(0)
        return np.abs(np.diff(self.positions_mm @ self.normal))

    @property
    def uniform(self) -> bool:
        """True when the gaps between slices are equal within UNIFORM_TOLERANCE."""
        gaps = self.slice_gaps_mm
        if gaps.size == 0:
            return True
        return bool(np.all(np.abs(gaps - np.median(gaps)) <= UNIFORM_TOLERANCE * max(float(np.median(gaps)), 1e-9)))

    @property
    def slice_spacing_mm(self) -> float | None:
        """Mean gap between slices along the normal in mm; None for one slice, unknown or uneven positions."""
        gaps = self.slice_gaps_mm
        if gaps.size == 0 or not self.uniform or float(gaps.mean()) <= 0:
            return None
        return float(gaps.mean())

    @property
    def pixel_area_mm2(self) -> float:
        """Area of one pixel in mm².

        Raises:
            SpacingMissing: no pixel spacing.
        """
        if self.pixel_spacing_mm is None:
            raise SpacingMissing("These images carry no pixel spacing.")
        return self.pixel_spacing_mm[0] * self.pixel_spacing_mm[1]

    def slice_extents_mm(self) -> Matrix:
        """(slices,) length of the patient along the normal that each slice stands for, in mm.

        Half the gap to each neighbour; the outermost slices stand for a full gap. With even gaps each
        value is the spacing, so a volume is voxels × voxel size.

        Raises:
            SpacingMissing: fewer than two slices with known positions.
        """
        gaps = self.slice_gaps_mm
        if gaps.size == 0:
            raise SpacingMissing(
                "The distance between slices is unknown: SliceThickness is not a spacing.",
                remedy="Send two or more slices with ImagePositionPatient.",
            )
        if self.uniform:
            return np.full(self.slices, float(gaps.mean()))
        padded = np.concatenate([gaps[:1], gaps, gaps[-1:]])
        return np.asarray((padded[:-1] + padded[1:]) / 2, dtype=np.float64)

    def to_patient_mm(self, slice_row_column: NDArray[np.floating]) -> Matrix:
        """Map (n, 3) [slice, row, column] (slice may be fractional) to (n, 3) LPS millimetres.

        Raises:
            SpacingMissing: the place in the patient is unknown.
        """
        if self.positions_mm is None or self.orientation is None or self.pixel_spacing_mm is None:
            raise SpacingMissing("These images have no known place in the patient.")
        points = np.atleast_2d(np.asarray(slice_row_column, dtype=np.float64))
        index = np.arange(self.slices, dtype=np.float64)
        origin = np.stack([np.interp(points[:, 0], index, self.positions_mm[:, axis]) for axis in range(3)], axis=1)
        row_step, column_step = self.pixel_spacing_mm
        along_column = points[:, 1:2] * row_step * self.orientation[1]
        along_row = points[:, 2:3] * column_step * self.orientation[0]
        return np.asarray(origin + along_column + along_row, dtype=np.float64)

    @property
    def affine(self) -> Matrix:
        """(4, 4) [slice, row, column, 1] → LPS millimetres. Keeps gantry tilt (a shear).

        Raises:
            SpacingMissing: the place in the patient is unknown, or there is one slice only.
            GeometryInvalid: uneven slices have no affine.
        """
        if self.positions_mm is None or self.orientation is None or self.pixel_spacing_mm is None:
            raise SpacingMissing("These images have no known place in the patient.")
        if self.slices < 2:
            raise SpacingMissing("One slice has no third axis.")
        if not self.uniform:
            raise GeometryInvalid("Uneven slices have no affine.")
        matrix = np.eye(4)
        matrix[:3, 0] = (self.positions_mm[-1] - self.positions_mm[0]) / (self.slices - 1)
        matrix[:3, 1] = self.orientation[1] * self.pixel_spacing_mm[0]
        matrix[:3, 2] = self.orientation[0] * self.pixel_spacing_mm[1]
        matrix[:3, 3] = self.positions_mm[0]
        return matrix

    def row_direction_letter(self) -> str | None:
        """Anatomical direction in which columns increase: one of L R A P H F; None when unknown."""
        return None if self.orientation is None else direction_letter(self.orientation[0])

    def column_direction_letter(self) -> str | None:
        """Anatomical direction in which rows increase: one of L R A P H F; None when unknown."""
        return None if self.orientation is None else direction_letter(self.orientation[1])


def direction_letter(vector: Matrix) -> str:
    """Name of the LPS axis that a direction follows most: L/R, P/A, H/F."""
    axis = int(np.argmax(np.abs(vector)))
    return ("LR", "PA", "HF")[axis][0 if vector[axis] > 0 else 1]
