"""Technical quality: can this array be a mask of these pixels at all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domain.mask import Mask
from domain.study import Volume
from tools.anatomy import Anatomy, imaging_kind
from tools.bounding_box import bounding_box
from tools.quality_remark import Remark, note, reject, review

WHOLE_IMAGE = 0.9
"""A mask that covers more than this fraction of its slices has found nothing."""
BORDER = 0.5
"""No organ covers more than this fraction of the border of a section or radiograph; an inverted mask does."""
SPECKLE_VOXELS = 4
PART = 0.01
"""A piece of at least this fraction of a mask counts as a part, a smaller one as a speckle."""
SPECKLES = 0.05
_SECTIONS = frozenset({"CT", "MR", "XR", "PT", "NM"})
_UNNAMED = frozenset({"", "OT", "SC"})


def fits_pixels(mask: Mask, volume: Volume) -> Remark | None:
    """None when array, type, series and probabilities fit the pixels; else the one reason to stop."""
    if mask.array.shape != volume.array.shape[:3]:
        return reject("shape", f"the mask has {mask.array.shape} voxels, the images have {volume.array.shape[:3]}")
    if mask.array.dtype != np.bool_:
        return reject("dtype", f"the mask holds {mask.array.dtype} values instead of yes or no")
    if mask.series_uid != volume.series.series_uid:
        return reject("series", "the mask belongs to another series than the images")
    return None if mask.probability is None else _fits_probability(mask, mask.probability)


def _fits_probability(mask: Mask, probability: NDArray[np.float32] | NDArray[np.uint8]) -> Remark | None:
    if probability.shape != mask.array.shape:
        return reject("shape", f"probabilities of {probability.shape} do not lie on {mask.array.shape} voxels")
    if probability.dtype == np.uint8:
        return None
    if not bool(np.isfinite(probability).all()):
        return reject("finite", "the model's probabilities hold values that are not numbers")
    low, high = float(probability.min()), float(probability.max())
    if low < 0 or high > 1:
        return reject("range", f"the model's probabilities run from {low:.2f} to {high:.2f} instead of 0 to 1")
    return None


def emptiness(mask: Mask, known: Anatomy | None) -> Remark:
    """What an empty mask means for its target."""
    if known is not None and known.kind == "organ":
        return reject("empty", f"empty: the model found no {mask.target}, or it is not in the field of view")
    return review("empty", f"not seen: the model found no {mask.target}")


def coverage(mask: Mask, volume: Volume, known: Anatomy | None) -> Iterator[Remark]:
    """Masks that cover the image or its border."""
    if known is not None and known.kind == "tissue":
        return
    occupied = mask.array[mask.array.any(axis=(1, 2))]
    fraction = float(np.count_nonzero(occupied)) / occupied.size
    if fraction > WHOLE_IMAGE:
        yield reject("whole image", f"the mask covers {fraction:.0%} of its slices: nothing was delineated")
        return
    border = _border_fraction(occupied)
    if border <= BORDER:
        return
    reason = f"the mask covers {border:.0%} of the border of the image: it is probably inverted"
    kind = imaging_kind(volume.series.modality)
    if kind in _SECTIONS:
        yield reject("inverted", reason)
    elif kind in _UNNAMED:
        yield review("inverted", reason)


def _border_fraction(slices: NDArray[np.bool_]) -> float:
    edges = (slices[:, 0], slices[:, -1], slices[:, :, 0], slices[:, :, -1])
    return sum(int(np.count_nonzero(edge)) for edge in edges) / sum(edge.size for edge in edges)


def fragmentation(mask: Mask, known: Anatomy | None) -> Iterator[Remark]:
    """Speckles, too many parts, and slices left out in the middle."""
    count = mask.voxel_count
    if count <= SPECKLE_VOXELS:
        yield review("speckle", f"the mask of {mask.target} is a speckle of {count} voxels")
        return
    if known is None or known.kind == "tissue":
        return
    yield from _parts(mask, known)
    yield from _gaps(mask, known)


def _parts(mask: Mask, known: Anatomy) -> Iterator[Remark]:
    box = bounding_box(mask.array)
    if box is None:
        return
    labels, _ = ndimage.label(mask.array[box], structure=np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel())[1:]
    large = sizes >= PART * sizes.sum()
    speckles = float(sizes[~large].sum() / sizes.sum())
    if known.parts and int(large.sum()) > known.parts:
        pieces = f"{large.sum()} pieces, at most {known.parts} are expected"
        yield review("fragments", f"the mask of {mask.target} lies in {pieces}")
    if speckles > SPECKLES:
        yield review("speckle", f"{speckles:.0%} of the mask of {mask.target} are {(~large).sum()} speckles")
    elif known.kind == "organ" and not large.all():
        yield note("speckle", f"{(~large).sum()} speckles of {mask.target} lie apart from it")


def _gaps(mask: Mask, known: Anatomy) -> Iterator[Remark]:
    if known.kind != "organ" or (known.paired and not known.side):
        return
    occupied = np.flatnonzero(mask.array.any(axis=(1, 2)))
    missing = int(occupied[-1] - occupied[0] + 1 - occupied.size)
    if missing:
        yield review("gaps", f"{missing} slices between the first and last slice of {mask.target} are empty")
