"""Shape of a mask as features (IBSI 3.1): of the surface in space, or of the outline when there is one slice."""

from __future__ import annotations

import numpy as np

from domain.codes import Unit
from domain.mask import Mask
from tools.bounding_box import Box
from tools.diameters import max_3d_diameter_mm, max_planar_diameter_mm, recist_axes
from tools.features_value import Feature
from tools.shape import outline_features, shape_features

_MM3 = "mm3"


def shape_entries(mask: Mask, box: Box) -> tuple[Feature, ...]:
    """Features of the shape; () where voxels have no known, even size.

    Args:
        box: around the mask's voxels.
    """
    geometry = mask.geometry
    if geometry.pixel_spacing_mm is None:
        return ()
    if geometry.slices == 1:
        return _of_outline(mask, box, geometry.pixel_spacing_mm)
    between = geometry.slice_spacing_mm
    if between is None:
        return ()
    return _of_surface(mask, box, (between, *geometry.pixel_spacing_mm))


def _of_surface(mask: Mask, box: Box, spacing: tuple[float, float, float]) -> tuple[Feature, ...]:
    part = mask.array[box]
    shape = shape_features(part, spacing)
    major, minor, least = shape.axis_lengths_mm
    volume, area = shape.mesh_volume_mm3, shape.surface_area_mm2
    entries = (
        ("mesh_volume", volume, _MM3, "RNU0"),
        ("voxel_volume", mask.voxel_count * float(np.prod(spacing)), _MM3, "YEKZ"),
        ("surface_area", area, Unit.MM2, "C0JK"),
        ("surface_to_volume_ratio", area / volume, "/mm", "2PR5"),
        ("sphericity", shape.sphericity, Unit.ONE, "QCFX"),
        ("compactness_1", volume / (np.sqrt(np.pi) * area**1.5), Unit.ONE, "SKGS"),
        ("compactness_2", shape.sphericity**3, Unit.ONE, "BQWJ"),
        ("asphericity", 1 / shape.sphericity - 1, Unit.ONE, "25C7"),
        ("max_3d_diameter", max_3d_diameter_mm(mask.array, mask.geometry), Unit.MM, "L0JK"),
        ("max_axial_diameter", max_planar_diameter_mm(part, spacing, 0), Unit.MM, ""),
        ("max_diameter_across_rows", max_planar_diameter_mm(part, spacing, 1), Unit.MM, ""),
        ("max_diameter_across_columns", max_planar_diameter_mm(part, spacing, 2), Unit.MM, ""),
        ("major_axis_length", major, Unit.MM, "TDIC"),
        ("minor_axis_length", minor, Unit.MM, "P9VJ"),
        ("least_axis_length", least, Unit.MM, "7J51"),
        ("elongation", _share(minor, major), Unit.ONE, "Q3CK"),
        ("flatness", _share(least, major), Unit.ONE, "N17B"),
    )
    return _features(entries)


def _of_outline(mask: Mask, box: Box, spacing: tuple[float, float]) -> tuple[Feature, ...]:
    outline = outline_features(mask.array[box][0], spacing)
    axes = recist_axes(mask.array[box], spacing)
    major, minor = outline.axis_lengths_mm
    entries = (
        ("area", mask.voxel_count * mask.geometry.pixel_area_mm2, Unit.MM2, ""),
        ("perimeter", outline.perimeter_mm, Unit.MM, ""),
        ("circularity", outline.circularity, Unit.ONE, ""),
        ("max_planar_diameter", 0.0 if axes is None else axes.long_axis_mm, Unit.MM, ""),
        ("major_axis_length_2d", major, Unit.MM, ""),
        ("minor_axis_length_2d", minor, Unit.MM, ""),
        ("elongation_2d", _share(minor, major), Unit.ONE, ""),
    )
    return _features(entries)


def _features(entries: tuple[tuple[str, float, str, str], ...]) -> tuple[Feature, ...]:
    return tuple(Feature(name, float(value), unit, "shape", code) for name, value, unit, code in entries)


def _share(smaller: float, larger: float) -> float:
    return smaller / larger if larger > 0 else 1.0
