"""Augmentation: where flips are allowed, drawn by seed, undone exactly, written down and read back."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.model import Window
from domain.study import Series
from inference.ensemble.augmentation import JITTER, PLAIN, Augmentation, draw, flipped, jittered, prepare_view, restore
from inference.ensemble.flip_rules import AllowedFlips, allowed_flips
from inference.series.volumes import map_back
from tests.inference.support import volume_of
from tools.preparation import prepare_array
from tools.windowing import IDENTITY, PERCENTILE, percentile_limits

AXIAL = np.array([[1.0, 0, 0], [0, 1.0, 0]])
CORONAL = np.array([[1.0, 0, 0], [0, 0, -1.0]])
SAGITTAL = np.array([[0, 1.0, 0], [0, 0, -1.0]])
BOTH = AllowedFlips(True, True, ("test", "test"))
NONE = AllowedFlips(False, False, ("test", "test"))

augmentations = st.builds(Augmentation, flip_columns=st.booleans(), flip_rows=st.booleans())


def series(modality: str, orientation: np.ndarray | None = AXIAL) -> Series:
    one = volume_of(np.zeros((2, 8, 8), np.int16), modality).series
    positions = None if orientation is None else one.geometry.positions_mm
    return replace(one, geometry=replace(one.geometry, orientation=orientation, positions_mm=positions))


@pytest.mark.parametrize(
    ("modality", "targets", "columns", "rows"),
    [
        ("CT", ("left kidney",), False, False),
        ("CT", ("right lung",), False, False),
        ("CT", ("liver",), False, False),
        ("CT", ("spleen",), False, False),
        ("CT", ("heart",), False, False),
        ("CT", ("liver tumor",), False, False),
        ("CT", ("pancreas tumor",), False, False),
        ("CT", ("colon",), False, False),
        ("CT", ("portal vein",), False, False),
        ("CT", ("left heart atrium",), False, False),
        ("CT", ("something unheard of",), False, False),
        ("CT", ("kidney",), True, False),
        ("CT", ("lung", "bladder"), True, False),
        ("CT", ("lung", "liver"), False, False),
        ("CT", ("lung nodule",), True, False),
        ("MR", ("brain tumor",), True, False),
        ("CR", ("lung",), True, False),
        ("DX", ("left lung",), False, False),
        ("US", ("breast tumor",), True, False),
        ("US", ("right heart ventricle",), False, False),
        ("SM", ("neoplastic cells",), True, True),
        ("XC", ("melanoma",), True, True),
        ("XC", ("lesion of the left arm",), False, True),
        ("ES", ("polyp",), True, True),
        ("OP", ("optic disc",), True, False),
        ("OPT", ("edema",), True, False),
        ("OT", ("tumor",), False, False),
    ],
)
def test_flips_that_anatomy_allows(modality: str, targets: tuple[str, ...], columns: bool, rows: bool) -> None:
    found = allowed_flips(series(modality), targets)
    assert (found.columns, found.rows) == (columns, rows)
    assert all(found.reasons)


@pytest.mark.parametrize(("orientation", "columns"), [(AXIAL, True), (CORONAL, True), (SAGITTAL, False), (None, True)])
def test_what_a_flip_reverses_is_read_from_the_geometry(orientation: np.ndarray | None, columns: bool) -> None:
    found = allowed_flips(series("MR", orientation), ("brain",))
    assert (found.columns, found.rows) == (columns, False)


@given(
    augmentation=augmentations,
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
    seed=st.integers(0, 2**32 - 1),
    colour=st.booleans(),
)
@settings(deadline=None)
def test_the_inverse_is_exact(augmentation: Augmentation, rows: int, columns: int, seed: int, colour: bool) -> None:
    pixels = np.random.default_rng(seed).integers(-9, 9, (rows, columns, 3) if colour else (rows, columns))
    there = flipped(pixels, augmentation)
    back = restore(np.moveaxis(there, -1, 0) if colour else there[None], augmentation)
    assert np.array_equal(back, np.moveaxis(pixels, -1, 0) if colour else pixels[None])


@given(
    augmentation=augmentations,
    shape=st.tuples(st.integers(8, 80), st.integers(8, 80)),
    corner=st.tuples(st.floats(0, 0.7), st.floats(0, 0.7)),
    soft=st.booleans(),
)
@settings(deadline=None, max_examples=25)
def test_a_mask_of_the_flipped_image_is_the_mask_of_the_plain_one(
    augmentation: Augmentation, shape: tuple[int, int], corner: tuple[float, float], soft: bool
) -> None:
    """The model's mask is drawn on its own square, so both letterboxes, there and back, are in the comparison."""
    rows, columns = shape
    top, left = round(corner[0] * rows), round(corner[1] * columns)
    source = np.zeros(shape, np.bool_)
    source[top : top + max(2, rows // 4), left : left + max(2, columns // 4)] = True
    _, letterbox = prepare_view(np.zeros(shape, np.int16), Window("test", 0, 1), augmentation)
    axis = np.arange(letterbox.size, dtype=np.float64)
    down = np.rint(letterbox.points_to_source(np.stack([axis, axis], 1))[:, 0]).astype(int)
    across = np.rint(letterbox.points_to_source(np.stack([axis, axis], 1))[:, 1]).astype(int)
    inside = ((down >= 0) & (down < rows))[:, None] & ((across >= 0) & (across < columns))[None, :]
    seen = flipped(source, augmentation)[np.clip(down, 0, rows - 1)[:, None], np.clip(across, 0, columns - 1)[None, :]]
    answer = (seen & inside)[None]
    planes = map_back(letterbox, answer.astype(np.float32) * np.float32(0.9) if soft else answer, augmentation)
    assert np.array_equal(planes[0] >= 128 if soft else planes[0], source)


def test_drawing_depends_on_the_seed_alone() -> None:
    kwargs = {"flips": BOTH, "keep_window": False, "wordings": {"liver": ["hepatic tissue", "the liver"]}}
    first, again = draw(6, seed=7, **kwargs), draw(6, seed=7, **kwargs)
    assert first == again
    assert first != draw(6, seed=8, **kwargs)
    assert len(set(first)) == 6
    assert PLAIN not in first


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=40)
def test_jitter_is_small_and_flips_are_only_allowed_ones(seed: int) -> None:
    for one in draw(4, seed=seed, flips=NONE, keep_window=False, wordings={}):
        assert not one.flip_columns
        assert not one.flip_rows
        assert JITTER[0] <= abs(one.window_shift) <= JITTER[1]
        assert JITTER[0] <= abs(one.window_scale - 1) <= JITTER[1] + 1e-12


def test_no_more_views_than_there_are() -> None:
    assert draw(5, seed=1, flips=NONE, keep_window=True, wordings={}) == ()
    assert len(draw(9, seed=1, flips=BOTH, keep_window=True, wordings={})) == 3
    assert len(draw(5, seed=1, flips=NONE, keep_window=True, wordings={"liver": ["a", "b"]})) == 2


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=30)
def test_what_was_drawn_can_be_written_and_read(seed: int) -> None:
    for one in draw(3, seed=seed, flips=BOTH, keep_window=False, wordings={"liver": ["hepatic tissue"]}):
        assert Augmentation.from_record(json.loads(json.dumps(one.record()))) == one


