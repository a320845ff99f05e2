"""Banded matrices: what each one is, and that blocks, spans and pieces change nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tools.resampling import (
    Banded,
    average_matrix,
    cubic_matrix,
    nearest_indices,
    resample,
    resampled_bands,
    spline_matrix,
)


def dense(matrix: Banded) -> NDArray[np.float64]:
    out = np.zeros(matrix.shape)
    for block in matrix.blocks:
        out[block.outputs, block.inputs] += block.weights
    return out


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([16, 33, 64, 100]), st.integers(0, 2**32 - 1))
def test_resampling_is_rows_times_image_times_columns(height: int, width: int, size: int, seed: int) -> None:
    side = max(height, width)
    rows = spline_matrix(height, (side - height) // 2, side, size)
    columns = spline_matrix(width, (side - width) // 2, side, size)
    image = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    expected = dense(rows) @ image @ dense(columns).T
    assert np.allclose(resample(image, rows, columns), expected, atol=1e-2)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 199), st.integers(1, 200), st.integers(0, 199), st.integers(1, 200), st.sampled_from([37, 90, 333])
)
def test_zeros_outside_the_spans_need_not_be_looked_at(top: int, high: int, left: int, wide: int, count: int) -> None:
    spans = slice(top, min(top + high, 200)), slice(left, min(left + wide, 200))
    image = np.zeros((200, 200), np.float32)
    image[spans] = np.random.default_rng(1).random(image[spans].shape)
    step = 200 / count
    kind = average_matrix if step > 1 else cubic_matrix
    matrix = kind(200, step / 2 - 0.5, step, count)
    found = np.zeros((count, count), np.float32)
    for outputs, band in resampled_bands(image, matrix, matrix, spans):
        found[outputs] = band
    assert np.allclose(found, resample(image, matrix, matrix), atol=1e-6)


@pytest.mark.parametrize(("length", "count"), [(1024, 512), (1024, 300), (64, 7)])
def test_averages_weigh_what_a_pixel_covers(length: int, count: int) -> None:
    step = length / count
    weights = dense(average_matrix(length, step / 2 - 0.5, step, count))
    assert np.allclose(weights.sum(axis=1), 1, atol=1e-5)
    assert np.allclose(weights.sum(axis=0) * step, 1, atol=1e-5)


def test_interpolation_keeps_a_flat_signal_inside() -> None:
    for weights in (dense(cubic_matrix(100, 0.0, 0.5, 199)), dense(spline_matrix(100, 0, 100, 200))[40:160]):
        assert np.allclose(weights.sum(axis=1), 1, atol=1e-4)


def test_no_output_sees_the_padding() -> None:
    matrix = spline_matrix(10, 20, 50, 100)
    weights = dense(matrix)
    assert not weights[:40].any()
    assert not weights[60:].any()
    assert weights[40:60].any(axis=1).all()


def test_a_centre_between_two_pixels_is_the_first() -> None:
    assert nearest_indices(8, 0.5, 2.0, 4).tolist() == [0, 2, 4, 6]
