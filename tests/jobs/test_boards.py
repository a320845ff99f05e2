"""Boards that go on: everybody is told the same, a run hears people, stops at once, and a restart loses no word."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from api.services import Services
from domain.access import AccessContext
from domain.board import AuthorKind, BoardMessage, BoardState, Claim, Source
from domain.errors import BoardClosed, BoardNotFound, HistoryUnavailable, PatientLockViolation, TransitionRefused
from domain.history import DocumentKind, HistoryDocument, ReadHistory
from jobs import boards as module
from jobs.board_case import CaseReader
from jobs.board_events import LIFE, BoardEventKind, EventLog
from jobs.board_run import addressed
from jobs.boards import BoardRooms
from jobs.compute import ThreadCompute
from records.boards import BoardRecords, MessageNotFound
from tests.api.engine import TickingClock, build_services, ct_slice
from tests.jobs.board_team import AnsweringTeam

STUDY = "1.2.826.1"
MINE = AccessContext("radiologist", "|P1")
COLLEAGUE = AccessContext("oncologist", "|P1")
OTHERS = AccessContext("radiologist", "|P2")


class Place:
    """One server after another over the same records."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.ids = (f"id{k}" for k in itertools.count(1))
        self.team = AnsweringTeam()
        self.rooms = self.server()

    def server(self) -> BoardRooms:
        clock = TickingClock()
        return BoardRooms(
            boards=BoardRecords(self.services.audit, clock),
            team=self.team,
            case=CaseReader(None, ThreadCompute()),
            audit=self.services.audit,
            clock=clock,
            new_id=lambda: next(self.ids),
        )


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    services, _ = build_services(tmp_path)
    (tmp_path / "a.dcm").write_bytes(ct_slice())
    await services.intake.admit(services.nobody, [tmp_path / "a.dcm"])
    place = Place(services)
    yield place
    await place.rooms.aclose()
    for close in services.shutdown:
        await close()


@pytest.fixture
def rooms(place: Place) -> BoardRooms:
    return place.rooms


async def opened(rooms: BoardRooms, question: str = "How large?") -> str:
    return (await rooms.open(MINE, "Lung", (STUDY,), question)).board_id


async def is_open(rooms: BoardRooms, board: str) -> None:
    async with asyncio.timeout(5):
        while await rooms.state(MINE, board) is not BoardState.OPEN:
            await asyncio.sleep(0.002)


async def texts(rooms: BoardRooms, board: str) -> list[tuple[str, str]]:
    _, messages, _ = await rooms.get(MINE, board)
    return [(m.author, m.text) for m in messages]


async def until_closed(rooms: BoardRooms, board: str, after: int = 0, who: AccessContext = MINE) -> list[Any]:
    return [(number, e.kind.value, e.data) async for number, e in rooms.events(who, board, after)]


async def test_a_run_tells_its_steps_and_its_words_and_ends_open(place: Place, rooms: BoardRooms) -> None:
    board = await opened(rooms)
    follower = asyncio.create_task(until_closed(rooms, board))
    await asyncio.sleep(0.01)
    assert (await rooms.start(MINE, board)).state is BoardState.RUNNING
    await is_open(rooms, board)
    await rooms.close(MINE, board)
    kinds = [kind for _, kind, _ in await follower]
    assert kinds == [
        "state", "presence", "state", "step_started", "step_finished", "message", "state", "state",
    ]  # fmt: skip
    assert place.team.sessions[0].access == MINE
    assert await texts(rooms, board) == [("chair", "We look at: How large?")]


async def test_the_question_of_a_run_is_said_and_takes_the_boards_place(place: Place, rooms: BoardRooms) -> None:
    board = await opened(rooms)
    await rooms.start(COLLEAGUE, board, "Is there a pleural effusion?")
    await is_open(rooms, board)
    assert await texts(rooms, board) == [
        ("oncologist", "Is there a pleural effusion?"),
        ("chair", "We look at: Is there a pleural effusion?"),
    ]
    assert [m.author for m in place.team.sessions[0].messages] == ["oncologist"]
    assert (await rooms.get(MINE, board))[0].question == "How large?"


