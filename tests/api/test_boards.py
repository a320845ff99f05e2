"""`/boards` over the whole application: shared, numbered, bound to one patient, closed for good, with minutes."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.application import create_app
from api.services import Services
from domain.access import AccessContext
from domain.history import DocumentKind, HistoryDocument
from jobs.board_case import CaseReader
from jobs.board_events import BoardEventKind
from jobs.boards import BoardRooms
from jobs.compute import ThreadCompute
from records.boards import BoardRecords
from records.history import HistoryRecords
from tests.api.engine import TickingClock, ct_slice, limited
from tests.jobs.board_team import AnsweringTeam

BASE = "http://127.0.0.1:8000"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.fixture
def team() -> AnsweringTeam:
    return AnsweringTeam()


@pytest.fixture
async def boarded(services: Services, team: AnsweringTeam) -> AsyncIterator[Services]:
    clock = TickingClock()
    ids = (f"id{k}" for k in itertools.count(1))
    history = HistoryRecords(services.audit, clock)
    rooms = BoardRooms(
        boards=BoardRecords(services.audit, clock),
        team=team,
        case=CaseReader(history, ThreadCompute()),
        audit=services.audit,
        clock=clock,
        new_id=lambda: next(ids),
    )
    yield replace(services, boards=rooms, history=history)
    await rooms.aclose()


@pytest.fixture
def app(boarded: Services) -> FastAPI:
    return create_app(boarded)


@pytest.fixture
async def other(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A second client."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
        yield client


@pytest.fixture
async def board(client: httpx.AsyncClient, study_uid: str) -> str:
    """Address of a board whose run waits."""
    return await opened(client, study_uid, "wait")


async def opened(client: httpx.AsyncClient, study_uid: str, question: str = "") -> str:
    answer = await client.post(
        "/api/v1/boards", json={"study_uids": [study_uid], "title": "Lung, second opinion", "question": question}
    )
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


async def until_open(client: httpx.AsyncClient, board: str) -> dict[str, Any]:
    for _ in range(500):
        now: dict[str, Any] = (await client.get(board)).json()
        if now["state"] == "open":
            return now
        await asyncio.sleep(0.005)
    raise AssertionError("the run did not end")


def follow(client: httpx.AsyncClient, board: str, **asked: Any) -> asyncio.Task[str]:
    """Everything that is told until the board closes; httpx's transport hands it over at the end."""

    async def read() -> str:
        answer = await client.get(f"{board}/events", timeout=10, **asked)
        assert answer.headers["content-type"].startswith("text/event-stream")
        return answer.text

    return asyncio.create_task(read())


def events(stream: str) -> list[tuple[int, str, Any]]:
    found = []
    for block in stream.replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "id" in fields:
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found


async def test_a_board_is_opened_listed_and_read(client: httpx.AsyncClient, study_uid: str) -> None:
    board = await opened(client, study_uid, "Is it larger?")
    listed = (await client.get("/api/v1/boards", params={"study_uid": study_uid})).json()["boards"]
    assert [(b["title"], b["state"], b["members"]) for b in listed] == [("Lung, second opinion", "open", ["local"])]
    read = (await client.get(board)).json()
    assert (read["question"], read["messages"], read["timeline"]) == ("Is it larger?", [], [])
    assert read["study_uids"] == [study_uid]


async def test_the_record_of_the_patient_is_on_the_board(client: httpx.AsyncClient, board: str, study_uid: str) -> None:
    notes = [
        {"title": "Note", "text": "He never smoked. CT on 2020-03-01: lesion.", "dated": "2020-03-02", "id": "n1"},
        {"title": "Note", "text": "Current smoker, 20 pack years.", "dated": "2020-03-05", "id": "n2"},
    ]
    await client.post(f"/api/v1/studies/{study_uid}/history", json=notes)
    read = (await client.get(board)).json()
    assert read["timeline"][0]["sources"][0]["document_id"] in {"n1", "n2"}
    said = read["contradictions"][0]["statements"]
    assert {s["document_id"] for s in said} == {"n1", "n2"}
    assert all(s["sentence"] for s in said)


