"""CT tissues on one axial slice by HU thresholds and morphology.

The image is grey, shown with a window of −1000…1000 HU, in standard display for sided targets (the
patient's right at the image's left): an image does not say how it lies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from inference.local.ct_tissue import bones, trachea, wall_inside

LOW_HU, HIGH_HU = -1000.0, 1000.0
GRID = 512
"""Longest side of the grid that regions are found on; their borders are drawn on the full image."""

AIR_HU, SKIN_HU = -400.0, -300.0
FAT_HU, SOFT_HU = (-190.0, -30.0), (-30.0, 200.0)
BONE_HU, CORTEX_HU = 150.0, 250.0
"""Bone is what is denser than the first and holds something denser than the second, with the marrow inside."""

TRACHEA_HU = -900.0
SMALLEST_LUNG, SURE_LUNG = 0.003, 0.04
"""Of the body's area: smaller air is not told from gas; larger air is lung unless it is empty all through."""

GAS_HU, EMPTY_HU = -920.0, -985.0
"""Median inside. Gas in bowel, stomach, trachea or sinus is darker than aerated lung, but emphysema comes near it."""

MOTTLED_HU = 95.0
"""Standard deviation inside: stool mixed with gas varies more than lung."""

Bool = NDArray[np.bool_]
Grey = NDArray[np.uint8]


def segment(image: Grey, targets: Sequence[str]) -> NDArray[np.uint8]:
    """Hard masks {0, 255} (targets, rows, columns) of canonical targets in a grey (rows, columns) image."""
    slice_ = _Slice(image)
    return np.stack([_DRAW[target](slice_) for target in targets]).astype(np.uint8) * np.uint8(255)


def level(hu: float) -> float:
    """The 8-bit value that shows a HU value."""
    return (hu - LOW_HU) / (HIGH_HU - LOW_HU) * 255.0


class _Slice:
    """One slice at full size and on the coarse grid, with regions found once."""

    def __init__(self, image: Grey) -> None:
        self.image = image
        self.step = max(1, round(max(image.shape) / GRID))
        self.small = _reduced(image, self.step)
        self._regions: dict[str, Bool] = {}

    def region(self, name: str, find: Callable[[], Bool]) -> Bool:
        if name not in self._regions:
            self._regions[name] = find()
        return self._regions[name]

    @property
    def body(self) -> Bool:
        """Largest thing that is denser than air, with all inside it; the table is cut off."""
        return self.region("body", lambda: _body(self.small))

    @property
    def lungs(self) -> Bool:
        return self.region("lungs", lambda: _lungs(self.small, self.body))

    @property
    def wall(self) -> Bool:
        """The body's wall of muscle and bone, with all that it encloses."""
        return self.region("wall", lambda: wall_inside(self.small, self.body, self.lungs, level(SOFT_HU[0])))

    def full(self, region: Bool) -> Bool:
        """A region of the coarse grid on the full image."""
        large = region.repeat(self.step, 0).repeat(self.step, 1)
        rows, columns = self.image.shape
        return large[:rows, :columns]

    def band(self, low: float, high: float) -> Bool:
        """Pixels of the body between two HU values."""
        inside: Bool = (self.image >= level(low)) & (self.image < level(high)) & self.full(self.body)
        return inside


def _reduced(image: Grey, step: int) -> NDArray[np.float32]:
    """Block means; the last rows and columns are repeated to fill their blocks."""
    if step == 1:
        return image.astype(np.float32)
    pad = [(0, -size % step) for size in image.shape]
    padded = np.pad(image, pad, mode="edge")
    rows, columns = padded.shape[0] // step, padded.shape[1] // step
    blocks = padded.reshape(rows, step, columns, step).mean(axis=(1, 3), dtype=np.float32)
    return np.asarray(blocks, np.float32)


def _largest(mask: Bool) -> Bool:
    from scipy import ndimage

    labels, count = ndimage.label(mask)
    if not count:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == sizes.argmax())


def _body(small: NDArray[np.float32]) -> Bool:
    from scipy import ndimage

    dense = small > level(SKIN_HU)
    radius = max(1, round(max(small.shape) / 170))
    core = _largest(ndimage.binary_erosion(dense, iterations=radius))
    body = ndimage.binary_dilation(core, iterations=radius + 1, mask=dense)
    return np.asarray(ndimage.binary_fill_holes(body), bool)


