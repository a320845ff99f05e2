"""A MedImageParse endpoint that answers with shapes whose area a test can compute, in every documented form.

It is a real HTTP server on loopback in a thread of its own, speaks the contract strictly (a request that
breaks it is refused), and fails on demand. Other tests import it too.
"""

from __future__ import annotations

import base64
import io
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tools.letterbox import Letterbox

SIZE = 1024
Inside = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]


@dataclass(frozen=True)
class Shape:
    """A figure in fractions of the source image (row, column from 0 to 1), and the category to answer."""

    inside: Inside
    category: str = "other organ"

    def in_model(self, rows: int, columns: int) -> NDArray[np.bool_]:
        """Drawn on the model's square for a source of rows × columns."""
        box = Letterbox.fit(rows, columns, SIZE)
        axis = np.arange(SIZE, dtype=np.float64)
        down = box.points_to_source(np.stack([axis, np.zeros(SIZE)], 1))[:, 0]
        across = box.points_to_source(np.stack([np.zeros(SIZE), axis], 1))[:, 1]
        inside = self.inside((down[:, None] + 0.5) / rows, (across[None, :] + 0.5) / columns)
        within = (down >= -0.5) & (down < rows - 0.5)
        return inside & within[:, None] & ((across >= -0.5) & (across < columns - 0.5))[None, :]

    def in_source(self, rows: int, columns: int) -> NDArray[np.bool_]:
        """Drawn on the source's own pixels: the truth."""
        r = (np.arange(rows)[:, None] + 0.5) / rows
        c = (np.arange(columns)[None, :] + 0.5) / columns
        return np.broadcast_to(self.inside(r, c), (rows, columns))


def disc(row: float, column: float, radius: float, category: str = "other organ") -> Shape:
    """A disc (an ellipse where the source is not square)."""
    return Shape(lambda r, c: (r - row) ** 2 + (c - column) ** 2 <= radius**2, category)


def rectangle(top: float, left: float, bottom: float, right: float, category: str = "other organ") -> Shape:
    """A rectangle."""
    return Shape(lambda r, c: (r >= top) & (r < bottom) & (c >= left) & (c < right), category)


@dataclass
class Behaviour:
    """What the endpoint does; tests change it between requests.

    Attributes:
        shapes: prompt → shape; a prompt that is not there gets an empty mask.
        source: rows and columns of the source image.
        values: "binary", "binary255" or "soft".
        features: "string", "object" or "single" (quotes).
        newlines: base64 with a newline every 76 characters.
        categories: False leaves `text_features` out.
        faults: one is used up by each request, before anything good happens.
        key: bearer key that is asked for.
        at_once: requests that are being answered; most: how many there ever were.
    """

    shapes: Mapping[str, Shape] = field(default_factory=dict)
    source: tuple[int, int] = (SIZE, SIZE)
    values: str = "binary255"
    features: str = "string"
    newlines: bool = False
    categories: bool = True
    key: str = ""
    faults: list[str] = field(default_factory=list)
    slow_s: float = 2.0
    requests: list[dict[str, Any]] = field(default_factory=list)
    at_once: int = 0
    most: int = 0


def answer_row(masks: NDArray[np.generic], names: list[str] | None, *, features: str, newlines: bool) -> dict[str, Any]:
    """One row of an answer in one of the documented forms."""
    encode = base64.encodebytes if newlines else base64.b64encode
    fields = {"data": encode(masks.tobytes()).decode(), "shape": list(masks.shape), "dtype": str(masks.dtype)}
    shown: object = {"string": json.dumps(fields), "object": fields, "single": str(fields)}[features]
    return {"image_features": shown} | ({} if names is None else {"text_features": names})


