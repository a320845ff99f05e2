"""A prepared slice is what the model's contract wants, and it knows its way back."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image

from domain.codes import Unit
from domain.geometry import Geometry
from domain.study import Series, Volume
from tools.letterbox import Letterbox
from tools.preparation import prepare_array, prepare_slice
from tools.windowing import CT_WINDOWS, IDENTITY, PERCENTILE, apply_window


def volume_of(array: NDArray[np.generic], modality: str = "CT") -> Volume:
    series = Series("1.2", "1.1", modality, Geometry(array.shape[:3]), (), value_unit=Unit.HU)
    return Volume(series, array)


def read(png: bytes) -> NDArray[np.uint8]:
    with Image.open(BytesIO(png)) as image:
        return np.array(image)


def test_a_slice_is_windowed_letterboxed_and_encoded() -> None:
    volume = volume_of(np.random.default_rng(0).integers(-1024, 1500, (3, 60, 40)).astype(np.int16))
    prepared = prepare_slice(volume, 1, CT_WINDOWS["lung"])
    expected = Letterbox.fit(60, 40).apply(apply_window(volume.array[1], CT_WINDOWS["lung"]))
    assert (prepared.image.width, prepared.image.height) == (1024, 1024)
    assert (prepared.letterbox, prepared.slice_index) == (Letterbox(60, 40), 1)
    assert np.array_equal(read(prepared.image.png), np.stack([expected] * 3, axis=2))


def test_colour_passes_as_it_is() -> None:
    colour = np.random.default_rng(0).integers(0, 256, (1, 512, 512, 3)).astype(np.uint8)
    prepared = prepare_slice(volume_of(colour, "SM"), 0, PERCENTILE, size=512)
    assert prepared.window == IDENTITY
    assert np.array_equal(read(prepared.image.png), colour[0])


def test_another_size_is_possible() -> None:
    image, letterbox = prepare_array(np.zeros((30, 20), np.int16), PERCENTILE, size=480)
    assert read(image.png).shape == (480, 480, 3)
    assert letterbox.size == 480


@pytest.mark.parametrize("index", [-1, 3])
def test_only_slices_that_exist(index: int) -> None:
    with pytest.raises(IndexError, match="of 3"):
        prepare_slice(volume_of(np.zeros((3, 20, 20), np.int16)), index, PERCENTILE)


def test_a_bright_structure_of_a_real_ct_returns_to_its_pixels(data: Path) -> None:
    header = pydicom.dcmread(data / "ct_liver_seg_sr" / "ct" / "02.dcm")
    hu = (header.pixel_array * header.RescaleSlope + header.RescaleIntercept).astype(np.int16)
    prepared = prepare_slice(volume_of(hu[None]), 0, CT_WINDOWS["abdomen"])
    shown = read(prepared.image.png)[:, :, 0] > 200
    grey = apply_window(hu, CT_WINDOWS["abdomen"]) > 200
    assert np.mean(prepared.letterbox.mask_to_source(shown) != grey) < 0.004