async def test_a_message_during_a_run_is_heard_and_answered(rooms: BoardRooms, place: Place) -> None:
    board = await opened(rooms, "wait, once")
    await rooms.start(MINE, board)
    await place.team.began.wait()
    asked = await rooms.say(COLLEAGUE, board, "@history what was given?")
    await is_open(rooms, board)
    _, messages, _ = await rooms.get(MINE, board)
    assert [(m.author, m.kind, m.reply_to) for m in messages][1:] == [
        ("oncologist", AuthorKind.PERSON, ""),
        ("history", AuthorKind.AGENT, asked.message_id),
    ]
    assert len(place.team.sessions) == 1


async def test_naming_an_agent_starts_a_run_and_a_plain_remark_does_not(rooms: BoardRooms, place: Place) -> None:
    board = await opened(rooms)
    await rooms.say(MINE, board, "I think of imaging.")
    assert await rooms.state(MINE, board) is BoardState.OPEN
    assert place.team.sessions == []
    await rooms.say(MINE, board, "@imaging how large?")
    await is_open(rooms, board)
    assert (await texts(rooms, board))[-1] == ("imaging", "Answer to @imaging how large?")
    assert len(place.team.sessions) == 1


async def test_an_agent_that_is_named_when_a_run_has_just_ended_still_answers(
    rooms: BoardRooms, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = await opened(rooms)
    deaf = place.team.answer

    async def leave(tell: object, inbox: object) -> int:
        monkeypatch.setattr(place.team, "answer", deaf)
        await rooms.say(COLLEAGUE, board, "@imaging how large?")
        return 0

    monkeypatch.setattr(place.team, "answer", leave)
    await rooms.start(MINE, board)
    async with asyncio.timeout(5):
        while ("imaging", "Answer to @imaging how large?") not in await texts(rooms, board):
            await asyncio.sleep(0.002)
    await is_open(rooms, board)
    assert [s.access.user for s in place.team.sessions] == ["radiologist", "oncologist"]


@pytest.mark.parametrize("question", ["wait", "wait, deaf"], ids=["asked", "cancelled"])
async def test_stop_ends_a_run_within_moments_and_keeps_what_was_said(
    rooms: BoardRooms, place: Place, question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.board_run.GRACE_S", 0.05)
    board = await opened(rooms, question)
    await rooms.start(MINE, board)
    await place.team.began.wait()
    stopped = await asyncio.wait_for(rooms.stop(COLLEAGUE, board), 1)
    assert stopped.state is BoardState.OPEN
    assert place.team.cancelled == ("deaf" in question)
    assert await texts(rooms, board) == [("chair", f"We look at: {question}")]
    assert (await rooms.stop(MINE, board)).state is BoardState.OPEN
    events = await place.services.audit.list(place.services.nobody, limit=1000)
    assert [(e.user, e.outcome) for e in events if e.action == "board.stop"] == [("oncologist", "ok")]


async def test_one_run_at_a_time(rooms: BoardRooms, place: Place) -> None:
    board = await opened(rooms, "wait")
    await rooms.start(MINE, board)
    with pytest.raises(TransitionRefused):
        await rooms.start(COLLEAGUE, board, "Another question?")
    await rooms.stop(MINE, board)
    assert len(place.team.sessions) == 1
    assert "Another question?" not in str(await texts(rooms, board))


async def test_closing_ends_the_run_the_streams_and_the_board(rooms: BoardRooms, place: Place) -> None:
    board = await opened(rooms, "wait")
    follower = asyncio.create_task(until_closed(rooms, board))
    await rooms.start(MINE, board)
    await place.team.began.wait()
    assert (await rooms.close(COLLEAGUE, board)).state is BoardState.CLOSED
    events = await asyncio.wait_for(follower, 1)
    assert events[-1][1:] == ("state", {"state": "closed"})
    assert "failed" not in {kind for _, kind, _ in events}
    for attempt in (
        rooms.say(MINE, board, "Late."),
        rooms.say(MINE, board, "@imaging late?"),
        rooms.start(MINE, board),
        rooms.join(COLLEAGUE, board),
        rooms.look(MINE, board, STUDY, "1", 0),
        rooms.close(MINE, board),
    ):
        with pytest.raises(BoardClosed):
            await attempt
    assert await until_closed(rooms, board, events[-1][0]) == []


async def test_a_failure_is_told_with_its_remedy_and_an_unforeseen_one_without_its_words(
    rooms: BoardRooms, caplog: pytest.LogCaptureFixture
) -> None:
    board = await opened(rooms)
    await rooms.start(MINE, board, "unavailable")
    await is_open(rooms, board)
    await rooms.start(MINE, board, "explode")
    await is_open(rooms, board)
    await rooms.close(MINE, board)
    failed = [data for _, kind, data in await until_closed(rooms, board) if kind == "failed"]
    assert failed[0] == {"reason": "No model for that.", "remedy": "Configure one."}
    assert "reference" in failed[1]["remedy"]
    assert "Secret" not in str(failed) + caplog.text


async def test_an_agent_cannot_speak_as_a_person(
    rooms: BoardRooms, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def as_person(agent: str, text: str, source: Source, reply_to: str = "") -> BoardMessage:
        claim = Claim("Decision: operate.", (source,))
        return BoardMessage("forged", MINE.user, AuthorKind.PERSON, datetime(2026, 1, 2, tzinfo=UTC), (claim,))

    monkeypatch.setattr(place.team, "message", as_person)
    board = await opened(rooms)
    await rooms.start(MINE, board)
    await is_open(rooms, board)
    assert await texts(rooms, board) == []
    await rooms.close(MINE, board)
    assert "failed" in {kind for _, kind, _ in await until_closed(rooms, board)}


async def test_every_follower_sees_the_same_numbers_and_a_late_one_resumes(rooms: BoardRooms, place: Place) -> None:
    board = await opened(rooms, "wait, once")
    first = asyncio.create_task(until_closed(rooms, board))
    second = asyncio.create_task(until_closed(rooms, board, who=COLLEAGUE))
    await asyncio.sleep(0.02)
    await rooms.say(MINE, board, "Hello.")
    await rooms.start(MINE, board)
    await place.team.began.wait()
    _, _, half = await rooms.get(MINE, board)
    await rooms.say(COLLEAGUE, board, "@report summarise")
    await is_open(rooms, board)
    late = asyncio.create_task(until_closed(rooms, board, half))
    await asyncio.sleep(0.02)
    await rooms.close(MINE, board)
    one, other, resumed = await first, await second, await late
    numbers = [number for number, _, _ in one]
    assert numbers == sorted(set(numbers))
    begun = next(number for number, kind, _ in one if kind == "message")
    assert [e for e in one if e[0] >= begun] == [e for e in other if e[0] >= begun]
    after = [e for e in one if e[0] > half]
    assert [e for e in resumed if e[1] == "message"] == [e for e in after if e[1] == "message"]
    assert all(number > half for number, _, _ in resumed)


async def test_what_is_read_ends_where_following_goes_on(rooms: BoardRooms) -> None:
    board = await opened(rooms)
    saying = [asyncio.create_task(rooms.say(MINE, board, f"{k}")) for k in range(20)]
    _, read, last = await rooms.get(MINE, board)
    await asyncio.gather(*saying)
    _, every, _ = await rooms.get(MINE, board)
    await rooms.close(MINE, board)
    told = [data["message_id"] for _, kind, data in await until_closed(rooms, board, last) if kind == "message"]
    assert [m.message_id for m in read] + told == [m.message_id for m in every]
    assert len(every) == 20


async def test_who_comes_and_goes_is_told(rooms: BoardRooms) -> None:
    board = await opened(rooms)
    follower = asyncio.create_task(until_closed(rooms, board))
    await asyncio.sleep(0.02)
    guest = asyncio.create_task(until_closed(rooms, board, who=COLLEAGUE))
    await asyncio.sleep(0.02)
    await rooms.join(COLLEAGUE, board)
    await asyncio.sleep(0.02)
    guest.cancel()
    await asyncio.gather(guest, return_exceptions=True)
    await asyncio.sleep(0.02)
    await rooms.close(MINE, board)
    seen = [(data["members"], data["here"]) for _, kind, data in await follower if kind == "presence"]
    assert seen == [
        (["radiologist"], ["radiologist"]),
        (["radiologist"], ["oncologist", "radiologist"]),
        (["radiologist", "oncologist"], ["oncologist", "radiologist"]),
        (["radiologist", "oncologist"], ["radiologist"]),
    ]


async def test_the_shared_view_is_the_latest_and_only_of_the_boards_studies(rooms: BoardRooms, place: Place) -> None:
    board = await opened(rooms)
    for index in range(5):
        await rooms.look(COLLEAGUE, board, STUDY, f"{STUDY}.1", index)
    with pytest.raises(PatientLockViolation):
        await rooms.look(COLLEAGUE, board, "9.9", "9.9.1", 0)
    await rooms.close(MINE, board)
    views = [data for _, kind, data in await until_closed(rooms, board) if kind == "view"]
    assert views == [{"study_uid": STUDY, "series": f"{STUDY}.1", "slice": 4, "user": "oncologist", "seat": ""}]
    events = await place.services.audit.list(place.services.nobody, limit=1000)
    assert [e.outcome for e in events if e.action == "board.view"] == ["refused"]


async def test_after_a_restart_the_board_is_open_its_words_are_there_and_numbers_go_on(
    rooms: BoardRooms, place: Place
) -> None:
    board = await opened(rooms, "wait")
    await rooms.start(MINE, board)
    await place.team.began.wait()
    await rooms.say(MINE, board, "Before.")
    _, _, last = await rooms.get(MINE, board)
    later = place.server()  # the first one never said goodbye
    assert [b.state for b in await later.of_study(MINE, STUDY)] == [BoardState.OPEN]
    assert await later.state(MINE, board) is BoardState.OPEN
    assert [text for _, text in await texts(later, board)] == ["We look at: wait", "Before."]
    await later.say(MINE, board, "After.")
    await later.close(MINE, board)
    events = await until_closed(later, board, last)
    assert [d["claims"][0]["text"] for _, kind, d in events if kind == "message"][-2:] == ["Before.", "After."]
    assert min(number for number, _, _ in events) > LIFE > last


async def test_a_board_that_nobody_follows_is_forgotten_and_found_again(
    rooms: BoardRooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEEP", 2)
    boards = [await opened(rooms, "wait") for _ in range(4)]
    await rooms.start(MINE, boards[0])
    for board in boards[1:]:
        await rooms.say(MINE, board, board)
    assert await rooms.state(MINE, boards[0]) is BoardState.RUNNING
    assert await texts(rooms, boards[1]) == [("radiologist", boards[1])]
    assert (await rooms.get(MINE, boards[1]))[2] > LIFE


async def test_another_patient_reaches_nothing_and_that_is_audited(rooms: BoardRooms, place: Place) -> None:
    board = await opened(rooms)
    await rooms.state(MINE, board)
    with pytest.raises(PatientLockViolation):
        await until_closed(rooms, board, who=OTHERS)
    for attempt in (
        rooms.get(OTHERS, board),
        rooms.case(OTHERS, board),
        rooms.say(OTHERS, board, "x"),
        rooms.start(OTHERS, board),
        rooms.stop(OTHERS, board),
        rooms.close(OTHERS, board),
        rooms.look(OTHERS, board, STUDY, "1", 0),
    ):
        with pytest.raises(PatientLockViolation):
            await attempt
    with pytest.raises(BoardNotFound):
        await rooms.get(MINE, "none")
    events = await place.services.audit.list(place.services.nobody, limit=1000)
    assert [e.action for e in events if e.outcome == "refused"] == ["board.enter"] * 8


async def test_an_answer_to_nothing_is_not_said(rooms: BoardRooms) -> None:
    board = await opened(rooms)
    with pytest.raises(MessageNotFound):
        await rooms.say(MINE, board, "Yes.", reply_to="nothing")
    assert (await rooms.get(MINE, board))[1] == ()


async def test_shutting_down_ends_runs_and_streams(rooms: BoardRooms, place: Place) -> None:
    board = await opened(rooms, "wait")
    follower = asyncio.create_task(until_closed(rooms, board))
    await rooms.start(MINE, board)
    await place.team.began.wait()
    await asyncio.wait_for(rooms.aclose(), 2)
    await asyncio.wait_for(follower, 1)
    record = await BoardRecords(place.services.audit, TickingClock()).get(MINE, board)
    assert record.state is BoardState.OPEN


@pytest.mark.parametrize(
    ("text", "agent"),
    [
        ("@imaging how large?", "imaging"),
        ("  @History: what was given", "history"),
        ("@chair", "chair"),
        ("@imagingx how", ""),
        ("ask @imaging", ""),
        ("imaging, please", ""),
        ("@surgeon", ""),
        ("", ""),
    ],
)
def test_who_is_addressed(text: str, agent: str) -> None:
    assert addressed(text) == agent


async def test_a_log_keeps_messages_and_lets_the_oldest_steps_go() -> None:
    log = EventLog(life=1, most=2)
    log.put(BoardEventKind.MESSAGE, {"n": 0})
    for n in range(5):
        log.put(BoardEventKind.STEP_STARTED, {"n": n})
        log.put(BoardEventKind.STATE, {"n": n})
    log.put(BoardEventKind.MESSAGE, {"n": 9})
    log.end()
    log.put(BoardEventKind.MESSAGE, {"n": 10})
    kept = [(number - LIFE, e.kind.value, e.data["n"]) async for number, e in log.follow(0)]
    assert kept == [
        (1, "message", 0),
        (8, "step_started", 3),
        (10, "step_started", 4),
        (11, "state", 4),
        (12, "message", 9),
    ]
    assert [number async for number, _ in log.follow(LIFE + 10)] == [LIFE + 11, LIFE + 12]
    assert len([n async for n, _ in log.follow(LIFE * 7)]) == 5


class Notes:
    """A history of two notes that do not agree, or one that does not answer."""

    def __init__(self, *, answers: bool = True) -> None:
        self.answers = answers

    async def documents(self, access: AccessContext) -> ReadHistory:
        if not self.answers:
            raise HistoryUnavailable("The source does not answer.")
        kind = DocumentKind.NOTE
        documents = [
            HistoryDocument("n1", kind, "Note", "He never smoked. CT on 2020-03-01: lesion.", date(2020, 3, 2)),
            HistoryDocument("n2", kind, "Note", "Current smoker, 20 pack years.", date(2020, 3, 5)),
        ]
        return ReadHistory(documents, ["One page was not read."])


async def test_the_case_is_read_from_the_history(rooms: BoardRooms) -> None:
    case = await CaseReader(Notes(), ThreadCompute()).read(MINE)
    assert case.timeline
    assert {s.document_id for c in case.contradictions for s in c.statements} == {"n1", "n2"}
    assert case.warnings == ("One page was not read.",)


@pytest.mark.parametrize("history", [None, Notes(answers=False)], ids=["none", "silent"])
async def test_without_a_history_the_case_says_so(history: Notes | None) -> None:
    case = await CaseReader(history, ThreadCompute()).read(MINE)
    assert (case.timeline, case.contradictions, len(case.warnings)) == ((), (), 1)
