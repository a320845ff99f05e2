"""PNGs are pixel exact for any reader and carry nothing but pixels."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from PIL import Image

from tools.png import SIGNATURE, encode_rgb

sides = st.integers(1, 70)


def read(png: bytes) -> NDArray[np.uint8]:
    with Image.open(BytesIO(png)) as image:
        assert (image.format, image.mode, image.info) == ("PNG", "RGB", {})
        return np.array(image)


def chunks(png: bytes) -> list[bytes]:
    names, at = [], len(SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        names.append(png[at + 4 : at + 8])
        at += 12 + length
    return names


@settings(deadline=None)
@given(st.tuples(sides, sides).flatmap(lambda shape: hnp.arrays(np.uint8, shape)))
def test_grey_is_repeated_in_every_channel(image: NDArray[np.uint8]) -> None:
    assert np.array_equal(read(encode_rgb(image)), np.stack([image] * 3, axis=2))


@settings(deadline=None)
@given(st.tuples(sides, sides, st.just(3)).flatmap(lambda shape: hnp.arrays(np.uint8, shape)))
def test_colour_is_pixel_exact(image: NDArray[np.uint8]) -> None:
    assert np.array_equal(read(encode_rgb(image)), image)


def test_flat_areas_and_gradients_become_small() -> None:
    ramp = np.add.outer(np.arange(512), np.arange(512)).astype(np.uint8)
    png = encode_rgb(ramp)
    assert np.array_equal(read(png)[:, :, 0], ramp)
    assert len(png) < ramp.size / 20


def test_views_that_are_not_contiguous_are_encoded_as_seen() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)[::-2, 1::3]
    assert np.array_equal(read(encode_rgb(image)), image)


def test_there_is_no_place_for_metadata() -> None:
    assert chunks(encode_rgb(np.zeros((5, 4), np.uint8))) == [b"IHDR", b"IDAT", b"IEND"]


def test_a_photograph_is_no_larger_than_a_third_above_pillow(data: Path) -> None:
    with Image.open(min((data / "fundus").iterdir())) as photograph:
        image = np.array(photograph.convert("RGB"))
    usual = BytesIO()
    Image.fromarray(image).save(usual, "PNG")
    png = encode_rgb(image)
    assert np.array_equal(read(png), image)
    assert len(png) < 1.33 * len(usual.getvalue())


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4), np.uint16), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4), np.uint8), np.zeros(4, np.uint8)],
    ids=["16-bit", "four channels", "no rows", "one axis"],
)
def test_anything_else_is_refused(image: NDArray[np.generic]) -> None:
    with pytest.raises(ValueError, match="neither 8-bit grey nor RGB"):
        encode_rgb(image)  # type: ignore[arg-type]