async def test_another_patients_study_makes_no_board(client: httpx.AsyncClient, study_uid: str) -> None:
    foreign = "1.2.826.7"
    await client.post("/api/v1/studies", files=[("files", ("x.dcm", ct_slice(study=foreign, patient="P2")))])
    body = {"study_uids": [study_uid, foreign], "title": "Two patients"}
    answer = await client.post("/api/v1/boards", json=body)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["remedy"]
    assert "P2" not in answer.text
    for uid in (study_uid, foreign):
        assert (await client.get("/api/v1/boards", params={"study_uid": uid})).json()["boards"] == []


async def test_two_clients_are_told_the_same_and_a_late_one_resumes(
    client: httpx.AsyncClient, other: httpx.AsyncClient, board: str, team: AnsweringTeam, study_uid: str
) -> None:
    first, second = follow(client, board), follow(other, board)
    await asyncio.sleep(0.05)
    assert (await other.post(f"{board}/join")).status_code == 200
    assert (await client.post(f"{board}/messages", json={"text": "Hello."})).status_code == 201
    assert (await client.post(f"{board}/run")).status_code == 202
    await team.began.wait()
    asked = (await other.post(f"{board}/messages", json={"text": "@imaging how large?"})).json()
    position = {"study_uid": study_uid, "series": f"{study_uid}.1", "slice": 2}
    assert (await other.post(f"{board}/view", json=position)).status_code == 204
    async with asyncio.timeout(5):
        while "Answer to" not in (now := await client.get(board)).text:
            await asyncio.sleep(0.005)
    half = now.json()["last_event"]
    late, queried = (
        follow(client, board, headers={"Last-Event-ID": str(half)}),
        follow(other, board, params={"after": half}),
    )
    await asyncio.sleep(0.05)
    await client.post(f"{board}/messages", json={"text": "Decision: biopsy.", "reply_to": asked["message_id"]})
    await client.post(f"{board}/close")
    one, two = events(await first), events(await second)
    begun = next(number for number, kind, _ in one if kind == "message")
    assert [e for e in one if e[0] >= begun] == [e for e in two if e[0] >= begun]
    told = [data["claims"][0]["text"] for _, kind, data in one if kind == "message"]
    assert told == [
        "Hello.",
        "We look at: wait",
        "@imaging how large?",
        "Answer to @imaging how large?",
        "Decision: biopsy.",
    ]
    assert ("view", position | {"user": "local", "seat": ""}) in [(kind, data) for _, kind, data in one]
    assert {"step_started", "step_finished"} <= {kind for _, kind, _ in one}
    assert "unchecked words" not in await first
    for stream in (late, queried):
        rest = events(await stream)
        assert all(number > half for number, _, _ in rest)
        assert [d["claims"][0]["text"] for _, kind, d in rest if kind == "message"] == ["Decision: biopsy."]
        assert rest[-1][1:] == ("state", {"state": "closed"})


async def test_stop_during_a_run_keeps_what_was_said(
    client: httpx.AsyncClient, other: httpx.AsyncClient, board: str, team: AnsweringTeam
) -> None:
    assert (await client.post(f"{board}/run", json={"question": "wait for me"})).json()["state"] == "running"
    await team.began.wait()
    assert (await client.post(f"{board}/run")).status_code == 409
    stopped = await asyncio.wait_for(other.post(f"{board}/stop"), 1)
    assert (stopped.status_code, stopped.json()["state"]) == (200, "open")
    said = (await client.get(board)).json()["messages"]
    assert [(m["author"], m["kind"]) for m in said] == [("local", "person"), ("chair", "agent")]
    assert said[0]["claims"][0]["sources"] == [{"kind": "person", "reference": said[0]["message_id"], "quote": ""}]


