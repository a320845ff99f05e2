"""Records on a database of the test's own: each test runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from records.audit import AuditLedger
from records.database import Database
from records.studies import StudyRecords
from tests.api.engine import TickingClock


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def audit(database: Database) -> AuditLedger:
    return AuditLedger(database, TickingClock(), b"a key for tests")


@pytest.fixture
def studies(audit: AuditLedger) -> StudyRecords:
    return StudyRecords(audit, TickingClock())
