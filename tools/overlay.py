"""Reference image of a series: the slice with most findings, masks over it, what they are and how large.

No patient identity is drawn. Pixels that are not square are shown in the patient's proportions.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from domain.codes import Unit
from domain.finding import Measurement
from domain.mask import Mask
from domain.study import Volume
from tools.png import encode_rgb
from tools.report_document import mask_size

NOTICE = "RESEARCH USE - DRAFT"
"""With a hyphen: the built-in font has no dash."""
LONG_SIDE_PX = 768
LEGEND_PX = 260
LEGEND_TOP_PX = 42
LEGEND_ROW_PX = 40
FILL_ALPHA = 70
COLOURS = (
    (255, 99, 71),
    (64, 190, 255),
    (255, 215, 0),
    (124, 252, 120),
    (255, 130, 220),
    (255, 165, 60),
    (150, 130, 255),
    (0, 230, 200),
)
_OPPOSITE = {"L": "R", "R": "L", "A": "P", "P": "A", "H": "F", "F": "H"}
_BAR_LENGTHS_MM = (1, 2, 5, 10, 20, 50, 100, 200)

Rgb = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Drawn:
    """What an overlay shows.

    Attributes:
        slice_index: 0-based slice of the series.
        size: width, height of the image part in pixels, the legend not counted.
        millimetres_per_px: None without spacing.
    """

    slice_index: int
    size: tuple[int, int]
    millimetres_per_px: float | None


def overlay_png(volume: Volume, masks: Sequence[Mask], measurements: Sequence[Measurement]) -> tuple[bytes, Drawn]:
    """PNG of the slice that shows most, with the masks of this series; empty masks are left out."""
    shown = [m for m in masks if m.series_uid == volume.series.series_uid and m.voxel_count > 0]
    index = busiest_slice(shown, volume.geometry.slices)
    pixels = display_pixels(volume, index)
    drawn = Drawn(index, *_display_size(volume, pixels.shape[:2]))
    image = _enlarged(pixels, drawn.size)
    for mask, colour in zip(shown, _colours(shown), strict=True):
        image = _painted(image, mask.array[index], colour)
    height = max(drawn.size[1], LEGEND_TOP_PX + LEGEND_ROW_PX * len(shown) + 8)
    canvas = Image.new("RGB", (drawn.size[0] + LEGEND_PX, height), (16, 16, 18))
    canvas.paste(image)
    _annotate(ImageDraw.Draw(canvas), volume, drawn)
    _legend(ImageDraw.Draw(canvas), shown, measurements, drawn, volume.geometry.slices)
    return encode_rgb(np.asarray(canvas)), drawn


def _enlarged(pixels: NDArray[np.uint8], size: tuple[int, int]) -> Image.Image:
    """RGB pixels at another size. Grey is resampled once for its three channels: each comes out the same."""
    red, *others = (pixels[..., channel] for channel in range(3))
    if all(np.array_equal(red, other) for other in others):
        grey = Image.fromarray(np.ascontiguousarray(red)).resize(size, Image.Resampling.BILINEAR)
        return Image.merge("RGB", (grey,) * 3)
    return Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR)


def busiest_slice(masks: Sequence[Mask], slices: int) -> int:
    """The slice with the largest area of all masks together; the middle one without masks."""
    if not masks:
        return slices // 2
    return int(np.argmax(sum(np.count_nonzero(m.array, axis=(1, 2)) for m in masks)))


def display_pixels(volume: Volume, index: int) -> NDArray[np.uint8]:
    """(rows, columns, 3) RGB of a slice: the source's window, else abdomen for HU, else percentiles 0.5–99.5."""
    plane = volume.array[index]
    if plane.ndim == 3:
        return np.ascontiguousarray(plane.astype(np.uint8))
    low, high = _window(volume, plane)
    scaled = (plane.astype(np.float64) - low) / max(high - low, 1e-9)
    grey = np.nan_to_num(np.clip(scaled, 0, 1) * 255).astype(np.uint8)
    return np.repeat(grey[..., np.newaxis], 3, axis=-1)


def _window(volume: Volume, plane: NDArray[np.generic]) -> tuple[float, float]:
    if volume.display_window is not None:
        centre, width = volume.display_window
        return centre - width / 2, centre + width / 2
    if volume.series.value_unit is Unit.HU:
        return -150.0, 250.0
    finite = plane[np.isfinite(plane)]
    if finite.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(finite, (0.5, 99.5))
    return float(low), float(high)


def _display_size(volume: Volume, shape: tuple[int, ...]) -> tuple[tuple[int, int], float | None]:
    rows, columns = shape
    spacing = volume.geometry.pixel_spacing_mm
    height, width = rows * (spacing[0] if spacing else 1.0), columns * (spacing[1] if spacing else 1.0)
    scale = LONG_SIDE_PX / max(height, width)
    size = max(round(width * scale), 64), max(round(height * scale), 64)
    return size, (1 / scale if spacing else None)


def _colours(masks: Sequence[Mask]) -> list[Rgb]:
    """One colour a target, in order of appearance."""
    targets = list(dict.fromkeys(m.target for m in masks))
    return [COLOURS[targets.index(m.target) % len(COLOURS)] for m in masks]


