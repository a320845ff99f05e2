"""Studies on record by filter, page by page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.access import AccessContext
from jobs.batch import stored
from jobs.batch.request import source_of
from jobs.batch.stored import stored_studies
from jobs.steps import SystemClock
from records.audit import AuditLedger
from records.database import Database
from records.studies import StudyRecord, StudyRecords

NOBODY = AccessContext("local", None)


@pytest.fixture
async def audit(database_url: str) -> Any:
    database = Database(database_url)
    ledger = AuditLedger(database, SystemClock(), b"key")
    studies = StudyRecords(ledger, SystemClock())
    rows = [
        ("1.1", "CT", "Thorax 50% dose", "CHEST", datetime(2025, 1, 1, 8)),
        ("1.2", "CT\\PT", "Abdomen", "ABDOMEN", datetime(2025, 1, 31, 23, 59)),
        ("1.3", "MR", "HEAD routine", "HEAD", datetime(2025, 2, 1)),
        ("1.4", "CT", "Thorax", "CHEST", None),
        ("1.5", "ctx", "thorax", "chest", datetime(2024, 12, 31)),
    ]
    for uid, modality, description, part, started in rows:
        record = StudyRecord(uid, "|P", "P", modality, description, part, started, "", uid, (), ())
        await studies.put(AccessContext("local", "|P"), record)
    yield ledger
    database.close()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", ["1.1", "1.2", "1.3", "1.4", "1.5"]),
        ("modality=ct", ["1.1", "1.2", "1.4"]),
        ("since=2025-01-01 until=2025-01-31", ["1.1", "1.2"]),
        ("description=THORAX body_part=Chest", ["1.1", "1.4", "1.5"]),
        ("description=50%", ["1.1"]),
        ("description=_", []),
        ("modality=CT' OR '1'='1", []),
    ],
)
async def test_filters_choose(
    audit: AuditLedger, words: str, found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "PAGE", 2)
    which = source_of([f"query {words}".strip()]).which
    pages = [page async for page in stored_studies(audit, NOBODY, which)]
    assert [uid for page in pages for uid in page] == found
    assert all(len(page) <= 2 for page in pages)


async def test_looking_is_audited(audit: AuditLedger) -> None:
    _ = [page async for page in stored_studies(audit, NOBODY, source_of(["query"]).which)]
    events = await audit.list(NOBODY)
    assert [(e.action, e.detail) for e in events if e.action == "study.list"] == [("study.list", "batch")]
    assert datetime.now(UTC) - events[-1].when < timedelta(minutes=1)
