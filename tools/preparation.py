"""Preparation: one slice as the model sees it, with all that is needed to come back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.model import ModelImage, Window
from domain.study import Volume
from tools.letterbox import MODEL_SIZE, Letterbox
from tools.png import encode_rgb
from tools.windowing import IDENTITY, apply_window


@dataclass(frozen=True)
class PreparedSlice:
    """A slice ready for a model.

    Attributes:
        image: RGB PNG of the model's size, without metadata.
        letterbox: the way back to source pixels.
        window: how values became grey.
        slice_index: 0-based, in the volume's order.
    """

    image: ModelImage
    letterbox: Letterbox
    window: Window
    slice_index: int


def prepare_slice(volume: Volume, slice_index: int, window: Window, *, size: int = MODEL_SIZE) -> PreparedSlice:
    """Window, letterbox and encode one slice of a volume. Colour passes as it is, whatever the window.

    Raises:
        IndexError: no such slice.
        ValueError: identity was asked for values that are not 8-bit.
    """
    if not 0 <= slice_index < len(volume.array):
        raise IndexError(f"Slice {slice_index} of {len(volume.array)}.")
    array = volume.array[slice_index]
    shown = IDENTITY if array.ndim == 3 else window
    image, letterbox = prepare_array(array, shown, size=size)
    return PreparedSlice(image, letterbox, shown, slice_index)


def prepare_array(
    array: NDArray[np.generic], window: Window, *, size: int = MODEL_SIZE
) -> tuple[ModelImage, Letterbox]:
    """The same for bare pixels, (rows, columns) or (rows, columns, 3) uint8.

    Raises:
        ValueError: identity was asked for values that are not 8-bit.
    """
    letterbox = Letterbox.fit(array.shape[0], array.shape[1], size)
    pixels = letterbox.apply(apply_window(array, window))
    return ModelImage(encode_rgb(pixels), size, size), letterbox
