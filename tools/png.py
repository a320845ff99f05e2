"""PNG writing for models: 8-bit RGB, no metadata, an order of magnitude faster than the usual encoders.

Source: PNG (ISO/IEC 15948), colour type 2, not interlaced, three chunks: IHDR, IDAT, IEND. Deflate by ISA-L
(`isal`). Every row has the Up filter: on enlarged medical images it leaves about as little as Paeth (and less than
Average where flat areas are large) at a fraction of the time. Grey is filtered as one channel and then repeated: with
R = G = B the residuals are equal, too.
"""

from __future__ import annotations

import struct

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
UP = 2
_LEVEL = 2
"""ISA-L's level 2: as fast as 1 and never larger; 3 is slower and larger on filtered images."""


def encode_rgb(image: NDArray[np.uint8]) -> bytes:
    """An RGB PNG of (rows, columns) grey or (rows, columns, 3) colour, uint8. Pixel exact.

    Raises:
        ValueError: another type or shape.
    """
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)) or 0 in image.shape:
        raise ValueError(f"{image.dtype} of shape {image.shape} is neither 8-bit grey nor RGB.")
    rows, columns = image.shape[:2]
    header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    return b"".join(
        (
            SIGNATURE,
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", isal_zlib.compress(_scanlines(image), _LEVEL)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = isal_zlib.crc32(content, isal_zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(content)), kind, content, struct.pack(">I", checksum)))


def _scanlines(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(rows, 1 + 3 · columns): the filter's number, then the residuals of R, G, B, R, …"""
    rows, columns = image.shape[:2]
    lines = np.empty((rows, 1 + 3 * columns), np.uint8)
    lines[:, 0] = UP
    residual = _residual(image)
    if residual.ndim == 3:
        lines[:, 1:] = residual.reshape(rows, -1)
    else:
        for channel in range(3):
            lines[:, 1 + channel :: 3] = residual
    return lines


def _residual(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Difference modulo 256 to the pixel above; the first row as it is."""
    residual = image.copy()
    np.subtract(image[1:], image[:-1], out=residual[1:])
    return residual
