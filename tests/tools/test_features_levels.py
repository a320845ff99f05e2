"""Discretisation: bins of a fixed width, or a fixed number of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.codes import Unit
from tools.features_levels import Discretisation, LevelGrid, discretisation_for


def test_edges_lie_at_multiples_of_the_width() -> None:
    levels = Discretisation(width=25).levels(np.array([-30.0, -25.0, -1.0, 0.0, 24.9, 25.0]))
    assert levels.tolist() == [1, 2, 2, 3, 3, 4]


def test_a_fixed_number_of_bins_spans_the_values() -> None:
    assert Discretisation(count=4).levels(np.array([0.0, 1.0, 2.0, 3.0, 4.0])).tolist() == [1, 2, 3, 4, 4]
    assert Discretisation(count=4).levels(np.array([7.0, 7.0])).tolist() == [1, 1]


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=50), st.floats(-1e4, 1e4), st.floats(0.1, 10))
def test_a_fixed_number_of_bins_is_blind_to_scale(values: list[float], shift: float, scale: float) -> None:
    whole = np.round(np.array(values))
    before = Discretisation(count=8).levels(whole)
    after = Discretisation(count=8).levels(whole * scale + shift)
    assert before.min() == 1
    assert before.max() <= 8
    assert np.abs(before - after).max() <= 1


def test_bins_are_chosen_by_unit_and_bad_ones_refused() -> None:
    assert discretisation_for(Unit.HU) == Discretisation(width=25)
    assert discretisation_for(Unit.ONE) == Discretisation(count=32)
    with pytest.raises(ValueError, match="more than 1024"):
        Discretisation(width=1e-3).levels(np.array([0.0, 2000.0]))
    with pytest.raises(ValueError, match="positive"):
        Discretisation(width=-1)


def test_a_grid_has_thirteen_directions_in_space_and_four_in_the_plane() -> None:
    levels = np.ones((2, 3, 4), np.int32)
    assert len(LevelGrid.of(levels, planar=False).offsets) == 13
    assert len(LevelGrid.of(levels, planar=True).offsets) == 4
