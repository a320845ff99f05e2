"""Where a place of one study is in the other: rigid registration in patient millimetres.

The start is looked for: the scanner's own coordinates, the centres of mass, and shifts along the body, because one
study may show a part of what the other shows. The best starts are refined by mutual information (Mattes et al., IEEE
Trans Med Imaging 2003;22:120-128; dipy's `AffineRegistration`), coarse to fine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.geometry import Matrix
from domain.study import Volume
from tools.comparison.grid import WorkingImage, inverse, transformed, working_image
from tools.comparison.plausibility import Quality, doubt

BINS = 32
SAMPLES = 20_000
"""Voxels that a movement is judged by."""
LEAST_MET = 0.25
"""Least part of them that must meet the other images for a judgement."""
SEARCH_STEP_MM = 10.0
STARTS = 2
UNIT_MM = 100.0
"""Half a trunk: in this unit a turn of 1 and a shift of 1 move voxels about equally far, as the optimiser needs."""
LITTLE_GAIN = 1e-5
"""Relative gain of information of a step of the optimiser after which it stops."""
PEAK_MM = 25.0
"""How far beside the optimum its sharpness is judged."""
PREFERENCE = 1e-3
"""How much more information a movement must bring than none at all."""


@dataclass(frozen=True, eq=False)
class Registration:
    """A rigid movement between the places of two studies.

    Attributes:
        matrix: (4, 4) LPS millimetres of the moving study → LPS millimetres of the fixed study.
        method: in words.
        quality: how good it is.
        doubt: why it is not trusted, "" when it is.
    """

    matrix: Matrix
    method: str
    quality: Quality
    doubt: str = ""

    @property
    def trusted(self) -> bool:
        """Whether places may be compared by it."""
        return not self.doubt

    @property
    def words(self) -> str:
        """Method and figures for a reader."""
        found = self.quality
        return (
            f"{self.method}, turned {found.rotation_deg:.1f}°, mutual information {found.information_before:.2f} to "
            f"{found.information_after:.2f}, overlap of the bodies {found.overlap:.2f}"
        )

    def to_fixed(self, points_mm: Matrix) -> Matrix:
        """(n, 3) places of the moving study in the fixed one."""
        return transformed(self.matrix, points_mm)

    def to_moving(self, points_mm: Matrix) -> Matrix:
        """(n, 3) places of the fixed study in the moving one."""
        return transformed(inverse(self.matrix), points_mm)


def register(moving: Volume, fixed: Volume) -> Registration:
    """The rigid movement that lays one volume on another.

    Args:
        moving, fixed: `registrable` volumes, (slices, rows, columns).

    Raises:
        SpacingMissing, GeometryInvalid: a volume has no affine.
    """
    first, second = working_image(moving), working_image(fixed)
    # The smaller body is laid into the larger one: all of it may have a counterpart there.
    turned = second.body_mm3 <= first.body_mm3
    pair = _Pair(second, first) if turned else _Pair(first, second)
    still = np.eye(4)
    refined = max((pair.refined(start, coarse=True) for start in pair.starts()), key=pair.information)
    refined = max((refined, pair.refined(refined, coarse=False)), key=pair.information)
    moved = pair.information(refined) > pair.information(still) + PREFERENCE
    best = refined if moved else still
    quality = pair.quality(best)
    same = moving.series.frame_of_reference_uid == fixed.series.frame_of_reference_uid != ""
    unmoved = "same frame of reference" if same else "coordinates of the scanner"
    return Registration(
        inverse(best) if turned else best,
        "rigid registration" if moved else unmoved,
        quality,
        doubt(quality),
    )


class _Pair:
    """The smaller body and the images that it is laid into. Movements are (4, 4) from the first to the second."""

    def __init__(self, small: WorkingImage, large: WorkingImage) -> None:
        self.small, self.large = small, large
        index = np.argwhere(small.rim)
        index = index[:: max(1, len(index) // SAMPLES)]
        self._points = transformed(small.affine, index.astype(np.float64))
        self._values = small.values[tuple(index.T)]
        self._inner = small.body[tuple(index.T)]

    def information(self, matrix: Matrix) -> float:
        """Normalised mutual information (H(a) + H(b)) / H(a, b) where the images meet, 1 to 2; 1 where too few do.

        Source: Studholme et al., Pattern Recognition 1999;32:71-86.
        """
        found, met = self.large.sampled(transformed(matrix, self._points))
        return self._shared(found, met) if met.mean() >= LEAST_MET else 1.0

    def inner_information(self, matrix: Matrix) -> float | None:
        """The same where both show the patient, so that the outline of the body says nothing; None without enough."""
        there = transformed(matrix, self._points)
        found, met = self.large.sampled(there)
        if met.mean() < LEAST_MET / 2:
            return None
        return self._shared(found, met & self._inner & self.large.in_body(there))

    def _shared(self, found: NDArray[np.float64], met: NDArray[np.bool_]) -> float:
        joint, _, _ = np.histogram2d(self._values[met], found[met], bins=BINS, range=((0, 1), (0, 1)))
        both = _entropy(joint) if met.any() else 0.0
        return (_entropy(joint.sum(axis=0)) + _entropy(joint.sum(axis=1))) / both if both > 0 else 1.0

    def starts(self) -> list[Matrix]:
        """The most promising shifts, best first, no two of them close together."""
        inner, outer = self.small.points_mm, self.large.points_mm
        middle, low, high = inner.mean(axis=0), inner[:, 2].min(), inner[:, 2].max()
        least = LEAST_MET * self.small.body_mm3 / self.large.voxel_mm3
        shifts = [np.eye(4), _shift(outer.mean(axis=0) - middle)]
        for along in np.arange(outer[:, 2].min() - high, outer[:, 2].max() - low + SEARCH_STEP_MM, SEARCH_STEP_MM):
            seen = (outer[:, 2] >= low + along) & (outer[:, 2] <= high + along)
            if np.count_nonzero(seen) >= max(least, 1):
                sideways = outer[seen].mean(axis=0) - middle
                shifts.append(_shift(np.array([sideways[0], sideways[1], along])))
        chosen: list[Matrix] = []
        for one in sorted(shifts, key=self.information, reverse=True):
            if all(np.linalg.norm(one[:3, 3] - other[:3, 3]) > 2 * SEARCH_STEP_MM for other in chosen):
                chosen.append(one)
        return chosen[:STARTS]

    def refined(self, start: Matrix, *, coarse: bool) -> Matrix:
        """The start after the optimisation; the start itself where that leads nowhere."""
        from dipy.align.imaffine import AffineRegistration, MutualInformationMetric  # heavy
        from dipy.align.transforms import RigidTransform3D

        unit = np.diag([1 / UNIT_MM, 1 / UNIT_MM, 1 / UNIT_MM, 1.0])
        centre = self.small.points_mm.mean(axis=0, keepdims=True)
        here, there = unit @ _shift(-centre[0]), unit @ _shift(-transformed(start, centre)[0])
        optimiser = AffineRegistration(
            metric=MutualInformationMetric(nbins=BINS, sampling_proportion=None),
            level_iters=[40] if coarse else [8],
            sigmas=[1.0] if coarse else [0.0],
            factors=[2] if coarse else [1],
            options={"ftol": LITTLE_GAIN},
            verbosity=0,
        )
        found = optimiser.optimize(
            self.small.values,
            self.large.values,
            RigidTransform3D(),
            None,
            static_grid2world=here @ self.small.affine,
            moving_grid2world=there @ self.large.affine,
            starting_affine=there @ start @ inverse(here),
            static_mask=self.small.rim.astype(np.int32),
            moving_mask=np.ones(self.large.values.shape, np.int32),
        )
        matrix = inverse(there) @ np.asarray(found.affine, dtype=np.float64) @ here
        return matrix if np.all(np.isfinite(matrix)) else start

    def quality(self, matrix: Matrix) -> Quality:
        """The figures of a movement."""
        return Quality(
            information_before=self.information(np.eye(4)),
            information_after=self.information(matrix),
            sharpness=self._sharpness(matrix),
            rotation_deg=_angle(matrix),
            **self._bodies(matrix),
        )

    def _sharpness(self, matrix: Matrix) -> float:
        shifts = [_shift(sign * PEAK_MM * axis) for axis in np.eye(3) for sign in (1, -1)]
        aside = [found for shift in shifts if (found := self.inner_information(shift @ matrix)) is not None]
        peak = self.inner_information(matrix)
        return 0.0 if peak is None or not aside else (peak - 1) / max(float(np.mean(aside)) - 1, 1e-6)

    def _bodies(self, matrix: Matrix) -> dict[str, float]:
        """Dice of the bodies where both are imaged, and the part of the smaller that both image."""
        there = transformed(matrix, self.small.points_mm)
        back = transformed(inverse(matrix), self.large.points_mm)
        seen = self.large.sampled(there)[1]
        also = self.small.sampled(back)[1]
        common = np.count_nonzero(self.large.in_body(there)) * self.small.voxel_mm3
        common += np.count_nonzero(self.small.in_body(back)) * self.large.voxel_mm3
        total = np.count_nonzero(seen) * self.small.voxel_mm3 + np.count_nonzero(also) * self.large.voxel_mm3
        covered = float(seen.mean()) if seen.size else 0.0
        return {"overlap": float(common / total) if total else 0.0, "covered": covered}


def _entropy(counts: NDArray[np.float64]) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log(share)).sum())


def _shift(vector: NDArray[np.float64]) -> Matrix:
    matrix = np.eye(4)
    matrix[:3, 3] = vector
    return matrix


def _angle(matrix: Matrix) -> float:
    cosine = (float(np.trace(matrix[:3, :3])) - 1) / 2
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