async def test_naming_an_agent_gets_an_answer(client: httpx.AsyncClient, study_uid: str) -> None:
    board = await opened(client, study_uid, "How large?")
    asked = (await client.post(f"{board}/messages", json={"text": "@imaging how large?"})).json()
    said = (await until_open(client, board))["messages"]
    assert (said[-1]["author"], said[-1]["reply_to"]) == ("imaging", asked["message_id"])


async def test_a_closed_board_is_read_only(client: httpx.AsyncClient, board: str, study_uid: str) -> None:
    await client.post(f"{board}/messages", json={"text": "Before the end."})
    assert (await client.post(f"{board}/close")).json()["state"] == "closed"
    position = {"study_uid": study_uid, "series": "1", "slice": 0}
    for path, body in (
        ("messages", {"text": "Late."}),
        ("messages", {"text": "@imaging late?"}),
        ("run", {}),
        ("join", None),
        ("view", position),
        ("close", None),
    ):
        answer = await client.post(f"{board}/{path}", json=body)
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:medimage:problem:board-closed"), path
        assert answer.json()["remedy"]
    assert [m["author"] for m in (await client.get(board)).json()["messages"]] == ["local"]
    seen = events((await client.get(f"{board}/events")).text)
    assert [kind for _, kind, _ in seen] == ["message", "state"]
    again = await client.get(f"{board}/events", headers={"Last-Event-ID": str(seen[-1][0])})
    assert again.status_code == 204


async def test_the_view_is_only_of_the_boards_studies(client: httpx.AsyncClient, board: str) -> None:
    same_patient = "1.2.826.8"
    await client.post("/api/v1/studies", files=[("files", ("x.dcm", ct_slice(study=same_patient)))])
    for uid in (same_patient, "9.9"):
        answer = await client.post(f"{board}/view", json={"study_uid": uid, "series": "1", "slice": 0})
        assert answer.status_code == 403


BROKEN: tuple[tuple[str, dict[str, Any]], ...] = (
    ("", {"study_uids": [], "title": "t"}),
    ("", {"study_uids": ["1"] * 51, "title": "t"}),
    ("", {"study_uids": ["1"], "title": "  "}),
    ("", {"study_uids": ["1"], "title": "SECRET" * 40}),
    ("", {"study_uids": ["1"], "title": "t", "question": "SECRET" * 1000}),
    ("", {"study_uids": ["1"], "title": "t", "members": ["SECRET"]}),
    ("/messages", {"text": " "}),
    ("/messages", {"text": "SECRET" * 2000}),
    ("/messages", {"text": "x", "author": "SECRET"}),
    ("/messages", {"text": "x", "reply_to": "SECRET" * 20}),
    ("/run", {"question": "SECRET" * 1000}),
    ("/view", {"study_uid": "1", "series": "1", "slice": -1}),
    ("/view", {"study_uid": "1", "series": "SECRET" * 40, "slice": 1}),
)


async def test_what_breaks_the_schema_is_refused_without_its_words(client: httpx.AsyncClient, board: str) -> None:
    for path, body in BROKEN:
        answer = await client.post((board if path else "/api/v1/boards") + path, json=body)
        assert answer.status_code == 422, (path, body)
        assert answer.json()["errors"][0]["field"].startswith("body."), (path, body)
        assert "SECRET" not in answer.text
    read = (await client.get(board)).json()
    assert (read["messages"], read["state"]) == ([], "open")


async def test_an_answer_to_nothing_is_a_404(client: httpx.AsyncClient, board: str) -> None:
    answer = await client.post(f"{board}/messages", json={"text": "Yes.", "reply_to": "nothing"})
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:medimage:problem:message-not-found")


