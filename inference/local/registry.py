"""The embedded models by name, and the one function that runs any of them on a PNG."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from inference.local.card import Card, load_card

_MODULES = {
    "embedded-ct": "inference.local.ct",
    "embedded-head-ct": "inference.local.head_ct",
    "embedded-cxr": "inference.local.chest_xray",
    "embedded-nuclei": "inference.local.nuclei",
}
_COLOUR = frozenset({"embedded-nuclei"})
NAMES = tuple(_MODULES)
LARGEST_PIXELS = 4096 * 4096


@cache
def card(name: str) -> Card:
    """The card of an embedded model."""
    return load_card(name)


def segment_png(name: str, png: bytes, targets: Sequence[str]) -> NDArray[np.uint8]:
    """Masks (targets, rows, columns) in the image's pixels: {0, 255}, or probability × 255.

    Runs anywhere (a thread, a process of a pool): arguments and result can be pickled.

    Args:
        targets: canonical targets of that model's card.

    Raises:
        ValueError: not an image of an acceptable size.
    """
    image = _decoded(png, colour=name in _COLOUR)
    segment: Callable[[NDArray[np.uint8], Sequence[str]], NDArray[np.uint8]] = import_module(_MODULES[name]).segment
    return segment(image, targets)


def _decoded(png: bytes, *, colour: bool) -> NDArray[np.uint8]:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(png), formats=("PNG", "JPEG")) as opened:
            if opened.width * opened.height > LARGEST_PIXELS:
                raise ValueError("The image is larger than 4096 × 4096 pixels.")
            rgb = opened.convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError("The image is not a readable PNG.") from error
    pixels = np.asarray(rgb, np.uint8)
    return pixels if colour else np.ascontiguousarray(pixels[..., 1])
