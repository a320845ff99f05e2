"""Missing, uneven, sparse and tilted stacks are told apart from positions alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.series_spacing import stack_notes

UP = np.array([0.0, 0.0, 1.0])


def at(*heights: float) -> np.ndarray:
    return np.array([[0.0, 0.0, height] for height in heights])


@given(gap=st.floats(0.2, 20), absent=st.sets(st.integers(1, 10), min_size=1, max_size=3))
def test_removed_slices_are_counted(gap, absent):
    heights = [index * gap for index in range(12) if index not in absent]
    (note,) = stack_notes(at(*heights), UP)
    assert note.startswith(f"{len(absent)} slice")


@pytest.mark.parametrize("positions", [at(0), at(0, 3), at(0, 1, 2.01, 2.99)])
def test_an_even_stack_is_not_worth_a_word(positions):
    assert stack_notes(positions, UP) == []


def test_slices_far_apart_for_their_thickness():
    (note,) = stack_notes(at(0, 30, 60), UP, thickness_mm=5)
    assert "was not imaged" in note


def test_a_slice_beside_the_line():
    positions = at(0, 1, 2, 3)
    positions[2, 0] = 4
    (note,) = stack_notes(positions, UP)
    assert "do not lie on one line" in note
