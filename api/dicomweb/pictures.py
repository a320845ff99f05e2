"""Rendered instances and thumbnails (PS3.18 8.3.5): one frame as PNG or JPEG, windowed and scaled."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fastapi import Request
from numpy.typing import NDArray
from PIL import Image

from api.dicomweb.errors import NotAcceptable, QueryRefused
from domain.model import Window
from tools.dicom_frame import frames_of
from tools.dicom_header import read_header
from tools.dicom_pixels import decode
from tools.windowing import apply_window, percentile_limits

JPEG, PNG = "image/jpeg", "image/png"
TYPES = (JPEG, PNG)
THUMBNAIL = 128
_LARGEST = 4096
_NUMBER = r"\s*(-?\d+(?:\.\d+)?)\s*"
_WINDOW = re.compile(rf"{_NUMBER},{_NUMBER}(?:,\s*(?:linear|linear-exact)\s*)?", re.IGNORECASE)
_VIEWPORT = re.compile(r"(\d{1,5}),(\d{1,5})")


@dataclass(frozen=True)
class Look:
    """How a frame is shown.

    Attributes:
        window: (centre, width) in real-world values; None for the source's own.
        size: largest width and height in pixels; None for the frame's own.
    """

    media_type: str
    window: tuple[float, float] | None = None
    size: tuple[int, int] | None = None
    quality: int = 90


def look_of(request: Request, media_type: str, size: int | None) -> Look:
    """What the query parameters ask for. Raises QueryRefused."""
    asked = request.query_params
    window, viewport, quality = asked.get("window"), asked.get("viewport"), asked.get("quality", "90")
    if not re.fullmatch(r"\d{1,3}", quality) or not 1 <= int(quality) <= 100:
        raise QueryRefused("It is a whole number from 1 to 100.", where="quality")
    return Look(
        media_type,
        None if window is None else _window(window),
        _size(viewport) if viewport is not None else (size, size) if size is not None else None,
        int(quality),
    )


def picture(path: Path, modality: str, number: int, look: Look) -> bytes:
    """One frame as a picture. Runs in a compute process.

    Raises:
        UnusableInput: it cannot be decoded, or is no picture.
        NotAcceptable: the file has no such frame.
    """
    header = read_header(path, path.name)
    frames = [frame for frame in frames_of(header, modality) if frame.number == number]
    decoded = next(iter(decode(header, frames)), None)
    if decoded is None:
        raise NotAcceptable("There is nothing to be shown as a picture.")
    image = Image.fromarray(decoded.array if decoded.colour else _grey(decoded.array, look.window or decoded.window))
    if look.size is not None:
        image = _scaled(image, look.size)
    buffer = io.BytesIO()
    if look.media_type == PNG:
        image.save(buffer, "PNG")
    else:
        image.save(buffer, "JPEG", quality=look.quality)
    return buffer.getvalue()


def _grey(values: NDArray[np.generic], window: tuple[float, float] | None) -> NDArray[np.uint8]:
    if window is not None and window[1] > 0:
        low, high = window[0] - window[1] / 2, window[0] + window[1] / 2
    else:
        low, high = percentile_limits(values)
        if high <= low:  # a mask of one segment is mostly empty
            low, high = float(values.min()), float(values.max())
    return apply_window(values, Window("rendered", low, max(high, low + 1e-6)))


def _scaled(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """As large as fits, in the proportions of the pixel grid."""
    ratio = min(size[0] / image.width, size[1] / image.height)
    fitted = max(1, round(image.width * ratio)), max(1, round(image.height * ratio))
    return image.resize(fitted, Image.Resampling.BILINEAR if ratio > 1 else Image.Resampling.BOX)


def _window(text: str) -> tuple[float, float]:
    found = _WINDOW.fullmatch(text)
    if found is None or float(found[2]) <= 0:
        raise QueryRefused("It is centre,width with a width above 0; the function is linear.", where="window")
    return float(found[1]), float(found[2])


def _size(text: str) -> tuple[int, int]:
    found = _VIEWPORT.fullmatch(text)
    if found is None or not all(1 <= int(length) <= _LARGEST for length in found.groups()):
        raise QueryRefused(f"It is width,height of at most {_LARGEST} pixels.", where="viewport")
    return int(found[1]), int(found[2])
