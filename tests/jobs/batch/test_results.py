"""The tables of ten thousand studies are written with the memory of one."""

from __future__ import annotations

import csv
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.access import AccessContext
from domain.errors import PatientLockViolation
from domain.ports import JobState
from domain.study import Order, Priority, Refusal
from jobs.batch.entries import BatchStudy, StudyState
from jobs.batch.index import BatchIndex
from jobs.batch.results import BatchResults
from jobs.batch.rows import Pseudonyms
from records.analyses import AnalysisRecord
from records.job_rows import JobRecord

WHEN = datetime(2026, 3, 1, tzinfo=UTC)
MEASURED = [{"name": f"m{n}", "target": "liver", "value": n / 7, "unit": "mm"} for n in range(9)]


class Records:
    """Jobs and analyses that are made when they are asked for; every seventh failed."""

    async def get(self, access: AccessContext, key: str, action: str = "") -> Any:
        number = int(key)
        if action == "analysis.export":
            document = {"status": "draft", "needs_review": False, "measurements": MEASURED}
            return AnalysisRecord(key, f"1.2.{key}", "|P", "draft", WHEN, "liver", "RESEARCH", document)
        access.require("|P")
        failed = number % 7 == 0
        return JobRecord(
            number, key, key, f"1.2.{key}", "|P", Order(), "u", "TREAT",
            JobState.FAILED if failed else JobState.DONE, Priority.RESEARCH, Priority.RESEARCH, WHEN, WHEN,
            started=WHEN, finished=WHEN + timedelta(seconds=2), error="No model." if failed else "", remedy="Wait.",
        )  # fmt: skip


@pytest.fixture
def index(tmp_path: Path) -> Iterator[BatchIndex]:
    opened = BatchIndex(tmp_path / "batch")
    yield opened
    opened.close()


def ordered(index: BatchIndex, count: int, patient: str = "|P") -> None:
    """So many studies with jobs of their own numbers."""
    question = index.question("liver", Priority.RESEARCH)
    index.add_stored([f"1.2.{number}" for number in range(1, count + 1)], question)
    for number in range(1, count + 1):
        study = BatchStudy(number, question, "", StudyState.FOUND)
        index.order(study, f"1.2.{number}", patient, str(number))
        index.settle(number, StudyState.ORDERED)


def results(index: BatchIndex) -> BatchResults:
    records = Records()
    return BatchResults(
        index, jobs=records, analyses=records, names=Pseudonyms(b"key"), user="u", batch="b"
    )  # fmt: skip


async def test_memory_is_flat(index: BatchIndex, tmp_path: Path) -> None:
    ordered(index, 2100)
    peaks = []
    for limit in (210, 2100):
        tracemalloc.start()
        written = await results(index).write(tmp_path / "r.csv", limit)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 150_000  # ten times the studies; kept, they would take megabytes
    assert (written.done, written.failed, written.rows) == (1800, 300, 1800 * 9 + 300)


async def test_both_tables_tell_of_what_failed(index: BatchIndex, tmp_path: Path) -> None:
    ordered(index, 8)
    question = index.question("liver", Priority.RESEARCH)
    index.add_stored(["9.9"], question)
    index.settle(9, StudyState.FAILED, "There is no such study.", "Send it.")
    index.refuse([Refusal("a/=x.txt", "Not an image.", "Send images.")])
    written = await results(index).write(tmp_path / "r.csv")
    assert (written.done, written.failed, written.refused) == (7, 2, 1)
    with (tmp_path / "r.failures.csv").open(newline="") as file:
        failures = [(row["number"], row["study_uid"], row["file"], row["reason"]) for row in csv.DictReader(file)]
    assert failures == [
        ("7", "1.2.7", "", "No model."),
        ("9", "9.9", "", "There is no such study."),
        ("", "", "a/=x.txt", "Not an image."),
    ]
    with (tmp_path / "r.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["status"] == "failed"]
    assert [(row["number"], row["error"], row["kind"]) for row in rows] == [
        ("7", "No model.", "study"), ("9", "There is no such study.", "study"),
    ]  # fmt: skip


async def test_another_patients_analysis_is_not_read(index: BatchIndex, tmp_path: Path) -> None:
    ordered(index, 1, patient="|somebody else")
    written = await results(index).write(tmp_path / "r.csv")
    assert (written.done, written.failed) == (0, 1)
    with pytest.raises(PatientLockViolation):
        await Records().get(AccessContext("u", "|somebody else"), "1")
