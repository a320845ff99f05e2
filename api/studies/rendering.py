"""One slice as a picture for the page: window, 8 bit, PNG in the series' own pixel grid."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from api.errors import RequestIncomplete
from domain.errors import ArtifactNotFound, StudyNotFound
from domain.model import Window
from tools.png import encode_rgb
from tools.windowing import CT_WINDOWS, apply_window

READING_WINDOWS = {"bone": (-450.0, 1050.0), "brain": (0.0, 80.0)}
"""HU windows of every reading room, besides those of MedImageParse's contract."""

_RANGE = re.compile(r"(-?\d+(?:\.\d+)?),(-?\d+(?:\.\d+)?)")


def window_of(series: Mapping[str, Any], asked: str) -> tuple[float, float] | None:
    """(low, high) for "default", a name of `ct_windows()`, or "low,high"; None for colour.

    Raises:
        RequestIncomplete: the window cannot be read, or is named after CT values and the series is not CT.
    """
    if series["colour"]:
        return None
    if asked == "default":
        low, high = series["display_window"]
        return float(low), float(high)
    if asked in ct_windows() and series["modality"] == "CT":
        return ct_windows()[asked]
    found = _RANGE.fullmatch(asked)
    if found is None or float(found[1]) >= float(found[2]):
        raise RequestIncomplete(
            "No such window for this series.",
            where="window",
            remedy=f"Use default, low,high with low < high, or for CT one of {', '.join(ct_windows())}.",
        )
    return float(found[1]), float(found[2])


def ct_windows() -> dict[str, tuple[float, float]]:
    """Names of windows and their (low, high) in HU."""
    contract = {n: (w.low, w.high) for n, w in CT_WINDOWS.items() if w.low is not None and w.high is not None}
    return contract | READING_WINDOWS


def render(path: Path, index: int, window: tuple[float, float] | None) -> bytes:
    """PNG of one slice of a stored array. Runs in a compute process.

    Args:
        path: .npy, (slices, rows, columns) or (slices, rows, columns, 3) uint8.
        index: slice from 0.
        window: values shown as black and white; None for colour.

    Raises:
        StudyNotFound: the array is gone.
        ArtifactNotFound: no such slice.
    """
    array = stored_values(path, index, "index")
    picture = np.ascontiguousarray(array[index])
    return encode_rgb(picture if window is None else apply_window(picture, Window("page", *window)))


def stored_values(path: Path, index: int, where: str) -> NDArray[np.generic]:
    """A stored array that has slice `index`, mapped and not read.

    Raises:
        StudyNotFound: the array is gone.
        ArtifactNotFound: no such slice.
    """
    try:
        array: NDArray[np.generic] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (FileNotFoundError, ValueError):
        raise StudyNotFound("The pixels of this series are gone.", remedy="Send the study again.") from None
    if index >= array.shape[0]:
        raise ArtifactNotFound(
            f"There is no slice {index}.", where=where, remedy=f"Slices go from 0 to {array.shape[0] - 1}."
        )
    return array


class PictureCache:
    """The pictures that were asked for last, by what they show."""

    def __init__(self, size: int = 256) -> None:
        self._size = size
        self._pictures: OrderedDict[tuple[object, ...], bytes] = OrderedDict()

    def get(self, key: tuple[object, ...]) -> bytes | None:
        """The picture, now the youngest; None when it is not here."""
        if key in self._pictures:
            self._pictures.move_to_end(key)
        return self._pictures.get(key)

    def put(self, key: tuple[object, ...], picture: bytes) -> None:
        """Keep a picture; the oldest goes."""
        self._pictures[key] = picture
        while len(self._pictures) > self._size:
            self._pictures.popitem(last=False)
