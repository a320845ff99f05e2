"""An OpenAI-compatible chat server that plays a script over real HTTP: JSON or SSE, faults included.

A script is called with the request's messages and tools and gives back what the model says:
`Say(text)`, `Calls(...)`, `Fault(status)`, or `Dies(after)` — the connection breaks in the middle of a stream.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route


@dataclass(frozen=True)
class Say:
    """A final text."""

    text: str


@dataclass(frozen=True)
class Calls:
    """Tool calls as (name, arguments); arguments that are a str go out as they are, valid JSON or not."""

    calls: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Fault:
    """An HTTP error."""

    status: int


@dataclass(frozen=True)
class Dies:
    """The connection breaks after some text."""

    text: str = "The liver"


Script = Callable[[list[dict[str, Any]], list[dict[str, Any]]], Say | Calls | Fault | Dies]


@dataclass
class ChatServer:
    """Address and memory of a running server."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


def tool_results(messages: list[dict[str, Any]]) -> list[str]:
    """Contents of the tool messages since the last user message."""
    found: list[str] = []
    for message in reversed(messages):
        if message["role"] == "user":
            break
        if message["role"] == "tool":
            found.append(message["content"])
    return found[::-1]


def rounds(messages: list[dict[str, Any]]) -> int:
    """How often the model has spoken since the last user message."""
    n = 0
    for message in reversed(messages):
        if message["role"] == "user":
            break
        n += message["role"] == "assistant"
    return n


def _application(script: Script, server: ChatServer) -> Starlette:
    async def chat(request: Request) -> Response:
        body = await request.json()
        server.requests.append(body)
        server.headers.append(dict(request.headers))
        server.paths.append(request.url.path)
        said = script(body["messages"], body.get("tools") or [])
        if isinstance(said, Fault):
            return JSONResponse({"error": {"message": "no", "type": "server_error"}}, said.status)
        base = {"id": "chatcmpl-1", "created": 1, "model": body["model"]}
        if not body.get("stream"):
            if isinstance(said, Dies):
                return StreamingResponse(_dying(b'{"id": "chatcmpl-1", '), media_type="application/json")
            return JSONResponse(_whole(base, said))
        return StreamingResponse(_stream(base, said), media_type="text/event-stream")

    paths = ["/v1/chat/completions", "/openai/deployments/{deployment}/chat/completions"]
    return Starlette(routes=[Route(p, chat, methods=["POST"]) for p in paths])


def _wire_calls(said: Calls) -> list[dict[str, Any]]:
    return [
        {
            "index": i,
            "id": f"call_{i}_{time.monotonic_ns()}",
            "type": "function",
            "function": {"name": name, "arguments": a if isinstance(a, str) else json.dumps(a)},
        }
        for i, (name, a) in enumerate(said.calls)
    ]


def _whole(base: dict[str, Any], said: Say | Calls) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": said.text if isinstance(said, Say) else None}
    if isinstance(said, Calls):
        message["tool_calls"] = [{k: v for k, v in c.items() if k != "index"} for c in _wire_calls(said)]
    finish = "stop" if isinstance(said, Say) else "tool_calls"
    choices = [{"index": 0, "message": message, "finish_reason": finish}]
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return {**base, "object": "chat.completion", "choices": choices, "usage": usage}


async def _dying(first: bytes) -> Any:
    yield first
    raise ConnectionResetError


async def _stream(base: dict[str, Any], said: Say | Calls | Dies) -> Any:
    def event(delta: dict[str, Any], finish: str | None = None) -> str:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        return "data: " + json.dumps({**base, "object": "chat.completion.chunk", "choices": choices}) + "\n\n"

    yield event({"role": "assistant", "content": ""})
    if isinstance(said, Calls):
        for call in _wire_calls(said):
            arguments = call["function"]["arguments"]
            half = len(arguments) // 2
            yield event({"tool_calls": [{**call, "function": {"name": call["function"]["name"], "arguments": ""}}]})
            for part in (arguments[:half], arguments[half:]):
                yield event({"tool_calls": [{"index": call["index"], "function": {"arguments": part}}]})
        yield event({}, "tool_calls")
    else:
        for word in said.text.split(" "):
            yield event({"content": word + " "})
            await asyncio.sleep(0)
        if isinstance(said, Dies):
            raise ConnectionResetError
        yield event({}, "stop")
    yield "data: [DONE]\n\n"


@contextlib.contextmanager
def serve(script: Script) -> Iterator[ChatServer]:
    """Run the server on a free loopback port for the length of a test."""
    server = ChatServer()
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    running = uvicorn.Server(uvicorn.Config(_application(script, server), log_level="critical", lifespan="off"))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.005)
    try:
        yield server
    finally:
        running.should_exit = True
        thread.join(5)
        listening.close()