async def test_what_is_not_there_is_a_404_problem(client: httpx.AsyncClient, study_uid: str) -> None:
    for path in ("boards/none", "boards/none/events", "boards/none/minutes", "boards?study_uid=9.9"):
        answer = await client.get(f"/api/v1/{path}")
        assert (answer.status_code, answer.json()["status"]) == (404, 404), path
    for path in ("join", "run", "stop", "close"):
        assert (await client.post(f"/api/v1/boards/none/{path}")).status_code == 404, path
    body = {"study_uids": [study_uid, "9.9"], "title": "t"}
    assert (await client.post("/api/v1/boards", json=body)).status_code == 404


async def test_a_server_without_boards_says_so(services: Services, study_uid: str) -> None:
    transport = httpx.ASGITransport(create_app(services))
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        answer = await client.get("/api/v1/boards", params={"study_uid": study_uid})
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:medimage:problem:not-ready")
        assert answer.json()["remedy"]


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(boarded: Services) -> None:
    transport = httpx.ASGITransport(limited(boarded, body_bytes=1000))
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        answer = await client.post("/api/v1/boards", json={"study_uids": ["1"], "title": "x" * 2000})
        assert answer.status_code == 413


@pytest.mark.parametrize("header", [{"Origin": "https://elsewhere.example"}, {"Host": "elsewhere.example"}])
async def test_other_web_sites_do_not_reach_a_board(
    client: httpx.AsyncClient, board: str, header: dict[str, str]
) -> None:
    answer = await client.post(f"{board}/messages", json={"text": "@imaging x"}, headers=header)
    assert answer.status_code in {400, 403}
    assert (await client.get(board)).json()["messages"] == []


async def test_who_hangs_up_has_left(client: httpx.AsyncClient, board: str, boarded: Services) -> None:
    rooms, colleague = boarded.boards, AccessContext("oncologist", "|P1")
    assert rooms is not None
    present: list[list[str]] = []

    async def watch() -> None:
        async for _, event in rooms.events(colleague, board.rsplit("/", 1)[1]):
            if event.kind is BoardEventKind.PRESENCE:
                present.append(event.data["here"])

    watching, leaving = asyncio.create_task(watch()), follow(client, board)
    async with asyncio.timeout(5):
        while ["local", "oncologist"] not in present:
            await asyncio.sleep(0.005)
        leaving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await leaving
        while present[-1] != ["oncologist"]:
            await asyncio.sleep(0.005)
        await client.post(f"{board}/close")
        await watching


async def test_minutes_are_downloaded_and_readable(
    client: httpx.AsyncClient, board: str, boarded: Services, team: AnsweringTeam
) -> None:
    from docx import Document

    assert boarded.history is not None
    text = "CT of Mr. Secret on 2020-03-01: lesion of the left lower lobe."
    note = HistoryDocument("n1", DocumentKind.NOTE, "Note", text, None, "upload")
    await boarded.history.add(AccessContext("local", "|P1"), [note])
    await client.post(f"{board}/run")
    await team.began.wait()
    await client.post(f"{board}/stop")
    await client.post(f"{board}/messages", json={"text": "Decision: biopsy of the lesion."})
    markdown = await client.get(f"{board}/minutes")
    assert markdown.headers["content-type"] == "text/markdown; charset=utf-8"
    assert markdown.text.startswith("#")
    word = await client.get(f"{board}/minutes", params={"format": "docx"})
    assert word.headers["content-type"] == WORD
    document = Document(io.BytesIO(word.content))
    cells = [c.text for table in document.tables for row in table.rows for c in row.cells]
    read = "\n".join([*(p.text for p in document.paragraphs), *cells])
    for minutes in (markdown.text, read):
        for told in ("Lung, second opinion", "We look at: wait", "biopsy of the lesion", "2020-03-01"):
            assert told in minutes
        assert "draft" in minutes.lower()
        assert "P1" not in minutes
        assert "Secret" not in minutes
    for answer, ending in ((markdown, "md"), (word, "docx")):
        name = answer.headers["content-disposition"]
        assert name == f'attachment; filename="board-{board.rsplit("/", 1)[1]}-minutes.{ending}"'
    assert (await client.get(f"{board}/minutes", params={"format": "pdf"})).status_code == 422