def _painted(image: Image.Image, plane: NDArray[np.bool_], colour: Rgb) -> Image.Image:
    """Translucent fill and a contour of 2 px."""
    stencil = Image.fromarray(plane.astype(np.uint8) * 255).resize(image.size, Image.Resampling.NEAREST)
    box = stencil.getbbox()
    if box is None:
        return image
    # One pixel more on each side: the contour lies half outside.
    box = max(box[0] - 1, 0), max(box[1] - 1, 0), min(box[2] + 1, image.width), min(box[3] + 1, image.height)
    stencil = stencil.crop(box)
    image.paste(colour, box, stencil.point([0] * 255 + [FILL_ALPHA]))
    image.paste(colour, box, Image.fromarray(_contour(np.asarray(stencil))))
    return image


def _contour(stencil: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """255 where the 3 × 3 pixels around one are not all the same, of a stencil of 0 and 255."""
    padded = np.pad(stencil, 1, mode="edge")
    both = np.empty((2, *padded.shape[:1], stencil.shape[1]), np.uint8)
    for fold, out in zip((np.maximum, np.minimum), both, strict=True):
        fold(fold(padded[:, :-2], padded[:, 1:-1], out=out), padded[:, 2:], out=out)
    outer, inner = (fold(fold(b[:-2], b[1:-1]), b[2:]) for fold, b in zip((np.maximum, np.minimum), both, strict=True))
    return np.asarray(outer ^ inner, dtype=np.uint8)


@cache
def _font(size: int) -> Font:
    return ImageFont.load_default(size)


def _text(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    size: int,
    anchor: str,
    fill: Rgb,
    *,
    outlined: bool = True,
) -> None:
    """Text with a dark outline, which can be read on any image; beside the image it needs none."""
    draw.text(
        place, text, fill=fill, font=_font(size), anchor=anchor, stroke_width=int(outlined), stroke_fill=(0, 0, 0)
    )


def _annotate(draw: ImageDraw.ImageDraw, volume: Volume, drawn: Drawn) -> None:
    width, height = drawn.size
    white: Rgb = (240, 240, 240)
    _text(draw, (8, 6), NOTICE, 18, "la", (255, 210, 80))
    right, below = volume.geometry.row_direction_letter(), volume.geometry.column_direction_letter()
    if right and below:
        _text(draw, (width - 8, height / 2), right, 20, "rm", white)
        _text(draw, (8, height / 2), _OPPOSITE[right], 20, "lm", white)
        _text(draw, (width / 2, height - 8), below, 20, "mb", white)
        _text(draw, (width / 2, 8), _OPPOSITE[below], 20, "mt", white)
    if drawn.millimetres_per_px:
        _scale_bar(draw, drawn, drawn.millimetres_per_px)


def _scale_bar(draw: ImageDraw.ImageDraw, drawn: Drawn, millimetres_per_px: float) -> None:
    width, height = drawn.size
    fitting = [mm for mm in _BAR_LENGTHS_MM if mm / millimetres_per_px <= width / 4]
    length_mm = fitting[-1] if fitting else _BAR_LENGTHS_MM[0]
    right, bottom = width - 12, height - 14
    left = right - length_mm / millimetres_per_px
    draw.line([(left - 1, bottom), (right + 1, bottom)], fill=(0, 0, 0), width=5)
    draw.line([(left, bottom), (right, bottom)], fill=(255, 255, 255), width=3)
    _text(draw, ((left + right) / 2, bottom - 5), f"{length_mm} mm", 15, "mb", (255, 255, 255))


def _legend(
    draw: ImageDraw.ImageDraw, masks: Sequence[Mask], measurements: Sequence[Measurement], drawn: Drawn, slices: int
) -> None:
    left, top = drawn.size[0] + 14, 12
    place = f"Slice {drawn.slice_index + 1} of {slices}" if slices > 1 else "One image"
    _text(draw, (left, top), place, 15, "la", (200, 200, 200), outlined=False)
    for row, (mask, colour) in enumerate(zip(masks, _colours(masks), strict=True)):
        y = LEGEND_TOP_PX + row * LEGEND_ROW_PX
        draw.rectangle([left, y + 2, left + 14, y + 16], fill=colour)
        _text(draw, (left + 22, y), latin(mask.target)[:28], 15, "la", (240, 240, 240), outlined=False)
        elsewhere = "" if mask.array[drawn.slice_index].any() else ", not in this slice"
        detail = latin(size_text(mask, measurements) + elsewhere)
        _text(draw, (left + 22, y + 18), detail, 13, "la", (190, 190, 190), outlined=False)


def size_text(mask: Mask, measurements: Sequence[Measurement]) -> str:
    """Size for a reader: "70.4 mL", "812 mm²" or "40 pixels"."""
    size = mask_size(mask, measurements)
    if size is None:
        return f"{mask.voxel_count} pixels, no spacing"
    unit = "mm²" if size[0] == "area_mm2" else "mL"
    return f"{size[1]:.4g} {unit}" if size[1] < 1000 else f"{size[1]:.0f} {unit}"


def latin(text: str) -> str:
    """What the built-in font can draw; other letters by their base letter, else "?"."""
    folded = unicodedata.normalize("NFKD", text)
    return "".join(c if c.isascii() else "" if unicodedata.combining(c) else "?" for c in folded)
