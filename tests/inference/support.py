"""What tests of inference share: images, volumes, and work done right here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.geometry import Geometry
from domain.model import ModelImage, Window
from domain.privacy import Deidentified
from domain.study import Instance, Series, Volume
from tools.preparation import prepare_array


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something that happens elsewhere."""
    for _ in range(round(seconds / 0.01)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


class Here:
    """Compute in the caller's own thread."""

    async def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)


def image_of(pixels: NDArray[np.generic], window: Window | None = None) -> Deidentified[ModelImage]:
    """A model's image of a phantom."""
    image, _ = prepare_array(pixels, window or Window("test", 0, 255))
    return Deidentified(image, "phantom")


def volume_of(array: NDArray[np.generic], modality: str = "CT") -> Volume:
    """A volume of a phantom, 1 mm pixels, 2 mm slices."""
    slices = array.shape[0]
    geometry = Geometry(
        shape=(slices, array.shape[1], array.shape[2]),
        pixel_spacing_mm=(1.0, 1.0),
        orientation=np.array([[1.0, 0, 0], [0, 1.0, 0]]),
        positions_mm=np.array([[0, 0, 2.0 * i] for i in range(slices)]),
    )
    series = Series("1.2.3", "1.2", modality, geometry, (Instance(Path("phantom.dcm"), "1.2.3.4"),))
    return Volume(series, array)


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Overlap of two masks."""
    return 2.0 * float((a & b).sum()) / float(a.sum() + b.sum())
