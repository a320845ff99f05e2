"""A memory in a folder, on the embedder that needs no package."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from domain.study import Patient
from memory.embedder import NgramEmbedder
from memory.feedback import FeedbackMemory, open_memory
from memory.pseudonym import Pseudonyms
from memory.record import FeedbackKind, Origin, ReviewerRole, Setting, Submission

NOW = datetime(2025, 6, 15, 12, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def pseudonyms() -> Pseudonyms:
    return Pseudonyms(b"a key of this test only")


@pytest.fixture
def patient() -> Patient:
    return Patient("4711-88", "hospital", "Wojtyniak^Zbigniewa", date(1961, 3, 9))


@pytest.fixture
def memory(tmp_path: Path, pseudonyms: Pseudonyms) -> Iterator[FeedbackMemory]:
    opened = open_memory(tmp_path / "memory", NgramEmbedder(), pseudonyms)
    yield opened
    opened.close()


@pytest.fixture
def submission() -> Callable[..., Submission]:
    base = Submission(
        kind=FeedbackKind.PREFERRED_WORDING,
        role=ReviewerRole.RADIOLOGIST,
        when=NOW,
        modality="CT",
        analysis_id="a1",
        region="abdomen",
        target="liver tumor",
        used=Setting("liver tumor"),
        better=Setting("hepatic mass"),
        origin=Origin("north", "Siemens", "Force"),
        model="MedImageParse@1",
    )
    return lambda **changes: replace(base, **changes)
