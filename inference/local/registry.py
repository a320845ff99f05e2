"""The embedded models by name, and the functions that run any of them on a picture or a volume."""

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
_VOLUME_MODULES = {"embedded-mr-brain": "inference.local.mr_brain"}
_COLOUR = frozenset({"embedded-nuclei"})
NAMES = tuple(_MODULES)
"""Models of MedImageParse 2D's contract. They need nothing but this program."""

VOLUME_NAMES = tuple(_VOLUME_MODULES)
"""Models of MedImageParse 3D's contract. They need weights, which may not be installed."""

LARGEST_PIXELS = 4096 * 4096


@cache
def card(name: str) -> Card:
    """The card of an embedded model."""
    return load_card(name)


def offered() -> tuple[str, ...]:
    """The models that can run on this machine, of either contract."""
    return (*NAMES, *(name for name in VOLUME_NAMES if import_module(_VOLUME_MODULES[name]).available()))


def segment_nifti(name: str, content: bytes, targets: Sequence[str]) -> bytes:
    """A label map (nii.gz) on the grid of a volume (nii or nii.gz): label k is the k-th target.

    Raises:
        ValueError: not a readable volume.
    """
    segment: Callable[[bytes, Sequence[str]], bytes] = import_module(_VOLUME_MODULES[name]).segment_nifti
    return segment(content, targets)


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
