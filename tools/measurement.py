"""What a radiologist wants to know of a mask, in physical units where the geometry allows it.

Volumes come from positions and spacing of the pixels, never from SliceThickness. Where the images carry no spacing,
voxels are counted and a warning says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from domain.codes import Category, Unit
from domain.errors import GeometryInvalid
from domain.finding import Line, Measurement, Place
from domain.geometry import Geometry
from domain.mask import Mask
from domain.study import Volume
from tools.bounding_box import Box, bounding_box
from tools.diameters import max_3d_diameter_mm, recist_axes
from tools.intensity import intensity_statistics

_DETECTOR_SPACING = "ImagerPixelSpacing"
_COUNTED = frozenset({Category.TUMOR, Category.OTHER_LESION, Category.INFECTION, Category.OTHER_ABNORMALITY})
_COUNTED_WORDS = ("nodule", "lesion", "tumor", "metasta", "cyst", "cells", "polyp")

Measured = tuple[tuple[Measurement, ...], tuple[str, ...]]


def measure(mask: Mask, volume: Volume, *, step_id: str) -> Measured:
    """Measurements of a mask, and what a reader must know about them.

    One slice in the series gives an area, two or more with known positions a volume; long and short axis, largest 3D
    diameter, values under the mask, number of separate lesions.

    Args:
        step_id: the step that measures.

    Raises:
        GeometryInvalid: the mask does not lie on the pixels of the volume.
    """
    if mask.array.shape != volume.array.shape[:3]:
        raise GeometryInvalid(
            f"A mask of {mask.array.shape} voxels does not lie on {volume.array.shape[:3]} voxels.", where=mask.mask_id
        )
    ledger = _Ledger(mask, step_id)
    ledger.add("voxel_count", mask.voxel_count, Unit.ONE, "voxels inside the mask")
    box = bounding_box(mask.array)
    if box is None:
        return ledger.closed((f"The mask of {mask.target} is empty: there is nothing to measure.",))
    warnings = [*_measure_size(ledger, mask, box), *_measure_values(ledger, mask, volume, box)]
    _count_parts(ledger, mask, box)
    return ledger.closed(tuple(warnings))


def total_volume(parts: tuple[Measurement, ...], target: str) -> Measurement:
    """Sum of the volumes of parts that do not overlap, e.g. of both lungs.

    Raises:
        ValueError: not volumes in mL of one series.
    """
    if not parts or {p.unit for p in parts} != {Unit.ML} or len({p.series_uid for p in parts}) != 1:
        raise ValueError("only volumes in mL of one series add up")
    return Measurement(
        name="volume",
        target=target,
        value=sum(part.value for part in parts),
        unit=Unit.ML,
        method="sum of " + " and ".join(part.target for part in parts),
        series_uid=parts[0].series_uid,
        source=", ".join(part.source for part in parts),
        step_id=parts[0].step_id,
    )


@dataclass
class _Ledger:
    """Collects the measurements of one mask."""

    mask: Mask
    step_id: str

    def __post_init__(self) -> None:
        self._entries: list[Measurement] = []

    def add(self, name: str, value: float, unit: Unit, method: str, line: Line | None = None) -> None:
        mask = self.mask
        source = f"{mask.mask_id} ({mask.step_id})" if mask.step_id else mask.mask_id
        entry = Measurement(
            name, mask.target, float(value), unit, method, mask.series_uid, source, mask.mask_id, self.step_id, line
        )
        self._entries.append(entry)

    def closed(self, warnings: tuple[str, ...]) -> Measured:
        return tuple(self._entries), warnings


def _measure_size(ledger: _Ledger, mask: Mask, box: Box) -> Iterator[str]:
    geometry = mask.geometry
    spacing = geometry.pixel_spacing_mm
    if spacing is None:
        yield "These images carry no pixel spacing: voxels are counted, nothing is measured in millimetres."
        return
    if geometry.slices == 1:
        ledger.add("area", mask.voxel_count * geometry.pixel_area_mm2, Unit.MM2, "pixel count × pixel area")
        yield from _measure_axes(ledger, mask, box, spacing)
        return
    if geometry.positions_mm is None:
        yield "The frames have no positions in the patient: voxels are counted, no volume or diameter is measured."
        return
    yield from _measure_axes(ledger, mask, box, spacing)
    yield from _measure_volume(ledger, mask)


def _measure_axes(ledger: _Ledger, mask: Mask, box: Box, spacing: tuple[float, float]) -> Iterator[str]:
    axes = recist_axes(mask.array[box], spacing)
    if axes is None:
        return
    index = axes.slice_index + box[0].start
    where = "" if mask.geometry.slices == 1 else f" (slice {index + 1})"
    long, short = (Line(index, *(_in_series(end, box) for end in ends)) for ends in (axes.long_ends, axes.short_ends))
    ledger.add("long_axis", axes.long_axis_mm, Unit.MM, f"largest in-plane diameter{where}", long)
    perpendicular = f"largest diameter perpendicular to the long axis{where}"
    ledger.add("short_axis", axes.short_axis_mm, Unit.MM, perpendicular, short)
    if mask.geometry.spacing_source == _DETECTOR_SPACING:
        yield "Pixel spacing is that at the detector: lengths and areas are magnified and not corrected."


def _in_series(end: Place, box: Box) -> Place:
    """A place in the box of a mask, on its whole slice."""
    return end[0] + box[1].start, end[1] + box[2].start


def _measure_volume(ledger: _Ledger, mask: Mask) -> Iterator[str]:
    geometry = mask.geometry
    if not bool(np.all(geometry.slice_gaps_mm > 0)):
        yield "Several slices lie at the same place: no volume is measured."
        return
    voxels = np.count_nonzero(mask.array, axis=(1, 2))
    volume_mm3 = float(voxels @ geometry.slice_extents_mm()) * geometry.pixel_area_mm2
    ledger.add("volume", volume_mm3 / 1000, Unit.ML, _volume_method(geometry))
    ledger.add(
        "max_3d_diameter",
        max_3d_diameter_mm(mask.array, geometry),
        Unit.MM,
        "largest distance between two points of the surface",
    )
    if not geometry.uniform:
        gaps = geometry.slice_gaps_mm
        yield (
            f"Slices are unevenly spaced ({gaps.min():.2f} to {gaps.max():.2f} mm): "
            "each slice counts for half the gap to its neighbours."
        )
    if voxels[0] or voxels[-1]:
        yield f"{mask.target} reaches the first or last slice: a part of it may lie outside the series."


def _volume_method(geometry: Geometry) -> str:
    if geometry.uniform:
        return "voxel count × pixel area × distance between slices"
    return "sum over slices of pixel count × pixel area × half the gaps to both neighbours"


def _measure_values(ledger: _Ledger, mask: Mask, volume: Volume, box: Box) -> Iterator[str]:
    if volume.array.ndim != 3:
        return
    statistics = intensity_statistics(volume.array[box][mask.array[box]])
    if statistics is None:
        yield f"No pixel under the mask of {mask.target} has a finite value."
        return
    unit, quantity = _value_unit(volume)
    ledger.add("mean", statistics.mean, unit, f"mean {quantity}")
    ledger.add("min", statistics.minimum, unit, f"lowest {quantity}")
    ledger.add("max", statistics.maximum, unit, f"highest {quantity}")
    ledger.add("std", statistics.std, unit, f"sample standard deviation of the {quantity}")
    ledger.add("median", statistics.median, unit, f"median {quantity}")
    if statistics.ignored:
        yield f"{statistics.ignored} pixels under the mask of {mask.target} have no finite value and were left out."


def _value_unit(volume: Volume) -> tuple[Unit, str]:
    if volume.series.value_unit is Unit.HU:
        return Unit.HU, "CT number"
    return volume.series.value_unit, "pixel value"


def _count_parts(ledger: _Ledger, mask: Mask, box: Box) -> None:
    if mask.category not in _COUNTED and not any(word in mask.target for word in _COUNTED_WORDS):
        return
    _, count = ndimage.label(mask.array[box], structure=np.ones((3, 3, 3)))
    ledger.add("component_count", count, Unit.ONE, "separate parts, touching at corners counts as one")
