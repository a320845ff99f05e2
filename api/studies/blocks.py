"""Blocks of slices as numbers, for viewers that do their own windowing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from api.studies.rendering import stored_values

MOST_SLICES = 64
"""Of one answer: 32 MB of a CT of 512 by 512."""
WIRE_TYPES = ("int16", "uint16", "uint8", "float32")
"""What a page can put into a typed array; other types are sent as float32."""


@dataclass(frozen=True)
class Block:
    """Slices on the wire.

    Attributes:
        type: one of WIRE_TYPES, little-endian.
        shape: (slices, rows, columns), and 3 for colour.
        values: of the shape, last index fastest.
    """

    type: str
    shape: tuple[int, ...]
    values: bytes


def read_block(path: Path, first: int, count: int) -> Block:
    """`count` slices from `first` on, or as many as there are.

    Raises:
        StudyNotFound: the array is gone.
        ArtifactNotFound: there is no slice `first`.
    """
    part = stored_values(path, first, "first")[first : first + count]
    name = part.dtype.name if part.dtype.name in WIRE_TYPES else "float32"
    wire = np.ascontiguousarray(part, dtype=np.dtype(name).newbyteorder("<"))
    return Block(name, tuple(wire.shape), wire.tobytes())
