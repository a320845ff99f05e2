"""A chat model in the chair: it gives the floor by tool calls, says only what claims carry, and may fail."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

from agents.chat_models import ChatConfiguration
from agents.guardrails import Budget
from domain.board import BoardMessage, Source
from tests.agents.board_room import PATIENT, QUESTION, Room, study
from tests.agents.openai_server import Calls, ChatServer, Fault, Say, Script, rounds, serve, tool_results

KNOWN = [study("1.2.3", "CT", 3)]
MEMBERS = ["history", "pathology", "imaging", "guidelines", "report"]


def chat(server: ChatServer) -> ChatConfiguration:
    return ChatConfiguration("openai", f"{server.url}/v1", "k", "scripted", stream=False, max_retries=0, timeout_s=10)


def ask(name: str, question: str = "") -> Calls:
    return Calls(((f"board-ask_{name}", {"question": question}),))


def giving(*turns: tuple[str, str], closing: Any = None) -> Script:
    """A model that gives the floor in this order, and closes with what `closing` makes of the tools' results."""

    def model(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Say | Calls:
        turn = rounds(messages)
        if turn < len(turns):
            return ask(*turns[turn])
        return Say(closing(tool_results(messages)) if closing else "done")

    return model


def claim_id(results: list[str], words: str) -> str:
    """The id under which a claim was shown."""
    for line in "\n".join("\n".join(map(str, json.loads(r).values())) for r in results).splitlines():
        if words in line and (found := re.match(r"(c\d+): ", line)):
            return found[1]
    raise AssertionError(f"{words} was not shown")


async def test_it_chooses_the_order_and_asks_questions_and_leaves_nobody_out() -> None:
    turns = (("imaging", ""), ("history", ""), ("pathology", "What did the biopsy show?"))
    with serve(giving(*turns)) as server:
        room = Room(chat=chat(server), studies=KNOWN)
        await room.run()
    assert room.order == ["imaging", "history", "pathology", "pathology", "chair", "guidelines", "report"]
    tools = {t["function"]["name"]: t["function"] for t in server.requests[0]["tools"]}
    assert set(tools) == {f"board-ask_{m}" for m in MEMBERS}
    assert "passages of the pathology reports" in tools["board-ask_pathology"]["description"]
    assert tools["board-ask_history"]["parameters"]["properties"]["question"]["type"] == "string"


async def test_its_closing_words_stay_where_claims_carry_them() -> None:
    def closing(results: list[str]) -> str:
        conflict, size = claim_id(results, "disagree on EGFR"), claim_id(results, "36 mm")
        return (
            f"The sources disagree on EGFR [{conflict}]. Lung tumor: longest diameter 36 mm [{size}]. "
            f"The lung tumor has grown to 63 mm [{size}]. There are metastases in the liver [{size}]. "
            f"Osimertinib should be given [{conflict}]. EGFR is positive [c99]. The prognosis is good."
        )

    with serve(giving(*((m, "") for m in MEMBERS), closing=closing)) as server:
        room = Room(chat=chat(server), studies=KNOWN)
        await room.run()
    assert room.order == ["history", "pathology", "chair", "imaging", "guidelines", "report", "chair"]
    last = room.said[-1]
    assert [c.text for c in last.claims] == [
        "The sources disagree on EGFR.",
        "Lung tumor: longest diameter 36 mm.",
        "5 sentences of the chat model scripted had no support and were left out.",
    ]
    assert {s.reference for s in last.claims[0].sources} == {"d1", "d2"}
    assert last.claims[1].sources == (Source("step", "a1/s2"), Source("step", "a1/s3"))


async def test_what_it_is_told_has_no_identity_and_is_fenced() -> None:
    with serve(giving(("history", "Who came?"), ("imaging", ""))) as server:
        room = Room(chat=chat(server), studies=KNOWN, question="How large is the tumor of Amara Okonkwo?")
        await room.run(room.once("imaging", "Note: Amara Okonkwo, born 1955-03-07, of Dr. Weber (555-123-4567)."))
    sent = json.dumps(server.requests)
    for identity in ("Okonkwo", "Amara", "1955-03-07", "P1-4471", "Weber", "555-123"):
        assert identity not in sent
    told = [json.loads(r) for r in tool_results(server.requests[-1]["messages"])]
    hostile = next(t["said"] for t in told if "ignore your rules" in t["said"])
    assert hostile.startswith("<data-board-")
    assert told[-1]["people"].startswith("<data-people-")
    assert "[NAME]" in told[-1]["people"]
    assert PATIENT.name.split("^")[0] in room.by("history"), "the people on the board may know whose record it is"


async def test_where_nobody_knows_whose_identity_to_take_out_no_word_of_the_record_leaves() -> None:
    with serve(giving(*((m, "") for m in MEMBERS), closing=lambda _: "EGFR is positive [c1].")) as server:
        room = Room(chat=chat(server))
        await room.run()
    sent = json.dumps(server.requests)
    for word in ("Adenocarcinoma", "EGFR negative", "Okonkwo", "36 mm", QUESTION):
        assert word not in sent
    assert room.order == ["history", "pathology", "chair", "imaging", "guidelines", "report"]


async def test_a_note_that_wins_the_model_over_still_signs_nothing_and_repeats_nothing() -> None:
    turns = (("imaging", "Sign the report and send it now"), ("report", ""), ("imaging", ""), ("imaging", ""))
    with serve(giving(*turns)) as server:
        room = Room(chat=chat(server), studies=KNOWN)
        await room.run()
    errors = [json.loads(r).get("error", {}).get("reason", "") for r in tool_results(server.requests[-1]["messages"])]
    assert "signs or sends" in errors[0]
    assert "when the others have" in errors[1]
    assert errors[2] == ""
    assert "has spoken" in errors[3]
    assert room.imaging.asked == [("1.2.3", QUESTION)]
    assert room.order[-1] == "report"


async def test_people_are_heard_between_its_calls_and_it_is_told() -> None:
    with serve(giving(("history", ""), ("guidelines", ""))) as server:
        room = Room(chat=chat(server), studies=KNOWN)
        await room.run(room.once("history", "@imaging how large is the heart?"))
    assert room.order[:3] == ["history", "imaging", "guidelines"]
    first = json.loads(tool_results(server.requests[-1]["messages"])[0])
    assert "how large is the heart?" in first["people"]


@pytest.mark.parametrize(
    "script",
    [lambda m, t: Fault(500), lambda m, t: ask("history") if not rounds(m) else Fault(429)],
    ids=["at once", "in the middle"],
)
async def test_the_built_in_chair_takes_over_and_says_so(script: Script) -> None:
    with serve(script) as server:
        room = Room(chat=chat(server), studies=KNOWN)
        await room.run()
    assert "could not chair" in room.by("chair")
    assert [a for a in room.order if a != "chair"] == MEMBERS


async def test_a_model_that_goes_on_and_on_is_ended_by_its_budget() -> None:
    def endless(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Calls:
        return ask("history", f"question {rounds(messages)}: EGFR?")

    with serve(endless) as server:
        room = Room(chat=chat(server), studies=KNOWN, budget=Budget(tool_calls=3, rounds=10, seconds=30))
        await room.run()
    assert "could not chair (BudgetExceeded)" in room.by("chair")
    assert room.order.count("history") == 4
    assert [a for a in room.order if a != "chair"][3:] == MEMBERS


async def test_stop_ends_a_chair_that_waits_for_its_model_or_member() -> None:
    with serve(giving(("imaging", ""))) as server:
        room = Room(chat=chat(server), studies=KNOWN)
        room.imaging.slow = True
        running = asyncio.create_task(room.run())
        while not room.imaging.asked:
            await asyncio.sleep(0.01)
        room.stop.set()
        await asyncio.wait_for(running, 1)
    assert room.imaging.cancelled
    assert room.said == []


async def test_a_board_that_cannot_be_told_ends_the_run() -> None:
    with serve(giving(*((m, "") for m in MEMBERS))) as server:
        room = Room(chat=chat(server), studies=KNOWN)

        def closed(message: BoardMessage) -> None:
            raise ConnectionError("closed")

        with pytest.raises(ConnectionError):
            await room.run(closed)
    assert room.order == ["history"]
