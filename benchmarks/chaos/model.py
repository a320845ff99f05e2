"""A MedImageParse endpoint without latency: a process of its own that draws an ellipse for each prompt.

    python -m benchmarks.chaos.model

Prints its scoring URI when it listens, and ends when its standard input does. The same prompts get the
same bytes always, made once. `GET /count` says how many requests were scored; after `GET /allow/N` no more than N are
until the next, and further ones wait.
Wire contract: `inference.medimageparse`.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from urllib.request import urlopen

import numpy as np
from numpy.typing import NDArray

SIZE = 1024
CATEGORIES = {"liver": "liver", "left kidney": "kidney", "right kidney": "kidney"}


class ScoringServer:
    """Counts what it is asked."""

    def __init__(self) -> None:
        self.scored = 0
        self.allowed = math.inf
        self._more = asyncio.Condition()

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Requests of one connection, one after the other."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = head.partition("content-length:")[2].partition("\r\n")[0].strip()
                body = await reader.readexactly(int(length or 0))
                if head.startswith("post"):
                    async with self._more:
                        await self._more.wait_for(lambda: self.scored < self.allowed or reader.at_eof())
                    if reader.at_eof():
                        return
                    self.scored += 1
                    content = answer(json.loads(body)["input_data"]["data"][0][1])
                else:
                    if head.startswith("get /allow/"):
                        async with self._more:
                            self.allowed = float(head.split()[1].removeprefix("/allow/"))
                            self._more.notify_all()
                    content = json.dumps({"scored": self.scored}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
                writer.write(f"content-length: {len(content)}\r\n\r\n".encode())
                writer.write(content)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@cache
def answer(text: str) -> bytes:
    """The answer to prompts that " & " joins."""
    prompts = text.split(" & ")
    masks = np.stack([ellipse(prompt) for prompt in prompts])
    features = {"data": base64.b64encode(masks.tobytes()).decode(), "shape": list(masks.shape), "dtype": "uint8"}
    names = [CATEGORIES.get(prompt, "other organ") for prompt in prompts]
    return json.dumps([{"image_features": json.dumps(features), "text_features": names}]).encode()


def ellipse(prompt: str) -> NDArray[np.uint8]:
    """(1024, 1024) of 0 and 255; place and size follow from the prompt."""
    row, column, high, wide = (byte / 255 for byte in hashlib.sha256(prompt.encode()).digest()[:4])
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE
    inside = np.hypot((y - 0.35 - 0.3 * row) / (0.08 + 0.1 * high), (x - 0.35 - 0.3 * column) / (0.08 + 0.1 * wide)) < 1
    return np.where(inside, np.uint8(255), np.uint8(0))


@contextmanager
def scoring_process() -> Iterator[str]:
    """A server process; yields its scoring URI."""
    command = [sys.executable, "-m", "benchmarks.chaos.model"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def scored(endpoint: str) -> int:
    """How many requests a server has scored."""
    with urlopen(endpoint.replace("/score", "/count"), timeout=10) as answered:
        return int(json.load(answered)["scored"])


def allow(endpoint: str, requests: float) -> None:
    """Let a server score so many requests in all; infinity lifts the limit."""
    with urlopen(endpoint.replace("/score", f"/allow/{requests}"), timeout=10) as answered:
        answered.read()


async def serve() -> None:
    """Until the process ends."""
    listening = await asyncio.start_server(ScoringServer().connection, "127.0.0.1", 0, limit=4 << 20, backlog=128)
    print(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/score", flush=True)
    await listening.serve_forever()


def _leave_with_parent() -> None:
    """A parent that is killed closes the pipe, and nothing else."""
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_leave_with_parent, name="parent watch", daemon=True).start()
    asyncio.run(serve())
