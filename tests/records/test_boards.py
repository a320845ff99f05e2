"""Boards on record: one patient's, nothing after the end, nothing lost, each change in the ledger."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from domain.access import AccessContext
from domain.board import AuthorKind, BoardMessage, Boards, BoardState, Claim, Source
from domain.errors import BoardClosed, BoardNotFound, PatientLockViolation, StudyNotFound
from records import boards as module
from records.audit import AuditLedger
from records.boards import BoardFull, BoardRecords, MessageNotFound, MessageRefused
from records.database import Database
from records.studies import StudyRecords
from tests.api.engine import TickingClock
from tests.records.test_studies import study

MINE = AccessContext("radiologist", "|P-SECRET")
COLLEAGUE = AccessContext("oncologist", "|P-SECRET")
OTHERS = AccessContext("radiologist", "|P2")
NOBODY = AccessContext("radiologist", None)
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
async def boards(audit: AuditLedger, studies: StudyRecords) -> BoardRecords:
    await studies.put(NOBODY, study())
    await studies.put(NOBODY, replace(study(), study_uid="1.3"))
    await studies.put(NOBODY, replace(study(), study_uid="2.2", patient_key="|P2", patient_id="P2"))
    records = BoardRecords(audit, TickingClock())
    await records.open(MINE, "b1", "Lung, second opinion", ["1.2", "1.3", "1.2"], "Is it larger?")
    return records


def person(number: int, said: str = "As I see it.", reply_to: str = "") -> BoardMessage:
    claim = Claim(said, (Source("person", f"m{number}"),))
    return BoardMessage(f"m{number}", MINE.user, AuthorKind.PERSON, AT, (claim,), reply_to)


def agent(number: int, reply_to: str = "") -> BoardMessage:
    claims = (
        Claim("The lesion measures 34 mm.", (Source("step", "a1/s3"), Source("document", "d1", "34 mm"))),
        Claim("It grew.", (Source("step", "a1/s4"),)),
    )
    return BoardMessage(f"m{number}", "imaging", AuthorKind.AGENT, AT, claims, reply_to)


async def last_events(audit: AuditLedger, count: int) -> list[tuple[str, str, str]]:
    events = await audit.list(NOBODY, limit=1000)
    return [(e.user, e.action, e.outcome) for e in events][-count:]


def test_it_is_the_port(boards: BoardRecords) -> None:
    port: Boards = boards
    assert port is boards


async def test_a_board_is_what_was_opened(boards: BoardRecords) -> None:
    board = await boards.get(MINE, "b1")
    assert (board.title, board.question, board.state) == ("Lung, second opinion", "Is it larger?", BoardState.OPEN)
    assert (board.study_uids, board.members) == (("1.2", "1.3"), ("radiologist",))
    assert await boards.access("oncologist", "b1") == COLLEAGUE


@pytest.mark.parametrize("uids", [["1.2", "2.2"], ["2.2", "1.2"], ["2.2"]], ids=["second", "first", "only"])
async def test_a_study_of_another_patient_makes_no_board(
    boards: BoardRecords, audit: AuditLedger, uids: list[str]
) -> None:
    with pytest.raises(PatientLockViolation):
        await boards.open(MINE, "b2", "t", uids, "")
    with pytest.raises(BoardNotFound):
        await boards.get(MINE, "b2")
    assert ("radiologist", "board.open", "refused") in await last_events(audit, 3)


async def test_studies_that_name_no_patient_are_not_put_together(boards: BoardRecords, studies: StudyRecords) -> None:
    nameless = AccessContext("radiologist", "|")
    for uid in ("9.1", "9.2"):
        await studies.put(NOBODY, replace(study(), study_uid=uid, patient_key="|", patient_id=""))
    with pytest.raises(PatientLockViolation, match="name no patient"):
        await boards.open(nameless, "b2", "t", ["9.1", "9.2"], "")
    assert (await boards.open(nameless, "b3", "t", ["9.1"], "")).study_uids == ("9.1",)


@pytest.mark.parametrize("uids", [[], ["1.2", "7.7"]], ids=["none", "unknown"])
async def test_a_board_needs_studies_that_are_there(boards: BoardRecords, uids: list[str]) -> None:
    with pytest.raises(StudyNotFound):
        await boards.open(MINE, "b2", "t", uids, "")


async def test_the_patients_number_is_taken_out_of_the_title(boards: BoardRecords) -> None:
    board = await boards.open(MINE, "b2", "Case p-secret, liver", ["1.2"], "")
    assert "secret" not in board.title.lower()
    assert board.title.endswith(", liver")


async def test_nobody_reaches_another_patients_board(boards: BoardRecords, audit: AuditLedger) -> None:
    for other in (OTHERS, NOBODY):
        for attempt in (
            boards.get(other, "b1"),
            boards.join(other, "b1"),
            boards.messages(other, "b1"),
            boards.say(other, "b1", person(1)),
            boards.put_state(other, "b1", BoardState.CLOSED),
            boards.of_study(other, "1.2"),
            boards.take_up(other, "b1"),
        ):
            with pytest.raises(PatientLockViolation):
                await attempt
    assert {outcome for _, _, outcome in await last_events(audit, 14)} == {"refused"}
    assert (await boards.get(MINE, "b1")).state is BoardState.OPEN
    assert await boards.messages(MINE, "b1") == ()


async def test_messages_come_back_as_they_were_said_with_their_sources(boards: BoardRecords) -> None:
    said = (person(1), agent(2, reply_to="m1"), person(3, "Decision: biopsy.\nThen again.", reply_to="m2"))
    for message in said:
        await boards.say(MINE, "b1", message)
    assert await boards.messages(MINE, "b1") == said
    assert await boards.messages(MINE, "b1", after=2) == said[2:]
    assert await boards.messages(MINE, "b1", after=3) == ()


async def test_an_answer_needs_the_message_it_answers_on_the_same_board(boards: BoardRecords) -> None:
    await boards.open(MINE, "b2", "t", ["1.3"], "")
    await boards.say(MINE, "b2", person(1))
    with pytest.raises(MessageNotFound):
        await boards.say(MINE, "b1", person(2, reply_to="m1"))
    assert await boards.messages(MINE, "b1") == ()


@pytest.mark.parametrize(
    "message",
    [replace(agent(1), claims=(*agent(1).claims, Claim("Nobody said so."))), person(1)],
    ids=["claim-without-source", "in-anothers-name"],
)
async def test_what_rests_on_nothing_or_on_another_name_is_not_said(
    boards: BoardRecords, message: BoardMessage
) -> None:
    with pytest.raises(MessageRefused):
        await boards.say(COLLEAGUE, "b1", message)
    assert await boards.messages(MINE, "b1") == ()


async def test_who_joins_or_speaks_takes_part_once_and_an_agent_does_not(boards: BoardRecords) -> None:
    await boards.join(COLLEAGUE, "b1")
    await boards.join(COLLEAGUE, "b1")
    third = AccessContext("surgeon", "|P-SECRET")
    await boards.say(third, "b1", replace(person(1), author="surgeon"))
    await boards.say(AccessContext("fourth", "|P-SECRET"), "b1", agent(2))
    assert (await boards.get(MINE, "b1")).members == ("radiologist", "oncologist", "surgeon")


async def test_nothing_follows_on_closed_but_reading(boards: BoardRecords) -> None:
    await boards.say(MINE, "b1", person(1))
    assert (await boards.put_state(MINE, "b1", BoardState.RUNNING)).state is BoardState.RUNNING
    await boards.put_state(MINE, "b1", BoardState.CLOSED)
    for attempt in (
        boards.say(MINE, "b1", person(2)),
        boards.join(COLLEAGUE, "b1"),
        boards.put_state(MINE, "b1", BoardState.OPEN),
    ):
        with pytest.raises(BoardClosed):
            await attempt
    assert (await boards.get(COLLEAGUE, "b1")).state is BoardState.CLOSED
    assert await boards.messages(COLLEAGUE, "b1") == (person(1),)


async def test_a_run_that_a_process_left_is_over_when_the_next_one_takes_the_board_up(boards: BoardRecords) -> None:
    await boards.put_state(MINE, "b1", BoardState.RUNNING)
    taken = [await boards.take_up(MINE, "b1") for _ in range(3)]
    assert [(board.state, before) for board, before in taken] == [(BoardState.OPEN, k) for k in range(3)]
    await boards.put_state(MINE, "b1", BoardState.CLOSED)
    assert (await boards.take_up(MINE, "b1"))[0].state is BoardState.CLOSED


async def test_boards_of_a_study_come_newest_first(boards: BoardRecords) -> None:
    await boards.open(MINE, "b2", "t", ["1.3"], "")
    assert [b.board_id for b in await boards.of_study(MINE, "1.3")] == ["b2", "b1"]
    assert [b.board_id for b in await boards.of_study(MINE, "1.2")] == ["b1"]


async def test_many_speakers_at_once_lose_nothing(boards: BoardRecords) -> None:
    await asyncio.gather(*(boards.say(MINE, "b1", person(k)) for k in range(30)))
    kept = await boards.messages(MINE, "b1")
    assert {m.message_id for m in kept} == {f"m{k}" for k in range(30)}
    assert await boards.messages(MINE, "b1", after=10) == kept[10:]


async def test_characters_that_no_database_takes_do_not_stop_a_message(boards: BoardRecords) -> None:
    await boards.say(MINE, "b1", person(1, "a\x00b\ud800c"))
    assert (await boards.messages(MINE, "b1"))[0].text == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"


async def test_a_board_is_bounded(boards: BoardRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_MESSAGES", 2)
    monkeypatch.setattr(module, "MOST_MEMBERS", 1)
    await boards.say(MINE, "b1", person(1))
    await boards.say(MINE, "b1", agent(2))
    with pytest.raises(BoardFull):
        await boards.say(MINE, "b1", person(3))
    with pytest.raises(BoardFull):
        await boards.join(COLLEAGUE, "b1")


async def test_every_change_is_in_the_ledger_with_its_user_and_without_its_words(
    boards: BoardRecords, audit: AuditLedger
) -> None:
    await boards.join(COLLEAGUE, "b1")
    await boards.say(MINE, "b1", person(1, "SECRET words"))
    await boards.put_state(MINE, "b1", BoardState.RUNNING)
    await boards.put_state(COLLEAGUE, "b1", BoardState.CLOSED)
    events = await audit.list(NOBODY, limit=1000)
    assert [(e.user, e.action) for e in events if e.object_type == "board"] == [
        ("radiologist", "board.open"),
        ("oncologist", "board.join"),
        ("radiologist", "board.say"),
        ("radiologist", "board.running"),
        ("oncologist", "board.closed"),
    ]
    assert "SECRET" not in repr(events)


async def test_when_the_event_cannot_be_written_nothing_is_said(boards: BoardRecords, database: Database) -> None:
    rename = "ALTER TABLE audit_events RENAME TO elsewhere"
    database.transact_now(lambda session: session.execute(text(rename)))
    with pytest.raises(SQLAlchemyError, match="audit_events"):
        await boards.say(MINE, "b1", person(1))
    count = "SELECT count(*) FROM board_messages"
    assert database.transact_now(lambda session: session.execute(text(count)).scalar()) == 0
