"""A PNG goes into a PDF as it is, and comes out pixel by pixel."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader
from reportlab.platypus import SimpleDocTemplate

from tools.pdf_picture import PngPicture, plain_png
from tools.png import encode_rgb


def colours(rows: int = 40, columns: int = 60) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 255, (rows, columns, 3), np.uint8)


def by_pillow(image: np.ndarray, **how: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", **how)
    return file.getvalue()


@pytest.mark.parametrize("encode", [encode_rgb, by_pillow])
def test_every_pixel_comes_out_as_it_went_in(encode: object) -> None:
    image = colours()
    plain = plain_png(encode(image))  # type: ignore[operator]
    assert plain is not None
    assert (plain.columns, plain.rows) == (60, 40)
    file = io.BytesIO()
    SimpleDocTemplate(file).build([PngPicture(plain, 120, 80), PngPicture(plain, 60, 40)])
    (page,) = PdfReader(io.BytesIO(file.getvalue())).pages
    (shown,) = page.images
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(shown.data)).convert("RGB")), image)


@pytest.mark.parametrize(
    "png",
    [
        pytest.param(b"GIF89a", id="no PNG"),
        pytest.param(by_pillow(colours()[:, :, 0]), id="grey"),
        pytest.param(by_pillow(np.dstack([colours(), colours()[:, :, 0]])), id="translucent"),
        pytest.param(encode_rgb(colours())[:40], id="cut short"),
    ],
)
def test_what_must_be_decoded_is_left_to_others(png: bytes) -> None:
    assert plain_png(png) is None
