"""How large an image may be before anything is allocated for it."""

from __future__ import annotations

from domain.errors import PixelsUndecodable

MAX_SIDE_PIXELS = 16_384
MAX_DECODED_BYTES = 2 * 1024**3
MAX_FRAMES = 65_536


def require_size(rows: int, columns: int, frames: int, bytes_per_pixel: float, name: str) -> None:
    """Refuse images whose header promises more pixels than are read here.

    Raises:
        PixelsUndecodable: a side is over MAX_SIDE_PIXELS, or the frames over MAX_FRAMES or MAX_DECODED_BYTES.
    """
    if frames > MAX_FRAMES:
        raise PixelsUndecodable(
            f"{frames} frames of {rows} × {columns} pixels: more than {MAX_FRAMES} are not read.",
            remedy="Send fewer frames in one file.",
            where=name,
        )
    if max(rows, columns) > MAX_SIDE_PIXELS:
        raise PixelsUndecodable(
            f"{rows} × {columns} pixels: more than {MAX_SIDE_PIXELS} a side are not read.",
            remedy="Export the region of interest, or a smaller level of the image.",
            where=name,
        )
    size = rows * columns * frames * bytes_per_pixel
    if size > MAX_DECODED_BYTES:
        raise PixelsUndecodable(
            f"{frames} frames of {rows} × {columns} pixels would take {size / 1024**3:.1f} GiB decoded; "
            f"the limit is {MAX_DECODED_BYTES // 1024**3} GiB.",
            remedy="Send fewer frames in one file.",
            where=name,
        )
