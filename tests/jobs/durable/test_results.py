"""Results on disk: what was put is what is got, or a named error; never half a file, never a foreign pickle."""

from __future__ import annotations

import errno
import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.errors import ModelUnavailable
from jobs.durable.results import ProgressNotKept, ResultBroken, StepResults, Stored, packed, unpacked

RNG = np.random.default_rng(1)
ARRAYS = {
    "mask": RNG.random((5, 40, 50)) > 0.5,
    "mask in columns": np.asfortranarray(RNG.random((70, 90)) > 0.9),
    "levels": RNG.integers(0, 255, (3, 64, 64), np.uint8),
    "floats": RNG.random((40, 40)),
    "floats in columns": np.asfortranarray(RNG.random((40, 60))),
    "a view": RNG.random((80, 80))[::2, ::-1],
    "big-endian": np.arange(3000, dtype=">i4"),
    "small": np.arange(3),
    "empty": np.zeros((0, 512, 512), np.bool_),
    "one value": np.array(2.5),
}


@dataclass(frozen=True, eq=False)
class Found:
    name: str
    mask: np.ndarray[Any, Any]


@pytest.mark.parametrize("name", list(ARRAYS))
def test_arrays_come_back_as_they_were(name: str) -> None:
    array = ARRAYS[name]
    back = unpacked(packed(Found(name, array))).mask
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert np.array_equal(back, array)
    assert back.flags.f_contiguous == array.flags.f_contiguous
    assert back.flags.writeable


def test_what_may_not_be_written_stays_so() -> None:
    array = np.zeros(10_000, np.float32)
    array.flags.writeable = False
    assert not unpacked(packed(array)).flags.writeable


def test_a_mask_of_a_volume_takes_little() -> None:
    mask = np.zeros((100, 512, 512), np.bool_)
    mask[20:80, 100:400, 150:350] = RNG.random((60, 300, 200)) > 0.01
    assert len(packed(mask)) < mask.nbytes / 50


def test_a_result_of_any_attempt_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "analysis" / ".steps"
    first = StepResults(folder, 1).put("s1", {"liver": ARRAYS["mask"]})
    second = StepResults(folder, 2).put("s1", "another answer")
    assert first.file != second.file
    assert np.array_equal(StepResults(folder, 3).get(first)["liver"], ARRAYS["mask"])
    assert StepResults(folder, 3).get(second) == "another answer"
    assert folder.stat().st_mode & 0o077 == 0


def test_an_error_is_a_result_like_any_other(tmp_path: Path) -> None:
    store = StepResults(tmp_path, 1)
    error = store.get(store.put("s1", ModelUnavailable("No model.", remedy="Add one.", where="here")))
    assert (type(error), error.reason, error.remedy, error.where) == (ModelUnavailable, "No model.", "Add one.", "here")


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.abort, ())


def test_nothing_is_unpickled_that_was_not_written_here(tmp_path: Path) -> None:
    store = StepResults(tmp_path, 1)
    stored = store.put("s1", "good")
    (tmp_path / stored.file).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ResultBroken):
        store.get(stored)
    (tmp_path / stored.file).unlink()
    with pytest.raises(ResultBroken):
        store.get(stored)
    with pytest.raises(ResultBroken):
        store.get(Stored("../elsewhere.pkl", stored.sha256))


def test_a_full_disk_leaves_nothing_and_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/patients/Doe^John")

    monkeypatch.setattr("jobs.durable.results.os.fsync", full)
    with pytest.raises(ProgressNotKept) as caught:
        StepResults(tmp_path, 1).put("s1", ARRAYS["mask"])
    assert "full" in caught.value.reason
    assert "Free space" in caught.value.remedy
    assert "Doe" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "steps").write_text("")
    with pytest.raises(ProgressNotKept):
        StepResults(tmp_path / "steps", 1).put("s1", "x")


def test_what_cannot_be_pickled_is_a_fault_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ProgressNotKept, match="function"):
        StepResults(tmp_path, 1).put("s1", lambda: None)
    assert not list(tmp_path.iterdir())


def test_cleared_is_gone(tmp_path: Path) -> None:
    store = StepResults(tmp_path / "steps", 1)
    store.put("s1", "x")
    store.clear()
    store.clear()
    assert not (tmp_path / "steps").exists()
