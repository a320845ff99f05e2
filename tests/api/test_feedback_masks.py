"""Overlap with what an analysis wrote: every form of mask file, every slice where it belongs, nothing out of bounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from api.feedback.masks import decode, dice_with
from domain.study import Volume
from memory.errors import FeedbackRefused
from tests.api.reviewing import overlap
from tests.tools.outputs_builders import WHEN, analysis_of, box, mask_on, volume_of, write_phantom
from tools.artifacts import write_artifacts
from tools.mask_runs import runs_of
from tools.stored_mask import StoredMask


def written(source: Path, slices: int = 4, **changes: object) -> tuple[Volume, dict[str, NDArray[np.bool_]], Path]:
    """An analysis with two masks that overlap, in its folder."""
    volume = volume_of(write_phantom(source, slices=slices), **changes)
    arrays = {"liver": box(volume.geometry), "liver tumor": box(volume.geometry, shift=0.2)}
    masks = [mask_on(volume, target, array, n) for n, (target, array) in enumerate(arrays.items(), 1)]
    out = source / "out"
    write_artifacts(
        analysis_of([volume], masks), {volume.series.series_uid: volume}, out, when=WHEN, software_version="1"
    )
    return volume, arrays, out


def stored(volume: Volume, folder: Path, number: int, target: str, voxels: int = 9) -> StoredMask:
    shape = volume.geometry.shape
    return StoredMask(folder, f"m{number}", target, volume.series.series_uid, shape, voxels)


@pytest.mark.parametrize(
    ("slices", "changes", "file"),
    [
        (4, {}, "1.2.3.4.seg.dcm"),
        (1, {}, "1.2.3.4.seg.dcm"),
        (4, {"slice_sources": (), "source_format": "NIfTI"}, "1.2.3.4.seg.nii.gz"),
        (1, {"slice_sources": (), "source_format": "PNG"}, "1.2.3.4.m1.mask.png"),
    ],
    ids=["SEG of a volume", "SEG of one slice", "NIfTI", "PNG"],
)
def test_a_mask_is_compared_with_the_one_that_was_written(
    tmp_path: Path, slices: int, changes: dict[str, object], file: str
) -> None:
    volume, arrays, out = written(tmp_path, slices, **changes)
    assert (out / file).is_file()
    for number, (target, array) in enumerate(arrays.items(), 1):
        own = stored(volume, out, number, target)
        assert dice_with(own, array.shape, runs_of(array)) == 1.0
        moved = np.roll(array, (0, 3, 2), axis=(0, 1, 2))
        moved[0] = False
        expected = overlap(array, moved)
        assert dice_with(own, array.shape, runs_of(moved)) == pytest.approx(expected)


def test_slices_lie_where_the_analysis_saw_them(tmp_path: Path) -> None:
    volume, arrays, out = written(tmp_path)
    upside_down = arrays["liver"][::-1]
    assert not np.array_equal(upside_down, arrays["liver"])
    own = stored(volume, out, 1, "liver")
    assert dice_with(own, upside_down.shape, runs_of(upside_down)) == pytest.approx(
        overlap(arrays["liver"], upside_down)
    )


@pytest.mark.parametrize(("runs", "dice"), [([], 1.0), ([0, 5], 0.0)], ids=["empty too", "not empty"])
def test_an_empty_mask_needs_no_file(tmp_path: Path, runs: list[int], dice: float) -> None:
    own = StoredMask(tmp_path, "m1", "liver", "1.2", (1, 4, 4), 0)
    assert dice_with(own, (1, 4, 4), runs) == dice


@pytest.mark.parametrize(
    "runs",
    [[0], [0, 0], [5, 2, 3, 1], [0, 4, 3, 2], [15, 2], [16, 1], [10**18, 1], [0, 10**18]],
    ids=["odd", "empty", "descending", "overlapping", "over the end", "behind the end", "huge start", "huge length"],
)
def test_what_is_no_mask_is_refused(runs: list[int]) -> None:
    with pytest.raises(FeedbackRefused) as raised:
        decode((1, 4, 4), runs)
    assert raised.value.where == "corrected_mask.runs"


def test_runs_count_columns_first() -> None:
    inside = decode((2, 2, 3), [1, 2, 9, 3])
    assert inside.tolist() == [[[False, True, True], [False] * 3], [[False] * 3, [True] * 3]]


def test_another_shape_is_refused(tmp_path: Path) -> None:
    own = StoredMask(tmp_path, "m1", "liver", "1.2", (1, 4, 4), 0)
    with pytest.raises(FeedbackRefused, match="shape"):
        dice_with(own, (1, 4, 5), [])


def test_a_rejected_mask_has_no_pixels_to_compare(tmp_path: Path) -> None:
    volume, _, out = written(tmp_path)
    with pytest.raises(FeedbackRefused, match="rejected"):
        dice_with(stored(volume, out, 3, "spleen"), volume.geometry.shape, [])