def _lungs(small: NDArray[np.float32], body: Bool) -> Bool:
    from scipy import ndimage

    inner = ndimage.binary_erosion(body, iterations=2)
    labels, count = ndimage.label((small < level(AIR_HU)) & inner)
    area = max(int(body.sum()), 1)
    kept = np.zeros_like(body)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    for number in np.flatnonzero(sizes[1:] >= SMALLEST_LUNG * area) + 1:
        component = labels == number
        if _is_lung(small, component, area):
            kept |= component
    if not kept.any():
        return kept
    radius = max(2, round(np.sqrt(area) / 70))
    closed = ndimage.distance_transform_edt(~kept) <= radius
    closed = ndimage.distance_transform_edt(closed) > radius
    return np.asarray(ndimage.binary_fill_holes(closed | kept) & body, bool)


def _is_lung(values: NDArray[np.float32], component: Bool, body_area: int) -> bool:
    """Whether enclosed air is lung: brighter than gas inside, and not enclosed by bone (sinus, mastoid)."""
    from scipy import ndimage

    core = ndimage.binary_erosion(component, iterations=2)
    inside = values[core if core.sum() > 20 else component]
    median = float(np.median(inside))
    if component.sum() >= SURE_LUNG * body_area:
        return median > level(EMPTY_HU)
    ring = ndimage.binary_dilation(component, iterations=4) & ~ndimage.binary_dilation(component, iterations=2)
    in_bone = ring.any() and np.percentile(values[ring], 60) > level(150.0)
    empty = float(np.mean(values[component] < level(-950.0)))
    mottled = float(inside.std()) > level(MOTTLED_HU) - level(0.0)
    return median > level(GAS_HU) and empty < 0.15 and not in_bone and not mottled


def _sides(lungs: Bool, body: Bool) -> tuple[Bool, Bool]:
    """The patient's right (image left) and left lung.

    Parts that cross the midline (lungs that touch at the anterior junction) are split where they are thinnest.
    """
    from scipy import ndimage

    middle = _middle(body)
    right, left = np.zeros_like(lungs), np.zeros_like(lungs)
    labels, count = ndimage.label(lungs)
    for number in range(1, count + 1):
        part = labels == number
        columns = np.flatnonzero(part.any(axis=0))
        share = float(part[:, :middle].sum()) / float(part.sum())
        if 0.1 < share < 0.9 and columns[-1] - columns[0] > 0.4 * lungs.shape[1]:
            first, second = _split(part, middle)
        else:
            first, second = (part, np.zeros_like(part)) if share >= 0.5 else (np.zeros_like(part), part)
        right |= first
        left |= second
    return right, left


def _middle(body: Bool) -> int:
    columns = np.flatnonzero(body.any(axis=0))
    return int((columns[0] + columns[-1]) // 2) if columns.size else body.shape[1] // 2


def _split(part: Bool, middle: int) -> tuple[Bool, Bool]:
    from scipy import ndimage

    depth = ndimage.distance_transform_edt(part)
    for radius in (1.5, 3.0, 5.0, 8.0):
        found, count = ndimage.label(depth > radius)
        seeds = np.asarray(found)
        sizes = np.bincount(seeds.ravel(), minlength=3)[1:]
        big = np.flatnonzero(sizes > 0.1 * part.sum()) + 1
        if count >= 2 and big.size >= 2:
            kept = np.isin(seeds, big)
            _, nearest = ndimage.distance_transform_edt(~kept, return_indices=True)
            owner = seeds[tuple(np.asarray(nearest))]
            lefts = [label for label in big if np.nonzero(seeds == label)[1].mean() < middle]
            first = part & np.isin(owner, lefts)
            return first, part & ~first
    half = np.arange(part.shape[1]) < middle
    return part & half, part & ~half


def _lung(slice_: _Slice, region: Bool) -> Bool:
    """A lung region on the full image: what closing and filling added stays, the border lies where air ends."""
    from scipy import ndimage

    sure = ndimage.binary_erosion(region, iterations=2) | (region & (slice_.small >= level(AIR_HU)))
    drawn: Bool = slice_.full(sure) | (slice_.full(region) & (slice_.image < level(AIR_HU)))
    return drawn


_DRAW: dict[str, Callable[[_Slice], Bool]] = {
    "lung": lambda s: _lung(s, s.lungs),
    "right lung": lambda s: _lung(s, _sides(s.lungs, s.body)[0]),
    "left lung": lambda s: _lung(s, _sides(s.lungs, s.body)[1]),
    "body": lambda s: s.full(s.body),
    "air": lambda s: (s.image < level(AIR_HU)) & s.full(s.body),
    "fat": lambda s: s.band(*FAT_HU),
    "soft tissue": lambda s: s.band(*SOFT_HU),
    "subcutaneous fat": lambda s: s.band(*FAT_HU) & ~s.full(s.wall),
    "bone": lambda s: s.full(bones(s.small, s.body, level(BONE_HU), level(CORTEX_HU))),
    "trachea": lambda s: s.full(trachea(s.small, s.body, level(AIR_HU), level(TRACHEA_HU))),
}
