"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data() -> Path:
    """Folder of real images with published answers; the test is skipped where it is absent."""
    folder = Path(os.environ.get("MEDIMAGE_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "EXPECTED.json").exists():
        pytest.skip(f"no test data at {folder}: set MEDIMAGE_TEST_DATA to its folder")
    return folder
