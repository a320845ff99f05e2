from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from memory.errors import MemoryOwned, MemoryUnavailable
from memory.ownership import FolderLock

HOLD = """
import pathlib, sys
from memory.ownership import FolderLock
lock = FolderLock(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""
ROOT = Path(__file__).resolve().parents[2]


def test_a_second_process_is_told_who_owns_the_folder_and_what_to_do(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"held\n"
        with pytest.raises(MemoryOwned, match=f"{owner.pid}.*chroma run"):
            FolderLock(tmp_path)
        owner.kill()
    FolderLock(tmp_path).release()  # a killed owner leaves no lock behind


def test_one_process_owns_it_once(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path / "new")
    with pytest.raises(MemoryOwned):
        FolderLock(tmp_path / "new")
    lock.release()
    FolderLock(tmp_path / "new").release()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(MemoryUnavailable, match="file"):
        FolderLock(tmp_path / "file")
