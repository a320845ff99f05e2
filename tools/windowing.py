"""Windowing: real-world values to the 8-bit grey values that MedImageParse was made for.

Source: the MedImageParse contract's normalisation (CT windows in HU by target; percentiles 0.5–99.5 of
the slice for every other input that is not 8-bit). Rounding: values are clipped, scaled to 0–255 in
float32 and truncated, as the public client of the endpoint does.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from domain.codes import Unit
from domain.model import Window
from domain.study import Volume

Grey = NDArray[np.uint8]

PERCENTILE = Window("percentile")
IDENTITY = Window("identity")
PERCENTILES = (0.5, 99.5)
"""Percent of a slice's pixels that may fall below black and up to white."""

CT_WINDOWS = {
    "abdomen": Window("abdomen", -150, 250),
    "lung": Window("lung", -1000, 1000),
    "pelvis": Window("pelvis", -55, 200),
    "liver": Window("liver", -25, 230),
    "colon": Window("colon", -68, 187),
    "pancreas": Window("pancreas", -100, 200),
}
"""The contract's CT windows, in HU."""

_TARGET_WORDS = {
    "liver": "liver|hepatic|hepato|hcc",
    "pancreas": "pancrea",
    "colon": "colon|colorectal|sigmoid|cecum|caecum",
    "lung": "lung|pulmon|nodule|airway|bronch|trachea|pneumo|pleura|emphysema|covid|ground.glass|consolidation",
    "pelvis": "pelvi|bladder|uter(?:us|ine)|prostat|ovar|rectum|rectal|seminal|cervix",
    "abdomen": "abdom|kidney|renal|spleen|splen|stomach|gastr|gallbladder|adrenal|duoden|bowel|aort|postcava"
    "|vena cava|o?esophag|biliary|bile",
}
_GALLBLADDER = re.compile(r"gall\W+bladder", re.IGNORECASE)
_REGION_WORDS = {
    "liver": "liver|hepatic",
    "pancreas": "pancrea",
    "colon": "colon",
    "lung": "lung|chest|thorax|thoracic",
    "pelvis": "pelvi|bladder|prostate|uter",
    "abdomen": "abd",
}
_MAX_TABLE = 1 << 18
"""Widest range of integer values that is counted in a histogram instead of sorted."""


def window_for(
    modality: str, target: str, region: str = "", *, value_unit: Unit = Unit.HU, eight_bit: bool = False
) -> Window:
    """The window that the contract wants for a target.

    Args:
        modality: DICOM modality, e.g. "CT".
        target: what is asked for, e.g. "liver tumor"; decides before the region.
        region: body part examined or site, e.g. "CHEST"; one that spans several windows ("CHESTABDPELVIS")
            means abdomen.
        value_unit: of the pixels; a CT that is not in HU gets percentiles.
        eight_bit: the source was 8-bit already and is shown as it is.
    """
    if eight_bit:
        return IDENTITY
    if modality.upper() != "CT" or value_unit != Unit.HU:
        return PERCENTILE
    by_target = _matches(_TARGET_WORDS, r"\b", _GALLBLADDER.sub("gallbladder", target))
    if by_target:
        return CT_WINDOWS[by_target[0]]
    by_region = _matches(_REGION_WORDS, "", region)
    return CT_WINDOWS[by_region[0] if len(by_region) == 1 else "abdomen"]


def window_for_volume(volume: Volume, target: str, region: str = "") -> Window:
    """The window for a target in a volume; the series' own body part stands in for a missing region."""
    return window_for(
        volume.series.modality,
        target,
        region or volume.series.body_part,
        value_unit=volume.series.value_unit,
        eight_bit=volume.array.dtype == np.uint8,
    )


def apply_window(array: NDArray[np.generic], window: Window) -> Grey:
    """8-bit grey of one slice: floor(255 × (value − low) / (high − low)), clipped.

    Args:
        array: (rows, columns) of any real type; (rows, columns, 3) uint8 for identity.
        window: with limits, or "percentile", or "identity". NaN becomes black.

    Raises:
        ValueError: identity was asked for values that are not 8-bit, or the window is empty.
    """
    if window.name == IDENTITY.name:
        if array.dtype != np.uint8:
            raise ValueError(f"Only 8-bit pixels can be shown as they are, not {array.dtype}.")
        return np.ascontiguousarray(array).view(np.uint8)
    values = _narrowed(array)
    if window.low is None or window.high is None:
        low, high = percentile_limits(values)
        if high <= low:
            return np.zeros(values.shape, np.uint8)
        return _scaled(values, low, high)
    if window.high <= window.low:
        raise ValueError(f"The window {window.name} from {window.low} to {window.high} is empty.")
    return _scaled(values, window.low, window.high)


def percentile_limits(
    array: NDArray[np.generic], percentiles: tuple[float, float] = PERCENTILES
) -> tuple[float, float]:
    """Percentiles of a slice with linear interpolation, equal to `numpy.percentile` of float64.

    Integers are counted, not sorted. Values that are not finite are left out; without any, (0, 0).
    """
    if np.issubdtype(array.dtype, np.integer) and array.size:
        low, high = int(array.min()), int(array.max())
        if high - low < _MAX_TABLE:
            shifted = array.astype(np.intp).ravel() - low
            ranks = np.bincount(shifted).cumsum()
            return _of_ranks(ranks, percentiles[0], low), _of_ranks(ranks, percentiles[1], low)
    values = array.astype(np.float64)  # of integers, numpy interpolates with overflow
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return 0.0, 0.0
    first, last = np.percentile(finite, percentiles)
    return float(first), float(last)


def _of_ranks(ranks: NDArray[np.intp], percentile: float, lowest: int) -> float:
    position = (int(ranks[-1]) - 1) * percentile / 100
    below = int(position)
    first, second = np.searchsorted(ranks, [below, min(below + 1, int(ranks[-1]) - 1)], side="right")
    return lowest + float(first + (second - first) * (position - below))


def _narrowed(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Whole numbers in int16 where nothing is lost, so that a table can map them; else the array itself."""
    if array.dtype.kind not in "iuf" or array.dtype.itemsize < 4:
        return array
    with np.errstate(invalid="ignore"):
        narrow = array.astype(np.int16)
    return narrow if np.array_equal(narrow, array) else array


def _scaled(values: NDArray[np.generic], low: float, high: float) -> Grey:
    if values.dtype.kind == "i" and values.dtype.itemsize == 2:
        return np.asarray(_table(low, high).take(values.view(np.uint16)))
    return _scale(values, low, high)


@lru_cache(maxsize=32)
def _table(low: float, high: float) -> Grey:
    """Grey of every int16, at the index of its bits read as uint16."""
    return _scale(np.arange(1 << 16, dtype=np.uint16).view(np.int16), low, high)


def _scale(values: NDArray[np.generic], low: float, high: float) -> Grey:
    wide = np.float64 if values.dtype.itemsize > 4 else np.float32
    grey = np.nan_to_num(values.astype(wide), nan=low, posinf=high, neginf=low)
    np.clip(grey, low, high, out=grey)
    grey -= wide(low)
    grey /= wide(high - low)
    grey *= wide(255)
    return np.asarray(grey, dtype=wide).astype(np.uint8)


def _matches(words: dict[str, str], start: str, text: str) -> list[str]:
    return [name for name, pattern in words.items() if re.search(f"{start}(?:{pattern})", text, re.IGNORECASE)]
