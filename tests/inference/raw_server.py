"""A server whose answers are written byte by byte: every fault that HTTP, TLS or the wire can show."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    headers: dict[str, str]
    body: bytes


Reply = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawServer:
    """Requests so far, and where they go."""

    url: str = ""
    requests: list[Received] = field(default_factory=list)


def answer(content: bytes, *, status: str = "200 OK", headers: str = "", length: int | None = None) -> bytes:
    """A whole response."""
    size = len(content) if length is None else length
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n{headers}\r\n"
    return head.encode() + content


def says(content: bytes, **head: object) -> Reply:
    """Always the same answer."""

    async def reply(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(content, **head))  # type: ignore[arg-type]

    return reply


@asynccontextmanager
async def raw_server(reply: Reply, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    """Serve on loopback, in this event loop, until the block ends."""
    served = RawServer()
    async with byte_server(lambda reader, writer: _talk(served, reply, reader, writer), tls) as url:
        served.url = url
        yield served


async def _talk(served: RawServer, reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while (received := await _request(reader)) is not None:
        served.requests.append(received)
        await reply(received, writer)
        await writer.drain()


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def byte_server(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve connections as `talk` wants, whatever it speaks; leaves nothing open. Yields the URL."""
    open_now: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_now[task] = writer
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            del open_now[task]

    server = await asyncio.start_server(connection, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"{'https' if tls else 'http'}://localhost:{port}/score"
    finally:
        server.close()
        for writer in open_now.values():
            writer.transport.abort()
        if open_now:
            await asyncio.wait(list(open_now), timeout=5)
        await server.wait_closed()


async def _request(reader: asyncio.StreamReader) -> Received | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    lines = head.split("\r\n")[1:]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    return Received(headers, await reader.readexactly(int(headers.get("content-length", "0"))))
