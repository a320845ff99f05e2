"""Quality of the embedded models: the figures themselves, and that the cards quote them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.ground_truth import truths
from evals.models import Row, bootstrap, main, pooled_dice, run, table
from inference.local.registry import card, offered


async def test_cards_quote_what_is_measured(data: Path) -> None:
    rows = await run(data)
    measured = {(row.model, row.data, row.target): row for row in rows}
    assert {"embedded-ct", "embedded-cxr", "embedded-nuclei"} <= {row.model for row in rows}
    claimed = {(name, q.data, q.target): q for name in offered() for q in card(name).quality}
    present = {(truth.model, truth.data) for truth in truths(data)}
    assert {key for key in claimed if key[:2] in present} == set(measured)
    for key, row in measured.items():
        assert row.dice == pytest.approx(claimed[key].value, abs=0.01), key
        assert row.n == claimed[key].n


def test_a_folder_without_truths_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main([str(tmp_path)])
    assert code in (0, 2)
    assert (code == 2) == ("no images with reference masks" in capsys.readouterr().out)


def test_dice_is_pooled_over_pixels() -> None:
    assert pooled_dice(np.array([[10, 20], [0, 20]])) == pytest.approx(0.5)
    assert pooled_dice(np.array([[0, 0]])) == 1.0


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50)), min_size=5, max_size=20))
def test_the_interval_lies_in_range_and_replays(areas: list[tuple[int, int, int]]) -> None:
    counts = np.array([[both, 2 * both + only + missed] for both, only, missed in areas])
    low, high = bootstrap(counts, resamples=200)
    assert 0 <= low <= high <= 1
    assert bootstrap(counts, resamples=200) == (low, high)


def test_the_table_shows_an_interval_only_where_there_is_one() -> None:
    rows = [Row("m", "lung", "d", 0.9, 30, (0.85, 0.95)), Row("m", "brain", "e", 0.8, 1, None)]
    head, first, second = table(rows).splitlines()
    assert head.split() == ["model", "target", "Dice", "95", "%", "interval", "n", "data"]
    assert first.split() == ["m", "lung", "0.900", "0.850-0.950", "30", "d"]
    assert second.split() == ["m", "brain", "0.800", "1", "e"]
