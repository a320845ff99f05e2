"""A chat model's exchanges: recorded in an attempt, replayed at once, streamed or not, failures too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from openai import APIConnectionError, InternalServerError

from agents.chat_models import ChatConfiguration
from jobs.durable.chat import asked, durable_chat_client
from jobs.durable.results import StepResults
from jobs.durable.steps import DurableStepRunner, running
from jobs.durable.system import DurableSystem
from tests.agents.openai_server import ChatServer, Dies, Fault, Say, Script, serve
from tests.api.engine import TickingClock


class Conversation:
    """The same questions in one attempt after the other."""

    def __init__(
        self, system: DurableSystem, folder: Path, server: ChatServer, *, stream: bool, tries: int = 0
    ) -> None:
        self.system, self.folder, self.stream, self.attempt = system, folder, stream, 0
        self.configuration = ChatConfiguration("openai", f"{server.url}/v1", "key", "scripted", max_retries=tries)

    async def ask(self, *texts: str) -> list[str]:
        past = await self.system.take_over([f"c.{n}" for n in range(1, self.attempt + 1)])
        self.attempt += 1
        results = StepResults(self.folder, self.attempt)
        runner = DurableStepRunner(TickingClock(), system=self.system, results=results, past=past)
        client = durable_chat_client(self.configuration)
        said: list[str] = []

        async def body() -> dict[str, Any]:
            token = running.set(runner)
            try:
                for text in texts:
                    said.append(await answer(client, text, stream=self.stream))
            finally:
                running.reset(token)
            return {}

        try:
            await self.system.run(f"c.{self.attempt}", {}, body)
        finally:
            await client.close()
        return said


async def answer(client: Any, text: str, *, stream: bool) -> str:
    """What the model says."""
    asks = {"model": "scripted", "messages": [{"role": "user", "content": text}]}
    if not stream:
        whole = await client.chat.completions.create(**asks)
        return str(whole.choices[0].message.content)
    pieces = await client.chat.completions.create(**asks, stream=True)
    return "".join([piece.choices[0].delta.content or "" async for piece in pieces])


def counting() -> Script:
    """Never says the same twice."""
    said: list[str] = []

    def script(messages: list[dict[str, Any]], _: list[dict[str, Any]]) -> Say:
        said.append(messages[-1]["content"])
        return Say(f"{messages[-1]['content']} {len(said)}")

    return script


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_is_asked_for_once(system: DurableSystem, tmp_path: Path, stream: bool) -> None:
    with serve(counting()) as server:
        talk = Conversation(system, tmp_path / "steps", server, stream=stream)
        first = [said.strip() for said in await talk.ask("one", "two")]
        assert first == ["one 1", "two 2"]
        again = [said.strip() for said in await talk.ask("one", "two", "three")]
        assert again == ["one 1", "two 2", "three 3"]
        assert len(server.requests) == 3


async def test_the_same_question_twice_is_asked_twice(system: DurableSystem, tmp_path: Path) -> None:
    with serve(counting()) as server:
        talk = Conversation(system, tmp_path / "steps", server, stream=False)
        assert await talk.ask("one", "one") == ["one 1", "one 2"]
        assert await talk.ask("one", "one") == ["one 1", "one 2"]


async def test_a_server_that_failed_has_failed(system: DurableSystem, tmp_path: Path) -> None:
    failing = True

    def script(*_: Any) -> Say | Fault:
        return Fault(500) if failing else Say("Now it works.")

    with serve(script) as server:
        talk = Conversation(system, tmp_path / "steps", server, stream=False)
        for _ in range(2):
            with pytest.raises(InternalServerError):
                await talk.ask("one")
            failing = False
        assert len(server.requests) == 1


async def test_a_connection_that_broke_has_broken(system: DurableSystem, tmp_path: Path) -> None:
    with serve(lambda *_: Dies()) as server:
        talk = Conversation(system, tmp_path / "steps", server, stream=True)
        for _ in range(2):
            with pytest.raises(APIConnectionError):
                await talk.ask("one")
        assert len(server.requests) == 1


async def test_outside_of_an_attempt_it_is_a_client_like_any_other(tmp_path: Path) -> None:
    with serve(counting()) as server:
        client = durable_chat_client(ChatConfiguration("openai", f"{server.url}/v1", "key", "scripted"))
        try:
            assert [await answer(client, "one", stream=False) for _ in range(2)] == ["one 1", "one 2"]
        finally:
            await client.close()


def test_the_order_of_messages_does_not_count_and_their_text_does() -> None:
    def request(*texts: str) -> bytes:
        return json.dumps({"model": "m", "messages": [{"role": "tool", "content": t} for t in texts]}).encode()

    assert asked(request("a", "b")) == asked(request("b", "a"))
    assert asked(request("a", "b")) != asked(request("a", "c"))
    assert asked(b"no json") != asked(b"other")
