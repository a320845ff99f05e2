"""The ledger: one transaction with the access, refusals too, never changed, no identity in it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from domain.access import AccessContext
from domain.errors import PatientLockViolation, StudyNotFound
from records.audit import Attempt, AuditLedger, pseudonym_key
from records.database import Database
from records.studies import StudyRecords
from tests.records.test_studies import study

LOCAL = AccessContext("local", None)


async def outcomes(audit: AuditLedger) -> list[tuple[str, str, str]]:
    return [(e.action, e.outcome, e.detail) for e in await audit.list(LOCAL, limit=1000)]


async def test_a_refused_access_is_recorded_and_the_work_undone(audit: AuditLedger, studies: StudyRecords) -> None:
    await studies.put(LOCAL, study())
    with pytest.raises(PatientLockViolation):
        await studies.get(AccessContext("local", "|other"), "1.2")
    with pytest.raises(StudyNotFound):
        await studies.get(LOCAL, "9.9")
    assert await outcomes(audit) == [
        ("study.store", "ok", ""),
        ("study.read", "refused", "PatientLockViolation"),
        ("study.read", "not_found", "StudyNotFound"),
    ]


async def test_when_the_event_cannot_be_written_the_access_does_not_happen(
    database: Database, audit: AuditLedger, studies: StudyRecords
) -> None:
    database.transact_now(lambda session: session.execute(text("ALTER TABLE audit_events RENAME TO elsewhere")))
    with pytest.raises(Exception, match="audit_events"):
        await studies.put(LOCAL, study())
    assert database.transact_now(lambda session: session.execute(text("SELECT count(*) FROM studies")).scalar()) == 0


@pytest.mark.parametrize("change", ["UPDATE audit_events SET outcome = 'ok'", "DELETE FROM audit_events"])
async def test_the_ledger_is_append_only(database: Database, audit: AuditLedger, change: str) -> None:
    await audit.note(LOCAL, Attempt("x", "test"))
    with pytest.raises(DBAPIError, match="append-only"):
        database.transact_now(lambda session: session.execute(text(change)))
    assert [action for action, *_ in await outcomes(audit)] == ["x"]


async def test_patients_are_keyed_pseudonyms(audit: AuditLedger, database: Database, studies: StudyRecords) -> None:
    await studies.put(LOCAL, study())
    await studies.get(AccessContext("local", "|P-SECRET"), "1.2")
    read = (await audit.list(LOCAL))[-1]
    assert "SECRET" not in repr(read)
    assert read.patient == audit.pseudonym("|P-SECRET") != audit.pseudonym("|P2")
    assert read.patient != AuditLedger(database, None, b"another key").pseudonym("|P-SECRET")


async def test_pages_follow_each_other(audit: AuditLedger) -> None:
    for k in range(5):
        await audit.note(LOCAL, Attempt(f"n{k}", "test"))
    first = await audit.list(LOCAL, limit=3)
    rest = await audit.list(LOCAL, after=first[-1].seq, limit=2)
    assert [e.action for e in (*first, *rest)] == ["n0", "n1", "n2", "n3", "n4"]


def test_the_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "audit.key"
    key = pseudonym_key(path)
    assert (len(key), pseudonym_key(path)) == (32, key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["audit.key"]
