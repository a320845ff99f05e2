"""The margin of a lesion: how sharply values change across it, and how rough it is.

None of these is an IBSI feature, and no published cut-off applies to them. They depend on voxel size, slice thickness,
reconstruction kernel and above all on the mask: a mask that misses the true border by a pixel lowers the gradient.
Compare only within one series, or between follow-ups with the same protocol.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domain.codes import Unit
from tools.features_value import Feature
from tools.shape import outlines_mm

RIM_MM = 3.0
"""Width of the rims inside and outside whose means are compared."""
_ANGLES = 128
_SMOOTH_HARMONICS = 4
"""Waves around the outline that still count as its plain form: shift, ellipse, triangle, square."""
_LEAST_PIXELS = 30

Real = NDArray[np.float64]


def margin_features(
    inside: NDArray[np.bool_], values: Real, spacing_mm: tuple[float, float], unit: str
) -> tuple[Feature, ...]:
    """Gradient and contrast across the border, and roughness of the outline; slice by slice in the plane.

    `border_gradient`: mean over the border pixels of the absolute change of value per mm along the outward normal
    (central differences, so noise adds to it). `border_contrast`: mean of the rim inside minus mean of the rim
    outside, 3 mm each. `border_width`: contrast / gradient, the length over which the values change.
    `spiculation_index`: root mean square of the outline's radius from the centroid that is left after its first four
    harmonics, relative to the mean radius, in the slice with the largest area; 0 for circle and ellipse, pixels alone
    give about 0.5 / radius in pixels. `radial_variation`: standard deviation / mean of that radius.

    Args:
        inside, values: (slices, rows, columns), with surroundings of RIM_MM or more; values that are not finite
            are left out.
        spacing_mm: between rows, between columns.
    """
    border = _border_features(inside, values, spacing_mm, unit)
    largest = inside[int(np.count_nonzero(inside, axis=(1, 2)).argmax())]
    if np.count_nonzero(largest) < _LEAST_PIXELS:
        return border
    variation, spiculation = roughness(largest, spacing_mm)
    return (
        *border,
        Feature("radial_variation", variation, Unit.ONE, "margin"),
        Feature("spiculation_index", spiculation, Unit.ONE, "margin"),
    )


def roughness(plane: NDArray[np.bool_], spacing_mm: tuple[float, float]) -> tuple[float, float]:
    """Radial variation and spiculation index of the outermost line around a (rows, columns) mask."""
    radius = _radial_profile(plane, spacing_mm)
    mean = float(radius.mean())
    waves = np.fft.rfft(radius / mean)
    waves[: _SMOOTH_HARMONICS + 1] = 0
    rest = np.fft.irfft(waves, n=radius.size)
    return float(radius.std()) / mean, float(np.sqrt(np.mean(rest**2)))


def _radial_profile(plane: NDArray[np.bool_], spacing_mm: tuple[float, float]) -> Real:
    """(angles,) largest distance in mm from the centroid to the longest outline, at even angles."""
    line = max(outlines_mm(plane, spacing_mm), key=len)
    centre = np.argwhere(plane).mean(axis=0) * np.array(spacing_mm)
    steps = np.linspace(0, 1, 8, endpoint=False)[:, None]
    dense = (line[:-1, None] + np.diff(line, axis=0)[:, None] * steps).reshape(-1, 2) - centre
    angle = np.arctan2(dense[:, 0], dense[:, 1]) % (2 * np.pi)
    place = np.minimum((angle / (2 * np.pi) * _ANGLES).astype(np.intp), _ANGLES - 1)
    radius = np.zeros(_ANGLES)
    np.maximum.at(radius, place, np.hypot(dense[:, 0], dense[:, 1]))
    seen = np.flatnonzero(radius)
    return np.interp(np.arange(_ANGLES), seen, radius[seen], period=_ANGLES)


def _border_features(
    inside: NDArray[np.bool_], values: Real, spacing: tuple[float, float], unit: str
) -> tuple[Feature, ...]:
    slopes: list[Real] = []
    rims: tuple[list[Real], list[Real]] = ([], [])
    for plane, pixels in zip(inside, values, strict=True):
        if plane.any() and not plane.all():
            depth = _depth_mm(plane, spacing)
            slopes.append(_slopes(plane, pixels, depth, spacing))
            for rim, near in zip(
                rims, ((depth > 0) & (depth <= RIM_MM), (depth < 0) & (depth >= -RIM_MM)), strict=True
            ):
                rim.append(pixels[near & np.isfinite(pixels)])
    if not slopes or not any(one.size for one in slopes) or not all(any(one.size for one in rim) for rim in rims):
        return ()
    gradient = float(np.concatenate(slopes).mean())
    contrast = float(np.concatenate(rims[0]).mean() - np.concatenate(rims[1]).mean())
    found = [
        Feature("border_gradient", gradient, f"{unit}/mm" if unit != Unit.ONE else "/mm", "margin"),
        Feature("border_contrast", contrast, unit, "margin"),
    ]
    if gradient > 0:
        found.append(Feature("border_width", abs(contrast) / gradient, Unit.MM, "margin"))
    return tuple(found)


def _depth_mm(plane: NDArray[np.bool_], spacing: tuple[float, float]) -> Real:
    """Distance to the nearest pixel on the other side of the border; positive inside."""
    within = np.asarray(ndimage.distance_transform_edt(plane, sampling=spacing))
    without = np.asarray(ndimage.distance_transform_edt(~plane, sampling=spacing))
    return within - without


def _slopes(plane: NDArray[np.bool_], pixels: Real, depth: Real, spacing: tuple[float, float]) -> Real:
    """|change of value per mm| along the normal, at pixels beside the border on either side."""
    beside = (plane & ~ndimage.binary_erosion(plane, border_value=1)) | (~plane & ndimage.binary_dilation(plane))
    change, normal = _gradient(pixels, spacing), _gradient(_smoothed(depth), spacing)
    length = np.linalg.norm(normal, axis=0)
    usable = beside & (length > 0) & np.isfinite(change).all(axis=0)
    along = np.sum(change * normal, axis=0)[usable] / length[usable]
    return np.asarray(np.abs(along))


def _smoothed(depth: Real) -> Real:
    """Distances of pixels make a stepped field; its normals are off by degrees until the steps are evened out."""
    return np.asarray(ndimage.gaussian_filter(depth, 1.5), dtype=np.float64)


def _gradient(field: Real, spacing: tuple[float, float]) -> Real:
    """(2, rows, columns) change per mm down and across."""
    return np.stack([np.gradient(field, step, axis=axis) for axis, step in enumerate(spacing)])
