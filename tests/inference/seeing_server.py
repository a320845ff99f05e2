"""A MedImageParse endpoint that looks at the image: what is bright, or dark, in it. Several rows a request.

Real HTTP on loopback, as `endpoint_server`; but its masks follow the pixels, so that a mirrored image gets a
mirrored mask, and it can shift each mask by an amount that the request's own bytes decide.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.inference.endpoint_server import answer_row


@dataclass
class Sight:
    """What the endpoint does.

    Attributes:
        soft: 255 inside, falling to 128 at the rim of three quarters of the grey values; else {0, 255}.
        rows: most rows it takes; more are refused with 400.
        drop_rows: answers the first row only, whatever was asked.
        unsteady: largest shift of a mask in model pixels, decided by a hash of image and text.
        fail_from: number of the request from which on it answers 400; None never.
        requests: texts of the rows of each request that was well formed.
    """

    soft: bool = False
    rows: int = 64
    drop_rows: bool = False
    unsteady: int = 0
    fail_from: int | None = None
    requests: list[list[str]] = field(default_factory=list)
    images: list[str] = field(default_factory=list)


def grey_of(png: bytes) -> NDArray[np.uint8]:
    """(size, size) of an RGB PNG."""
    with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
        return np.asarray(image)[:, :, 0]


def seen(sight: Sight, row: list[str]) -> dict[str, Any]:
    """One row's answer."""
    grey = grey_of(base64.b64decode(row[0], validate=True))
    prompts = row[1].split(" & ")
    masks = [_mask(sight, grey, prompt, row) for prompt in prompts]
    return answer_row(np.stack(masks), ["other organ"] * len(prompts), features="string", newlines=False)


def _mask(sight: Sight, grey: NDArray[np.uint8], prompt: str, row: list[str]) -> NDArray[np.uint8]:
    shown = 255 - grey if "dark" in prompt else grey
    inside = shown > 127
    mask = np.where(inside, shown if sight.soft else np.uint8(255), np.uint8(0)).astype(np.uint8)
    if sight.unsteady:
        number = int.from_bytes(hashlib.sha256("|".join((*row, prompt)).encode()).digest()[:8], "big")
        span = 2 * sight.unsteady + 1
        mask = np.roll(mask, (number % span - sight.unsteady, number // span % span - sight.unsteady), (0, 1))
    return mask


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10
    server: _Server

    def log_message(self, *_: object) -> None:
        return

    def do_POST(self) -> None:
        sight = self.server.sight
        table = json.loads(self.rfile.read(int(self.headers["content-length"])))["input_data"]
        rows = table["data"]
        well_formed = table["columns"] == ["image", "text"] and table["index"] == list(range(len(rows)))
        with self.server.lock:
            sight.requests.append([row[1] for row in rows])
            sight.images.extend(row[0] for row in rows)
            late = sight.fail_from is not None and len(sight.requests) > sight.fail_from
        if not well_formed or len(rows) > sight.rows or late:
            self._send(400, b'{"error": {"code": "request_invalid"}}')
            return
        answers = [seen(sight, row) for row in (rows[:1] if sight.drop_rows else rows)]
        self._send(200, json.dumps(answers).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, sight: Sight) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.sight = sight
        self.lock = threading.Lock()

    def handle_error(self, request: object, client_address: object) -> None:
        return


@contextmanager
def seeing_server(sight: Sight) -> Iterator[str]:
    """Serve until the block ends; yields the scoring URL."""
    server = _Server(sight)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/score"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
