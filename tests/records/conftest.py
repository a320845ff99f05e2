"""Records on a database file of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from records.audit import AuditLedger
from records.database import Database
from records.studies import StudyRecords
from tests.api.engine import TickingClock


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'records.db'}")
    database.create_schema()
    yield database
    database.close()


@pytest.fixture
def audit(database: Database) -> AuditLedger:
    return AuditLedger(database, TickingClock(), b"a key for tests")


@pytest.fixture
def studies(audit: AuditLedger) -> StudyRecords:
    return StudyRecords(audit, TickingClock())
