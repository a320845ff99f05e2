"""The engine's promises: WAL, foreign keys, concurrent writers, an honest error for a bad URL."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateTable

from domain.access import AccessContext
from domain.errors import ConfigurationError
from records.audit import Attempt, AuditLedger
from records.database import Database
from records.tables import Base


def test_sqlite_is_opened_for_a_server(sqlite_url: str) -> None:
    database = Database(sqlite_url)

    def pragma(name: str) -> object:
        return database.transact_now(lambda session: session.execute(text(f"PRAGMA {name}")).scalar())

    assert (pragma("journal_mode"), pragma("synchronous"), pragma("foreign_keys")) == ("wal", 1, 1)
    database.close()


def test_an_analysis_of_no_study_is_refused_by_the_database(database: Database) -> None:
    statement = text(
        "INSERT INTO analyses (id, study_uid, patient_key, status, created, indication, priority, document) "
        "VALUES ('a', 'nowhere', 'k', 'draft', '2026-01-01 00:00:00', '', 'STAT', '{}')"
    )
    with pytest.raises(IntegrityError):
        database.transact_now(lambda session: session.execute(statement))


async def test_many_writers_lose_nothing(audit: AuditLedger) -> None:
    access = AccessContext("local", None)
    await asyncio.gather(*(audit.note(access, Attempt(f"n{k}", "test")) for k in range(40)))
    events = await audit.list(access, limit=1000)
    assert {e.action for e in events} == {f"n{k}" for k in range(40)}
    assert [e.seq for e in events] == list(range(1, 41))


@pytest.mark.parametrize("url", ["no url", "nosuchdialect://host/name", "postgresql+nosuchdriver://host/name"])
def test_a_url_that_cannot_work_names_the_setting(url: str) -> None:
    with pytest.raises(ConfigurationError, match="MEDIMAGE_DATABASE_URL"):
        Database(url)


def test_the_tables_compile_for_postgresql() -> None:
    made = [str(CreateTable(table).compile(dialect=postgresql.dialect())) for table in Base.metadata.sorted_tables]
    assert any("BIGSERIAL" in statement for statement in made)
    assert all("CREATE TABLE" in statement for statement in made)
