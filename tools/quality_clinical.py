"""Clinical quality: plausible size, place, density and neighbours. Limits and sources are in `anatomy.yaml`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domain.codes import Unit
from domain.geometry import Geometry
from domain.mask import Mask
from domain.study import Volume
from tools.anatomy import Anatomy, anatomy, compatible, imaging_kind
from tools.bounding_box import Box, bounding_box
from tools.diameters import recist_axes
from tools.quality_body import ALIGNED, GRID, Body, Place
from tools.quality_remark import Remark, note, reject, review

OVERLAP = 0.1
"""Largest shared fraction of the smaller of two organs that cannot share voxels."""
MOSTLY_OUTSIDE = 0.5
PARTLY_OUTSIDE = 0.15
JUDGED_SPAN_MM = 40.0
RIM = 5
"""Width of the surroundings on the coarse grid, about 3 % of the image."""


def size_fits(mask: Mask, known: Anatomy) -> Iterator[Remark]:
    """Volume, cross-section and diameter against the limits; low volumes only where the whole organ is in view."""
    geometry = mask.geometry
    if geometry.pixel_spacing_mm is None:
        return
    areas = np.count_nonzero(mask.array, axis=(1, 2)) * geometry.pixel_area_mm2
    if _axial(geometry):
        yield from _section_fits(geometry, areas, known)
    if geometry.positions_mm is not None and geometry.slices > 1 and known.volume_ml is not None:
        yield from _volume_fits(mask, known.title, known.volume_ml, float(areas @ geometry.slice_extents_mm()) / 1000)
    if known.diameter_mm:
        yield from _diameter_fits(mask, known, geometry.pixel_spacing_mm)


def _axial(geometry: Geometry) -> bool:
    return geometry.orientation is not None and abs(float(geometry.normal[2])) >= ALIGNED


def _section_fits(geometry: Geometry, areas: NDArray[np.float64], known: Anatomy) -> Iterator[Remark]:
    largest = float(areas.max())
    if known.area_mm2 and largest > known.area_mm2:
        yield review(
            "size",
            f"largest cross-section {largest:.0f} mm² is above {known.area_mm2:g} mm², "
            f"the largest plausible one of {known.title}",
        )
    span = float(geometry.slice_extents_mm()[areas > 0].sum()) if geometry.slices > 1 else 0.0
    if span >= JUDGED_SPAN_MM and largest < known.least_mm2:
        yield review(
            "size",
            f"no cross-section over {span:.0f} mm is above {largest:.0f} mm², "
            f"{known.least_mm2:g} mm² is the least plausible for {known.title}",
        )


def _volume_fits(mask: Mask, name: str, limits: tuple[float, float], volume_ml: float) -> Iterator[Remark]:
    low, high = limits
    if volume_ml > high:
        yield review("size", f"volume {volume_ml:.1f} mL is above {high:g} mL, the largest plausible {name}")
    if volume_ml >= low:
        return
    extent = float(mask.geometry.slice_extents_mm().sum())
    if _reaches_edge(mask.array):
        yield note(
            "coverage",
            f"{name} reaches the edge of the images ({extent:.0f} mm are covered): "
            f"its volume of {volume_ml:.1f} mL is that of a part and is not judged",
        )
        return
    yield review(
        "size",
        f"volume {volume_ml:.1f} mL is below {low:g} mL, the smallest plausible whole {name}; "
        f"the series covers {extent:.0f} mm",
    )


def _reaches_edge(array: NDArray[np.bool_]) -> bool:
    faces = (array[0], array[-1], array[:, 0], array[:, -1], array[:, :, 0], array[:, :, -1])
    return any(bool(face.any()) for face in faces)


def _diameter_fits(mask: Mask, known: Anatomy, spacing: tuple[float, float]) -> Iterator[Remark]:
    box = bounding_box(mask.array)
    axes = None if box is None else recist_axes(mask.array[box], spacing)
    if axes is not None and axes.long_axis_mm > known.diameter_mm:
        yield review(
            "size",
            f"diameter {axes.long_axis_mm:.0f} mm is above {known.diameter_mm:g} mm, "
            f"the largest plausible {known.title}",
        )


def projection_fits(mask: Mask, volume: Volume, known: Anatomy) -> Iterator[Remark]:
    """Share, height and contrast on a projection image, where there is no depth to measure a volume in."""
    if imaging_kind(volume.series.modality) != "XR" or volume.array.ndim != 3 or mask.geometry.slices != 1:
        return
    share = mask.voxel_count / mask.array.size
    if known.image is not None and not known.image[0] <= share <= known.image[1]:
        low, high = known.image
        yield review("size", f"{known.title} covers {share:.0%} of the image, {low:.0%} to {high:.0%} are plausible")
    if known.down is not None and not known.down[0] <= (down := _height(mask.array[0])) <= known.down[1]:
        low, high = known.down
        yield review(
            "place",
            f"the centre of {known.title} lies {down:.0%} down the image, {low:.0%} to {high:.0%} are plausible",
        )
    if known.darker and (contrast := _darkness(mask.array[0], volume.array[0])) < known.darker:
        yield review(
            "contrast",
            f"{known.title} is {contrast:.1f} standard deviations darker than its surroundings, "
            f"at least {known.darker:g} is expected",
        )


def _height(plane: NDArray[np.bool_]) -> float:
    rows = np.count_nonzero(plane, axis=1)
    return float(rows @ np.arange(rows.size) / (rows.sum() * max(rows.size - 1, 1)))


def _darkness(plane: NDArray[np.bool_], pixels: NDArray[np.generic]) -> float:
    """How much darker a mask is than the rim around it, in standard deviations of the image, on a coarse grid."""
    step = -(-max(plane.shape) // GRID)
    inside, image = plane[::step, ::step], np.asarray(pixels[::step, ::step], dtype=np.float64)
    rim = ndimage.binary_dilation(inside, iterations=RIM) & ~inside
    spread = float(image.std())
    if not rim.any() or not inside.any() or spread == 0:
        return 0.0
    return float(image[rim].mean() - image[inside].mean()) / spread


def inside_body(voxels: NDArray[np.intp], mask: Mask, body: Body, known: Anatomy | None) -> Iterator[Remark]:
    """The mask lies in the patient and leaves room for the rest of the patient."""
    if body.whole or (known is not None and known.kind == "tissue"):
        return
    outside = body.fraction_outside(voxels)
    if outside > MOSTLY_OUTSIDE and body.certain:
        yield reject("outside", f"{outside:.0%} of the mask lies outside the patient")
    elif outside > PARTLY_OUTSIDE:
        yield review("outside", f"{outside:.0%} of the mask lies outside the patient")
    fraction = mask.voxel_count / max(body.voxels, 1)
    if body.certain and known is not None and known.body and fraction > known.body:
        yield review(
            "size",
            f"{known.title} fills {fraction:.0%} of the body's cross-section, at most {known.body:.0%} is plausible",
        )


def place_fits(place: Place, known: Anatomy) -> Iterator[Remark]:
    """The centroid lies where the structure lies."""
    across = ("from the patient's right side to the left", place.across, known.across)
    depth = ("from the patient's front to the back", place.depth, known.depth)
    for way, value, limits in (across, depth):
        if value is not None and limits is not None and not limits[0] <= value <= limits[1]:
            yield review(
                "place",
                f"the centre of {known.title} lies at {value:.0%} of the way {way}, "
                f"{limits[0]:.0%} to {limits[1]:.0%} are plausible",
            )


def density_fits(mask: Mask, volume: Volume, box: Box, known: Anatomy) -> Iterator[Remark]:
    """CT numbers under the mask are those of the tissue."""
    if volume.series.value_unit is not Unit.HU or volume.array.ndim != 3:
        return
    values = np.asarray(volume.array[box][mask.array[box]], dtype=np.float64)
    values = values[np.isfinite(values)]
    if values.size == 0:
        yield review("density", f"no pixel under the mask of {known.title} has a finite value")
        return
    mean = float(values.mean())
    if known.hu_mean is not None and not known.hu_mean[0] <= mean <= known.hu_mean[1]:
        low, high = known.hu_mean
        yield review("density", f"mean {mean:.0f} HU, {low:g} to {high:g} HU are plausible for {known.title}")
    if known.hu_tissue is not None:
        low, high, least = known.hu_tissue
        share = float(((values >= low) & (values <= high)).mean())
        if share < least:
            yield review(
                "density",
                f"{share:.0%} of {known.title} lies between {low:g} and {high:g} HU, at least {least:.0%} is expected",
            )


def neighbours_fit(mask: Mask, known: Anatomy, others: Sequence[Mask]) -> Iterator[Remark]:
    """Two organs do not share voxels."""
    for other in others:
        neighbour = anatomy(other.target)
        if neighbour is None or other.mask_id == mask.mask_id or other.series_uid != mask.series_uid:
            continue
        if compatible(known, neighbour) or other.array.shape != mask.array.shape:
            continue
        smaller = min(mask.voxel_count, other.voxel_count)
        shared = _shared(mask, other)
        if smaller and shared > OVERLAP * smaller:
            yield review("overlap", f"{mask.target} and {other.target} share {shared / smaller:.0%} of the smaller one")


def _shared(mask: Mask, other: Mask) -> int:
    box = bounding_box(mask.array)
    return 0 if box is None else int(np.count_nonzero(mask.array[box] & other.array[box]))
