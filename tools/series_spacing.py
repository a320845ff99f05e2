"""What the positions of a stack of slices say: missing slices, uneven gaps, tilt."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from domain.geometry import UNIFORM_TOLERANCE

_TILT_DEGREES = 0.5
_IN_PLANE_JUMP_MM = 1.0


def stack_notes(
    positions_mm: NDArray[np.float64], normal: NDArray[np.float64], thickness_mm: float | None = None
) -> list[str]:
    """Sentences on (slices, 3) positions sorted along the normal; empty for an even, straight stack."""
    if len(positions_mm) < 2:
        return []
    distances = positions_mm @ normal
    return [*_gap_notes(distances, thickness_mm), *_tilt_notes(positions_mm, normal)]


def _gap_notes(distances_mm: NDArray[np.float64], thickness_mm: float | None) -> list[str]:
    gaps = np.diff(distances_mm)
    base = float(np.median(gaps))
    if np.all(np.abs(gaps - base) <= UNIFORM_TOLERANCE * base):
        return _sparse_note(base, thickness_mm)
    step = base if _multiples(gaps, base) else float(gaps.min())
    if not _multiples(gaps, step):
        return [f"slice distances are uneven: {gaps.min():.2f} to {gaps.max():.2f} mm"]
    absent = np.rint(gaps / step).astype(int) - 1
    places = [
        f"{count} between {distances_mm[index]:.2f} and {distances_mm[index + 1]:.2f} mm"
        for index, count in enumerate(absent)
        if count > 0
    ]
    total = int(absent.sum())
    return [f"{total} slice{'s seem' if total > 1 else ' seems'} to be missing: {', '.join(places)} along the normal"]


def _multiples(gaps_mm: NDArray[np.float64], step_mm: float) -> bool:
    ratios = gaps_mm / step_mm
    return bool(np.all(np.rint(ratios) >= 1) and np.all(np.abs(ratios - np.rint(ratios)) <= 2 * UNIFORM_TOLERANCE))


def _sparse_note(gap_mm: float, thickness_mm: float | None) -> list[str]:
    if thickness_mm is None or thickness_mm <= 0 or gap_mm <= 2 * thickness_mm:
        return []
    return [f"slices of {thickness_mm:g} mm lie {gap_mm:.2f} mm apart: what is between them was not imaged"]


def _tilt_notes(positions_mm: NDArray[np.float64], normal: NDArray[np.float64]) -> list[str]:
    whole = positions_mm[-1] - positions_mm[0]
    along = float(whole @ normal)
    sideways = whole - along * normal
    degrees = float(np.degrees(np.arctan2(np.linalg.norm(sideways), along)))
    notes = []
    if degrees > _TILT_DEGREES:
        notes.append(
            f"slices shift sideways by {degrees:.1f}° (gantry tilt): the volume is sheared, positions are kept"
        )
    fraction = ((positions_mm - positions_mm[0]) @ normal / along)[:, None]
    stray = np.linalg.norm(positions_mm - positions_mm[0] - fraction * whole, axis=1)
    if float(stray.max()) > _IN_PLANE_JUMP_MM:
        notes.append(f"slices do not lie on one line: up to {stray.max():.1f} mm sideways")
    return notes
