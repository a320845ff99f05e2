"""A patient's uploaded history: behind the lock, audited, the same on reading back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from domain.access import AccessContext
from domain.errors import HistoryUnavailable, PatientLockViolation
from domain.history import DocumentKind, HistoryDocument, ReadHistory
from records.audit import AuditLedger
from records.database import Database
from records.history import AuditedHistory, CombinedHistory, DocumentNotFound, HistoryFull, HistoryRecords
from records.tables import AuditRow
from tests.api.engine import TickingClock

MINE = AccessContext("tester", "|P1")
THEIRS = AccessContext("tester", "|P2")
NOBODY = AccessContext("tester", None)
NAMELESS = AccessContext("tester", "Clinic|")


def document(number: int = 1, dated: date | None = date(2020, 5, 6), text: str = "As written.\n") -> HistoryDocument:
    return HistoryDocument(f"d{number}", DocumentKind.NOTE, f"Note {number}", text, dated, "upload")


@pytest.fixture
def history(audit: AuditLedger) -> HistoryRecords:
    return HistoryRecords(audit, TickingClock())


def events(database: Database) -> list[tuple[str, str, str, str]]:
    rows = database.transact_now(lambda session: session.scalars(select(AuditRow).order_by(AuditRow.seq)).all())
    return [(r.action, r.object_id, r.outcome, r.detail) for r in rows]


async def test_documents_come_back_as_they_went_oldest_first_undated_last(history: HistoryRecords) -> None:
    sent = [document(1, date(2021, 1, 1)), document(2, None), document(3, date(2019, 1, 1))]
    await history.add(MINE, sent)
    assert list(await history.documents(MINE)) == [sent[2], sent[0], sent[1]]
    assert await history.get(MINE, "d3") == sent[2]


async def test_a_patient_sees_their_own_only(history: HistoryRecords) -> None:
    await history.add(MINE, [document(1)])
    await history.add(THEIRS, [document(1, text="Another patient's.")])
    assert list(await history.documents(MINE)) == [document(1)]
    await history.remove(THEIRS, "d1")
    assert list(await history.documents(MINE)) == [document(1)]
    with pytest.raises(DocumentNotFound):
        await history.get(THEIRS, "d1")


@pytest.mark.parametrize(
    ("access", "error"), [(NOBODY, PatientLockViolation), (NAMELESS, HistoryUnavailable)], ids=["unbound", "nameless"]
)
async def test_work_without_a_patient_reads_and_keeps_nothing(
    history: HistoryRecords, access: AccessContext, error: type[Exception]
) -> None:
    for attempt in (
        history.add(access, [document()]),
        history.documents(access),
        history.get(access, "d1"),
        history.remove(access, "d1"),
    ):
        with pytest.raises(error):
            await attempt


async def test_a_document_sent_again_takes_the_place_of_the_first(history: HistoryRecords) -> None:
    await history.add(MINE, [document(1), document(2)])
    await history.add(MINE, [document(1, text="Corrected.")])
    assert {d.document_id: d.text for d in await history.documents(MINE)} == {"d1": "Corrected.", "d2": "As written.\n"}


async def test_what_was_removed_is_gone(history: HistoryRecords) -> None:
    await history.add(MINE, [document()])
    await history.remove(MINE, "d1")
    assert list(await history.documents(MINE)) == []
    with pytest.raises(DocumentNotFound):
        await history.remove(MINE, "d1")


async def test_every_call_is_in_the_ledger_without_text(history: HistoryRecords, database: Database) -> None:
    await history.add(MINE, [document(), document(2)])
    await history.documents(MINE)
    with pytest.raises(DocumentNotFound):
        await history.get(MINE, "d9")
    await history.remove(MINE, "d1")
    assert events(database) == [
        ("history.store", "", "ok", "2 documents"),
        ("history.read", "", "ok", ""),
        ("history.read", "d9", "not_found", "DocumentNotFound"),
        ("history.remove", "d1", "ok", ""),
    ]


async def test_all_of_an_upload_is_kept_or_nothing(
    history: HistoryRecords, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    monkeypatch.setattr("records.history.MOST_DOCUMENTS", 2)
    await history.add(MINE, [document(1)])
    with pytest.raises(HistoryFull):
        await history.add(MINE, [document(2), document(3)])
    assert [d.document_id for d in await history.documents(MINE)] == ["d1"]
    assert ("history.store", "", "refused", "HistoryFull") in events(database)


async def test_a_document_of_any_length_is_not_kept(history: HistoryRecords) -> None:
    with pytest.raises(HistoryFull):
        await history.add(MINE, [document(text="x" * 500_001)])


async def test_characters_that_no_database_takes_are_replaced(history: HistoryRecords) -> None:
    await history.add(MINE, [document(text="a\0b\ud800c")])
    assert (await history.get(MINE, "d1")).text == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"


class Source:
    """A history kept elsewhere."""

    def __init__(self, answer: Sequence[HistoryDocument] | Exception) -> None:
        self.answer = answer
        self.asked: list[AccessContext] = []

    async def documents(self, access: AccessContext) -> Sequence[HistoryDocument]:
        self.asked.append(access)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def test_reading_elsewhere_is_in_the_ledger_before_anything_is_handed_out(
    audit: AuditLedger, database: Database
) -> None:
    source = Source(ReadHistory([document()], ["Something lacks."]))
    read = await AuditedHistory(source, audit, "FHIR").documents(MINE)
    assert list(read) == [document()]
    assert isinstance(read, ReadHistory)
    assert read.warnings == ("Something lacks.",)
    assert events(database) == [("history.read", "FHIR", "ok", "1 documents")]


async def test_without_a_ledger_nothing_is_handed_out(audit: AuditLedger, database: Database) -> None:
    AuditRow.__table__.drop(database.engine)  # type: ignore[attr-defined]
    with pytest.raises(Exception, match="audit_events"):
        await AuditedHistory(Source([document()]), audit, "FHIR").documents(MINE)


async def test_a_source_that_fails_is_in_the_ledger(audit: AuditLedger, database: Database) -> None:
    with pytest.raises(HistoryUnavailable):
        await AuditedHistory(Source(HistoryUnavailable("Down.")), audit, "FHIR").documents(MINE)
    assert events(database) == [("history.read", "FHIR", "failed", "HistoryUnavailable")]


@pytest.mark.parametrize("access", [NOBODY, NAMELESS], ids=["unbound", "nameless"])
async def test_a_source_is_asked_for_a_patient_only(audit: AuditLedger, access: AccessContext) -> None:
    source = Source([document()])
    with pytest.raises((PatientLockViolation, HistoryUnavailable)):
        await AuditedHistory(source, audit, "FHIR").documents(access)
    assert source.asked == []


async def test_sources_together_are_one_history_oldest_first(history: HistoryRecords) -> None:
    await history.add(MINE, [document(1, date(2020, 1, 1))])
    elsewhere = Source([replace(document(2, date(2010, 1, 1)), source="FHIR Condition/2")])
    read = await CombinedHistory([history, elsewhere]).documents(MINE)
    assert [d.document_id for d in read] == ["d2", "d1"]


async def test_a_silent_source_is_a_warning_while_another_answers(history: HistoryRecords) -> None:
    down = Source(HistoryUnavailable("The FHIR server answers 503."))
    await history.add(MINE, [document()])
    read = await CombinedHistory([history, down]).documents(MINE)
    assert list(read) == [document()]
    assert isinstance(read, ReadHistory)
    assert read.warnings == ("A source of the history was not read: The FHIR server answers 503.",)
    with pytest.raises(HistoryUnavailable):
        await CombinedHistory([down, down]).documents(MINE)


async def test_a_lock_is_no_silence(history: HistoryRecords) -> None:
    with pytest.raises(PatientLockViolation):
        await CombinedHistory([history, Source([])]).documents(NOBODY)