def _masks(behaviour: Behaviour, prompts: list[str]) -> NDArray[np.uint8]:
    drawn = [behaviour.shapes.get(p, rectangle(0, 0, 0, 0)).in_model(*behaviour.source) for p in prompts]
    inside = np.stack(drawn)
    low, high = {"binary": (0, 1), "binary255": (0, 255), "soft": (3, 240)}[behaviour.values]
    return np.where(inside, np.uint8(high), np.uint8(low))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10
    server: _Server

    def log_message(self, *_: object) -> None:
        return

    def do_GET(self) -> None:
        """A scoring URI takes POST only; a wrong key is refused before that is said."""
        key = self.server.behaviour.key
        allowed = not key or self.headers.get("authorization") == f"Bearer {key}"
        self._send(405 if allowed else 401, b"{}")

    def do_POST(self) -> None:
        behaviour = self.server.behaviour
        length = self.headers.get("content-length")
        if length is None:
            self._send(411, b"length required")
            return
        body = self.rfile.read(int(length))
        with self.server.lock:
            record = {"headers": {k.lower(): v for k, v in self.headers.items()}, "body": json.loads(body)}
            behaviour.requests.append(record)
            behaviour.at_once += 1
            behaviour.most = max(behaviour.most, behaviour.at_once)
            fault = behaviour.faults.pop(0) if behaviour.faults else ""
        try:
            self._scored(behaviour, fault, record["body"])
        finally:
            with self.server.lock:
                behaviour.at_once -= 1

    def _scored(self, behaviour: Behaviour, fault: str, body: dict[str, Any]) -> None:
        if behaviour.key and self.headers.get("authorization") != f"Bearer {behaviour.key}":
            self._send(401, b"{}")
            return
        problem, prompts = _contract_problem(body)
        if problem:
            self._send(400, json.dumps({"error": {"code": "request_invalid", "message": problem}}).encode())
            return
        self._answer(behaviour, fault, prompts)

    def _answer(self, behaviour: Behaviour, fault: str, prompts: list[str]) -> None:
        masks: NDArray[np.generic] = _masks(behaviour, prompts)
        if fault.isdigit():
            self._send(int(fault), b'{"error":"no"}', {"retry-after": "7"} if fault == "429" else {})
            return
        if fault == "slow":
            time.sleep(behaviour.slow_s)
        if fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        if fault == "wrong_shape":
            masks = masks[:, : SIZE // 2, : SIZE // 2]
        if fault == "wrong_count":
            masks = np.concatenate([masks, masks])
        if fault == "nan":
            masks = np.full(masks.shape, np.nan, np.float32)
        names = [behaviour.shapes[p].category if p in behaviour.shapes else "other" for p in prompts]
        row = answer_row(
            masks,
            names if behaviour.categories else None,
            features=behaviour.features,
            newlines=behaviour.newlines,
        )
        body = json.dumps([row]).encode()
        body = {
            "error_200": b'{"error": {"message": "CUDA out of memory"}}',
            "malformed": b"<html>gateway</html>",
            "truncated": body[: len(body) // 2],
        }.get(fault, body)
        self._send(200, body, cut=fault == "cut")

    def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body) * 2 if cut else len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True
        if cut or status == 411:
            self.close_connection = True


def _contract_problem(body: dict[str, Any]) -> tuple[str, list[str]]:
    table = body.get("input_data", {})
    if table.get("columns") != ["image", "text"] or table.get("index") != [0] or len(table.get("data", [])) != 1:
        return "not pandas split of one row", []
    png, text = table["data"][0]
    if "\n" in png:
        return "newlines in base64", []
    with Image.open(io.BytesIO(base64.b64decode(png, validate=True)), formats=("PNG",)) as image:
        if image.size != (SIZE, SIZE) or image.mode != "RGB":
            return f"{image.mode} {image.size}", []
    return "", text.split(" & ")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behaviour = behaviour
        self.lock = threading.Lock()

    def handle_error(self, request: object, client_address: object) -> None:
        return


@contextmanager
def endpoint_server(behaviour: Behaviour) -> Iterator[str]:
    """Serve until the block ends; yields the scoring URL."""
    server = _Server(behaviour)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/score"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