def test_windows_move_by_a_fraction_of_their_width() -> None:
    one = Augmentation(window_shift=0.1, window_scale=1.05)
    pixels = np.arange(-500, 500, dtype=np.int16).reshape(20, 50)
    fixed = jittered(Window("abdomen", -150, 250), pixels, one)
    assert (fixed.low, fixed.high) == (pytest.approx(-120), pytest.approx(300))
    low, high = percentile_limits(pixels)
    slice_own = jittered(PERCENTILE, pixels, one)
    assert slice_own.low == pytest.approx((low + high) / 2 + 0.1 * (high - low) - 0.525 * (high - low))
    eight_bit = jittered(IDENTITY, np.zeros((4, 4), np.uint8), one)
    assert (eight_bit.low, eight_bit.high) == (pytest.approx(19.125), pytest.approx(286.875))


def test_colour_and_flat_images_keep_their_window() -> None:
    one = Augmentation(window_shift=0.1, window_scale=1.05)
    assert jittered(IDENTITY, np.zeros((4, 4, 3), np.uint8), one) == IDENTITY
    assert jittered(PERCENTILE, np.full((4, 4), 7, np.int16), one) == PERCENTILE


def test_the_plain_view_is_the_plain_image() -> None:
    pixels = np.random.default_rng(1).integers(-1000, 1000, (33, 47), dtype=np.int16)
    window = Window("lung", -1000, 1000)
    assert prepare_view(pixels, window, PLAIN) == prepare_array(pixels, window)
