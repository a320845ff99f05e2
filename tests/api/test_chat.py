"""`/chat`: AG-UI events in the order that clients accept, bound to one patient."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn
from ag_ui.core import EventType
from fastapi import FastAPI

from api.chat.events import Translation
from domain.ports import EventKind, RunEvent
from jobs.contracts import ChatAnswer
from tests.api.engine import ThresholdAnalyser, ct_slice


def turn(study_uid: str, text: str = "How large?", conversation: str = "c1") -> dict[str, object]:
    return {
        "threadId": conversation,
        "runId": "r1",
        "state": {},
        "messages": [{"id": "m1", "role": "user", "content": text}],
        "tools": [],
        "context": [],
        "forwardedProps": {"study_uid": study_uid, "conversation_id": conversation},
    }


def events_of(text: str) -> list[dict[str, object]]:
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]


async def test_a_turn_streams_steps_text_and_its_analysis(client: httpx.AsyncClient, study_uid: str) -> None:
    answer = await client.post("/api/v1/chat", json=turn(study_uid))
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = events_of(answer.text)
    assert [e["type"] for e in events] == [
        "RUN_STARTED",
        "TEXT_MESSAGE_START",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_END",
        "STEP_STARTED",
        "TOOL_CALL_START",
        "TOOL_CALL_ARGS",
        "TOOL_CALL_END",
        "TOOL_CALL_RESULT",
        "STEP_FINISHED",
        "CUSTOM",
        "TEXT_MESSAGE_START",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_END",
        "CUSTOM",
        "RUN_FINISHED",
    ]
    assert {e["type"] for e in events} <= {t.value for t in EventType}
    result = next(e for e in events if e["type"] == "TOOL_CALL_RESULT")
    assert json.loads(str(result["content"]))["ok"] is True
    analysis = events[-2]
    assert (analysis["name"], events[10]["name"]) == ("analysis", "planner_changed")
    report = await client.get(f"/api/v1/analyses/{analysis['value']['analysis_id']}")
    assert report.json()["masks"][0]["voxel_count"] == 384


async def test_a_conversation_stays_with_its_patient(client: httpx.AsyncClient, study_uid: str) -> None:
    other = await client.post("/api/v1/studies", files=[("files", ("b.dcm", ct_slice("1.2.826.2", "P2")))])
    other_uid = other.json()["studies"][0]["study_uid"]
    assert (await client.post("/api/v1/chat", json=turn(study_uid))).status_code == 200
    refused = await client.post("/api/v1/chat", json=turn(other_uid))
    assert refused.status_code == 403
    assert refused.json()["type"] == "urn:medimage:problem:patient-lock-violation"
    assert (await client.post("/api/v1/chat", json=turn(other_uid, conversation="c2"))).status_code == 200
    ledger = (await client.get("/api/v1/audit?limit=1000")).json()["events"]
    outcomes = [e["outcome"] for e in ledger if e["action"] == "conversation.turn"]
    assert outcomes == ["ok", "refused", "ok"]


@pytest.mark.parametrize(("patients", "status"), [(("P1", "P1"), 200), (("", ""), 403)])
async def test_two_studies_of_a_patient_share_a_conversation_but_not_two_of_nobody(
    client: httpx.AsyncClient, patients: tuple[str, str], status: int
) -> None:
    for number, patient in enumerate(patients):
        await client.post("/api/v1/studies", files=[("files", ("a", ct_slice(f"1.2.826.{number}", patient)))])
    assert (await client.post("/api/v1/chat", json=turn("1.2.826.0"))).status_code == 200
    assert (await client.post("/api/v1/chat", json=turn("1.2.826.1"))).status_code == status


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"forwardedProps": {}}, "forwardedProps.study_uid"),
        ({"messages": []}, "messages"),
        ({"messages": [{"id": "m", "role": "user", "content": " "}]}, "messages"),
        ({"messages": [{"id": "m", "role": "user", "content": "x" * 8001}]}, "messages"),
    ],
)
async def test_an_incomplete_turn_says_what_is_missing(
    client: httpx.AsyncClient, study_uid: str, change: dict[str, object], where: str
) -> None:
    answer = await client.post("/api/v1/chat", json=turn(study_uid) | change)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(where)


@pytest.mark.parametrize("question", ["unavailable", "explode"])
async def test_a_run_that_fails_ends_with_run_error(client: httpx.AsyncClient, study_uid: str, question: str) -> None:
    answer = await client.post("/api/v1/chat", json=turn(study_uid, question))
    last = events_of(answer.text)[-1]
    assert last["type"] == "RUN_ERROR"
    assert ("Configure one." if question == "unavailable" else "reference") in str(last["message"])
    assert "Secret" not in answer.text


def test_an_answer_that_was_not_streamed_is_still_said_and_open_steps_are_closed() -> None:
    translation = Translation("t", "r")
    started = list(translation.happened(RunEvent(EventKind.STEP_STARTED, {"id": "s1", "agent": "qa", "tool": "judge"})))
    ending = [e.type.value for e in translation.finished(ChatAnswer("Nothing to see."))]
    assert started[0].type is EventType.STEP_STARTED
    assert ending == [
        "TEXT_MESSAGE_START",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_END",
        "STEP_FINISHED",
        "RUN_FINISHED",
    ]


def test_another_planner_begins_its_answer_anew() -> None:
    translation = Translation("t", "r")
    list(translation.happened(RunEvent(EventKind.TEXT, {"text": "Half a sen"})))
    changed = [e.type.value for e in translation.happened(RunEvent(EventKind.PLANNER_CHANGED, {"planner": "built-in"}))]
    assert changed == ["TEXT_MESSAGE_END", "CUSTOM"]
    said = [e for e in translation.finished(ChatAnswer("A whole sentence.")) if e.type.value == "TEXT_MESSAGE_CONTENT"]
    assert [e.delta for e in said] == ["A whole sentence."]


@contextlib.asynccontextmanager
async def over_loopback(app: FastAPI) -> AsyncIterator[str]:
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


async def test_events_arrive_while_the_run_goes_on_and_hanging_up_stops_it(
    app: FastAPI, study_uid: str, analyser: ThresholdAnalyser
) -> None:
    async with over_loopback(app) as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
        async with client.stream("POST", "/api/v1/chat", json=turn(study_uid, "wait")) as stream:
            async for line in stream.aiter_lines():
                if "TOOL_CALL_START" in line:
                    break
            assert not analyser.hold.is_set()
            assert analyser.cancelled == 0
        for _ in range(500):
            if analyser.cancelled:
                break
            await asyncio.sleep(0.01)
        assert analyser.cancelled == 1


async def test_a_job_is_followed_live_over_loopback(app: FastAPI, study_uid: str, analyser: ThresholdAnalyser) -> None:
    async with over_loopback(app) as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
        order = await client.post(f"/api/v1/studies/{study_uid}/analyses", json={"indication": "wait"})
        seen: list[str] = []
        async with client.stream("GET", order.headers["location"] + "/events") as stream:
            async for line in stream.aiter_lines():
                if line.startswith("event: "):
                    seen.append(line[7:])
                    if line == "event: step_started":
                        analyser.hold.set()
        assert seen == ["progress", "step_started", "step_finished", "done"]


async def test_a_conversation_is_listed_and_read_by_whom_it_belongs_to(
    client: httpx.AsyncClient, study_uid: str
) -> None:
    await client.post("/api/v1/chat", json=turn(study_uid, "How large?"))
    listed = (await client.get("/api/v1/chat", params={"study_uid": study_uid})).json()["conversations"]
    assert [one["conversation_id"] for one in listed] == ["c1"]
    read = (await client.get("/api/v1/chat/c1", params={"study_uid": study_uid})).json()
    assert (read["conversation_id"], len(read["turns"])) == ("c1", listed[0]["turns"])
    other = await client.post("/api/v1/studies", files=[("files", ("o.dcm", ct_slice("1.2.826.77", "P77")))])
    foreign = other.json()["studies"][0]["study_uid"]
    assert (await client.get("/api/v1/chat", params={"study_uid": foreign})).json()["conversations"] == []
    assert (await client.get("/api/v1/chat/c1", params={"study_uid": foreign})).status_code == 403
