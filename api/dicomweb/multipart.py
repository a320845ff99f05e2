"""`multipart/related` (RFC 2387) as a stream: parts are read when they are sent, and never lie whole in memory."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from fastapi.responses import StreamingResponse

from api.dicomweb.media import RELATED

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Part:
    """One part: its Content-Type, the address of what it is, and its bytes in blocks."""

    content_type: str
    location: str
    blocks: AsyncIterator[bytes]


async def related(parts: AsyncIterator[Part], part_type: str, headers: dict[str, str]) -> StreamingResponse:
    """A response with these parts. The first block is made before the response begins, so that its errors are answers.

    Raises:
        Whatever making the first block raises.
    """
    boundary = uuid.uuid4().hex  # not to be guessed: no file can hold it on purpose
    body = await begun(_body(parts, boundary))
    return StreamingResponse(body, media_type=f'{RELATED}; type="{part_type}"; boundary={boundary}', headers=headers)


async def begun(blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same blocks, the first of which has been made. Raises what making it raises."""
    first = await anext(blocks, b"")

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for block in blocks:
            yield block

    return whole()


async def file_blocks(path: Path, head: bytes = b"", start: int = 0) -> AsyncIterator[bytes]:
    """`head`, then the bytes of a file from `start`, one MiB at a time."""
    file = await asyncio.to_thread(path.open, "rb")
    try:
        file.seek(start)
        if head:
            yield head
        while block := await asyncio.to_thread(file.read, _BLOCK):
            yield block
    finally:
        file.close()


async def one_block(block: bytes) -> AsyncIterator[bytes]:
    """Bytes that are there already."""
    yield block


async def _body(parts: AsyncIterator[Part], boundary: str) -> AsyncIterator[bytes]:
    between = ""
    async for part in parts:
        head = (
            f"{between}--{boundary}\r\nContent-Type: {part.content_type}\r\nContent-Location: {part.location}\r\n\r\n"
        )
        between = "\r\n"
        blocks = await begun(part.blocks)  # an unreadable part is an error before anything of it is sent
        yield head.encode()
        async for block in blocks:
            yield block
    yield f"{between}--{boundary}--\r\n".encode()
