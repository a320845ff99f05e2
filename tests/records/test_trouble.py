"""A database that is full, gone, read-only or damaged: a clear error, nothing half-kept, and on again afterwards."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from domain.access import AccessContext
from records.audit import AuditLedger
from records.database import Database
from records.errors import DatabaseUnavailable, Unstorable
from records.studies import StudyRecord, StudyRecords
from tests.postgres import Cluster, programs, running
from tests.records.drafts import HandClock


def note(session: Session, words: str = "x") -> None:
    statement = text(
        'INSERT INTO audit_events ("when", "user", action, patient, object_type, object_id, outcome, detail) '
        "VALUES ('2026-01-01 00:00:00', 'u', 'a', '', '', '', 'ok', :words)"
    )
    session.execute(statement, {"words": words})


def noted(database: Database) -> int:
    return int(database.transact_now(lambda s: s.execute(text("SELECT count(*) FROM audit_events")).scalar_one()))


def test_a_full_disk_is_told_and_leaves_nothing_half_done(sqlite_url: str) -> None:
    database = Database(sqlite_url)

    def fill(session: Session) -> None:
        pages = session.execute(text("PRAGMA page_count")).scalar_one()
        session.execute(text(f"PRAGMA max_page_count = {pages}"))
        note(session)
        note(session, "y" * 400_000)

    with pytest.raises(DatabaseUnavailable, match="disk of the database is full") as full:
        database.transact_now(fill)
    assert "Make room" in full.value.remedy
    assert "yyy" not in f"{full.value}{full.value.__cause__}", "values of a statement are not for logs"
    assert noted(database) == 0
    database.transact_now(lambda s: s.execute(text("PRAGMA max_page_count = 1000000")))
    database.transact_now(lambda s: note(s, "y" * 400_000))
    assert noted(database) == 1
    database.close()


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "records.db").write_bytes(b"something else, and long enough to be read as a header" * 40)
    database = Database(f"sqlite:///{tmp_path / 'records.db'}")
    with pytest.raises(DatabaseUnavailable, match="damaged, or is none"):
        database.upgrade()
    database.close()


def test_a_statement_that_is_wrong_is_nobody_elses_fault(database: Database) -> None:
    with pytest.raises(DBAPIError):
        database.transact_now(lambda s: s.execute(text("SELECT nothing FROM nowhere")))


@pytest.mark.peer("postgresql")
@pytest.mark.parametrize("uid", ["1.2\x00", "1" * 200])
async def test_a_value_that_cannot_be_stored_is_refused(postgres_url: str, uid: str) -> None:
    database = Database(postgres_url)
    audit = AuditLedger(database, HandClock(), b"a key for tests")
    studies = StudyRecords(audit, HandClock())
    record = StudyRecord(uid, "|P", "P", "CT" * 99, "", "", None, "", "1.2", (), ())
    with pytest.raises(Unstorable):
        await studies.put(AccessContext("reader", None), record)
    if "\x00" in uid:
        with pytest.raises(Unstorable):
            await studies.access("reader", uid)
    assert await studies.list(AccessContext("reader", None)) == ()
    await studies.put(AccessContext("reader", None), replace(record, study_uid="1.2"))
    database.close()


@pytest.fixture(scope="module")
def server(postgres: Cluster) -> Iterator[Cluster]:
    """`postgres` skips where there is none; this one may be stopped."""
    binaries = programs()
    assert binaries is not None
    with running(binaries) as cluster:
        yield cluster


@pytest.mark.peer("postgresql")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["restart", "crash"])
def test_work_goes_on_when_the_server_is_back(server: Cluster, how: signal.Signals) -> None:
    database = Database(server.url(server.create()))
    database.upgrade()
    database.transact_now(note)
    began, gone = threading.Event(), threading.Event()
    runs = []

    def work(session: Session) -> None:
        runs.append(len(runs))
        note(session)
        began.set()
        gone.wait(20)
        note(session)

    worker = threading.Thread(target=database.transact_now, args=(work,))
    worker.start()
    began.wait(20)
    server.stop(how)
    gone.set()
    time.sleep(0.2)
    server.start()
    worker.join(20)
    assert noted(database) == 3, "what was under way was undone, and done again as a whole"
    assert len(runs) >= 2
    database.close()


@pytest.mark.peer("postgresql")
async def test_a_server_that_does_not_come_back_is_told(server: Cluster) -> None:
    database = Database(server.url(server.create()), patience_s=0.3)
    database.upgrade()
    database.transact_now(note)
    server.stop()
    try:
        with pytest.raises(DatabaseUnavailable, match="does not answer") as gone:
            database.transact_now(note)
        with pytest.raises(SQLAlchemyError):
            await database.ping()
        assert str(server.port) not in str(gone.value)
        started = Database(server.url())
        begun = time.monotonic()
        with pytest.raises(DatabaseUnavailable):
            started.upgrade()
        with pytest.raises(DatabaseUnavailable):
            started.transact_now(note)
        assert time.monotonic() - begun < 20, "who never had an answer does not wait for one"
    finally:
        server.start()
    assert noted(database) == 1
    database.close()
    started.close()
