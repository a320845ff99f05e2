"""Endpoints that speak MedImageParse 3D, MedImageInsight, CXRReportGen and custom classifiers, over real HTTP.

Each is strict about what it is sent (a breach is 400), answers in every documented form, and fails on demand. Tests
compute what it must have answered.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray
from PIL import Image

FEATURES = 1024

COMMON_FAULTS = ("malformed", "truncated", "error_200", "empty", "not_a_list", "two_rows", "no_field", "null_field")
"""Every contract answers with these breaches; each must end in ModelResponseInvalid."""


class Refused(Exception):
    """The request breaks the contract."""


@dataclass
class Contract(ABC):
    """What all contracts share.

    Attributes:
        faults: one is used up by each request; a number is an HTTP status.
        requests: bodies, as they came.
        named_field: what an answer's row must have.
    """

    faults: list[str] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    named_field = ""

    @abstractmethod
    def rows(self, body: dict[str, Any]) -> list[Any]:
        """The answer's rows. Raises Refused."""

    def answer(self, rows: list[Any]) -> Any:
        """What is sent as JSON."""
        return rows

    def spoil(self, rows: list[Any], fault: str) -> list[Any]:
        """A breach that only this contract has."""
        raise AssertionError(f"unknown fault {fault}")

    def reply(self, body: dict[str, Any], fault: str) -> bytes:
        """The bytes of an answer."""
        rows = self.rows(body)
        if fault and fault not in COMMON_FAULTS:
            rows = self.spoil(rows, fault)
        good = json.dumps(self.answer(rows)).encode()
        return {
            "malformed": b"<html>gateway</html>",
            "truncated": good[: len(good) // 2],
            "error_200": b'{"error": {"message": "CUDA out of memory"}}',
            "empty": b"",
            "not_a_list": b"42",
            "two_rows": json.dumps([*rows, *rows, *rows]).encode(),
            "no_field": json.dumps([{"something": 1} for _ in rows]).encode(),
            "null_field": json.dumps([{self.named_field: None} for _ in rows]).encode(),
        }.get(fault, good)


def table(body: dict[str, Any], columns: Sequence[str], *, all_columns: bool = True) -> list[dict[str, Any]]:
    """Rows of a pandas-split body, by column."""
    split = body.get("input_data", {})
    names, data = split.get("columns"), split.get("data")
    if not isinstance(names, list) or (names != list(columns) if all_columns else not set(names) <= set(columns)):
        raise Refused(f"columns {names}")
    if split.get("index") != list(range(len(data))) or any(len(row) != len(names) for row in data):
        raise Refused("index or rows do not fit")
    if not isinstance(body.get("params"), dict):
        raise Refused("params")
    return [dict(zip(names, row, strict=True)) for row in data]


def image_of(cell: object, mode: str, size: tuple[int, int] | None = None) -> Image.Image:
    """The PNG in a cell."""
    if not isinstance(cell, str) or "\n" in cell:
        raise Refused("no base64 in one line")
    image = Image.open(io.BytesIO(base64.b64decode(cell, validate=True)), formats=("PNG",))
    image.load()
    if image.mode != mode or (size and image.size != size) or image.info:
        raise Refused(f"{image.mode} {image.size} {sorted(image.info)}")
    return image


def as_base64(content: bytes, newlines: bool) -> str:
    """Base64 as the public code sends it, or in one line."""
    return (base64.encodebytes if newlines else base64.b64encode)(content).decode()


def spelled(value: Any, form: str) -> Any:
    """A value as JSON text, as an object, or in Python's notation."""
    return {"string": json.dumps, "object": lambda same: same, "single": repr}[form](value)


Find = Callable[[NDArray[np.float64], str], NDArray[np.bool_]]


@dataclass
class Parse3D(Contract):
    """MedImageParse 3D.

    Attributes:
        find: (values[x, y, z], sentence) → inside, same shape.
        turn: nibabel orientation codes of the answer, e.g. "RAS"; "" keeps the grid that was sent.
        numbers: label of each sentence; 1, 2, … when empty.
    """

    find: Find = lambda values, _sentence: values > 0
    form: str = "string"
    newlines: bool = False
    bare: bool = False
    turn: str = ""
    numbers: tuple[int, ...] = ()
    dtype: str = "uint8"
    headers: list[Any] = field(default_factory=list)
    named_field = "nifti_file"

    def rows(self, body: dict[str, Any]) -> list[Any]:
        rows = table(body, ("image", "text"))
        if len(rows) != 1:
            raise Refused("one volume a call")
        packed = base64.b64decode(rows[0]["image"], validate=True)
        if packed[3] & 0b00011100 or packed[4:8] != b"\0\0\0\0":
            raise Refused("the gzip header carries a name, a comment or a time")
        sent = nibabel.Nifti1Image.from_bytes(gzip.decompress(packed))
        self.headers.append(sent.header)
        values = np.asarray(sent.dataobj, np.float64)
        labels = np.zeros(values.shape, self.dtype)
        for number, sentence in enumerate(rows[0]["text"].split(" & "), 1):
            label = self.numbers[number - 1] if self.numbers else number
            labels[self.find(values, sentence)] = label
        return [{"nifti_file": self.file(nibabel.Nifti1Image(labels, sent.affine))}]

    def file(self, image: Any) -> Any:
        """A label map as the field's value."""
        if self.turn:
            wanted = nibabel.orientations.axcodes2ornt(tuple(self.turn))
            image = image.as_reoriented(
                nibabel.orientations.ornt_transform(nibabel.io_orientation(image.affine), wanted)
            )
        return spelled({"data": as_base64(gzip.compress(image.to_bytes()), self.newlines)}, self.form)

    def answer(self, rows: list[Any]) -> Any:
        return rows[0] if self.bare else rows

    def spoil(self, rows: list[Any], fault: str) -> list[Any]:
        value = rows[0]["nifti_file"]
        fields = json.loads(value) if isinstance(value, str) else value
        packed = base64.b64decode(fields["data"])
        image = nibabel.Nifti1Image.from_bytes(gzip.decompress(packed))
        labels, affine = np.asarray(image.dataobj), image.affine
        moved = affine.copy()
        moved[:3, 3] += affine[:3, 0] * 0.5
        scaled = affine @ np.diag([1.02, 1, 1, 1])
        float_labels = labels.astype(np.float32)
        changed: dict[str, Callable[[], bytes]] = {
            "cut_base64": lambda: packed,
            "not_gzip": image.to_bytes,
            "cut_gzip": lambda: packed[:-20],
            "damaged_gzip": lambda: packed[:40] + bytes([packed[40] ^ 255]) + packed[41:],
            "followed": lambda: packed + b"more",
            "bomb": lambda: gzip.compress(image.to_bytes() + bytes(200 * 2**20), 9),
            "short": lambda: gzip.compress(image.to_bytes()[:-10]),
            "header_only": lambda: gzip.compress(image.to_bytes()[:100]),
            "wrong_shape": lambda: _packed(labels[:-1], affine),
            "two_maps": lambda: _packed(np.stack([labels, labels], -1), affine),
            "half_a_voxel_off": lambda: _packed(labels, moved),
            "other_spacing": lambda: _packed(labels, scaled),
            "no_affine": lambda: _packed(labels, np.diag([1.0, 1, 1, 1])),
            "nan": lambda: _packed(np.where(labels > 0, np.nan, 0).astype(np.float32), affine),
            "fractions": lambda: _packed(float_labels * 0.5, affine),
            "negative": lambda: _packed(-labels.astype(np.int16), affine),
            "stray_label": lambda: _packed(_with_stray(labels), affine),
        }
        content = base64.b64encode(changed[fault]()).decode()
        fields = {"data": content[:-3] if fault == "cut_base64" else content}
        return [{"nifti_file": json.dumps(fields)}]


def _packed(labels: NDArray[np.generic], affine: NDArray[np.float64]) -> bytes:
    return gzip.compress(nibabel.Nifti1Image(labels, affine).to_bytes())


def _with_stray(labels: NDArray[np.generic]) -> NDArray[np.generic]:
    changed = labels.copy()
    changed[0, 0, 0] = 9
    return changed


def text_vector(text: str) -> NDArray[np.float64]:
    """A vector for a text, the same in every process."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).normal(size=FEATURES)


def image_vector(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """A vector for an image: its mean over a 32 × 32 grid, centred."""
    grey = pixels[..., 0].astype(np.float64)
    blocks = grey.reshape(32, grey.shape[0] // 32, 32, grey.shape[1] // 32).mean(axis=(1, 3)).ravel()
    return blocks - blocks.mean() + 1e-3


@dataclass
class Insight(Contract):
    """MedImageInsight.

    Attributes:
        nesting: lists around each vector beyond the first.
        columnar: one object with a vector a row, as the documentation shows.
        scaling: logarithm that is answered when it is asked for.
        images: vector of an image that was sent.
    """

    nesting: int = 1
    columnar: bool = False
    scaling: float | None = 4.516357
    images: Callable[[NDArray[np.uint8]], NDArray[np.float64]] = image_vector
    named_field = "image_features"

    def rows(self, body: dict[str, Any]) -> list[Any]:
        rows = table(body, ("image", "text"))
        if not 0 < len(rows) <= 1024:
            raise Refused(f"{len(rows)} rows")
        asked = body["params"].get("get_scaling_factor", False)
        return [self.row(row, asked in (True, "true", "True")) for row in rows]

    def row(self, row: dict[str, Any], scaling: bool) -> dict[str, Any]:
        """The answer to one row."""
        image, text = row["image"], row["text"]
        if not image and not text:
            raise Refused("an empty row")
        found: dict[str, Any] = {"image_features": None, "text_features": None}
        if image:
            found["image_features"] = self.nested(self.images(np.asarray(image_of(image, "RGB", (512, 512)))))
        if text:
            found["text_features"] = self.nested(text_vector(text))
        return found | ({"scaling_factor": self.scaling} if scaling and self.scaling is not None else {})

    def nested(self, vector: NDArray[np.float64]) -> Any:
        """A vector in its lists."""
        value: Any = vector.tolist()
        for _ in range(self.nesting):
            value = [value]
        return value

    def answer(self, rows: list[Any]) -> Any:
        if not self.columnar:
            return rows
        sides = {name: [row[name] for row in rows] for name in ("image_features", "text_features") if rows[0][name]}
        flat = {name: [np.ravel(vector).tolist() for vector in vectors] for name, vectors in sides.items()}
        return flat | ({"scaling_factor": rows[0]["scaling_factor"]} if "scaling_factor" in rows[0] else {})

    def spoil(self, rows: list[Any], fault: str) -> list[Any]:
        last = rows[-1]
        name = "image_features" if last["image_features"] else "text_features"
        vector = np.ravel(last[name]).tolist()
        changed: dict[str, Any] = {
            "nan": [float("nan"), *vector[1:]],
            "infinity": [float("inf"), *vector[1:]],
            "short_vector": vector[:-1],
            "zeros": [0.0] * FEATURES,
            "text_in_vector": ["0.5", *vector[1:]],
            "bool_in_vector": [True, *vector[1:]],
            "two_vectors": [vector, vector],
            "too_deep": [[[[vector]]]],
        }
        if fault == "scaling_disagrees":
            return [*rows[:-1], {**last, "scaling_factor": 3.0}]
        if fault == "scaling_nan":
            return [{**row, "scaling_factor": float("nan")} for row in rows]
        return [*rows[:-1], {**last, name: changed[fault]}]


@dataclass
class ReportGen(Contract):
    """CXRReportGen.

    Attributes:
        findings: what is answered, in fractions of the centre square.
        images: (column, pixels) as they came.
    """

    findings: list[Any] = field(default_factory=lambda: [["The heart size is normal.", None]])
    form: str = "string"
    bare: bool = False
    images: list[tuple[str, NDArray[np.uint8]]] = field(default_factory=list)
    texts: list[dict[str, str]] = field(default_factory=list)
    named_field = "output"

    COLUMNS = ("frontal_image", "lateral_image", "prior_image", "indication", "technique", "comparison", "prior_report")

    def rows(self, body: dict[str, Any]) -> list[Any]:
        rows = table(body, self.COLUMNS, all_columns=False)
        if len(rows) >= 10 or any("frontal_image" not in row for row in rows):
            raise Refused("rows")
        for row in rows:
            images = {name: image_of(cell, "L") for name, cell in row.items() if name.endswith("_image")}
            self.images += [(name, np.asarray(image)) for name, image in images.items()]
            self.texts.append({name: text for name, text in row.items() if name not in images})
        return [{"output": spelled(self.findings, self.form)} for _ in rows]

    def answer(self, rows: list[Any]) -> Any:
        return rows[0] if self.bare else rows

    def spoil(self, rows: list[Any], fault: str) -> list[Any]:
        changed: dict[str, Any] = {
            "no_sentence": [],
            "empty_text": [["  ", None]],
            "number_as_text": [[1, None]],
            "three_parts": [["A.", None, 1]],
            "three_numbers": [["A.", [[0.1, 0.2, 0.3]]]],
            "flat_box": [["A.", [0.1, 0.2, 0.3, 0.4]]],
            "pixels": [["A.", [[10, 20, 300, 400]]]],
            "reversed": [["A.", [[0.5, 0.2, 0.1, 0.4]]]],
            "no_area": [["A.", [[0.5, 0.2, 0.5, 0.4]]]],
            "nan": [["A.", [[0.1, float("nan"), 0.3, 0.4]]]],
            "text_in_box": [["A.", [["0.1", 0.2, 0.3, 0.4]]]],
            "endless": [["A.", None]] * 1000,
            "a_mapping": {"A.": None},
        }
        value = "[[" if fault == "cut_json" else json.dumps(changed[fault])
        return [{"output": value} for _ in rows]


@dataclass
class Scores(Contract):
    """A custom classifier.

    Attributes:
        scores: label → number, in the endpoint's order.
        form: "list", "mapping", "text" (JSON text of a list); `named` puts it under a field.
        alone: the row without its list; wrapped: under "predictions".
        mode, size: of the image that must be sent.
    """

    columns: tuple[str, ...] = ("image", "text")
    scores: Mapping[str, float] = field(default_factory=dict)
    form: str = "list"
    named: str = "scores"
    alone: bool = False
    wrapped: bool = False
    mode: str = "L"
    size: int = 224
    images: list[NDArray[np.uint8]] = field(default_factory=list)
    named_field = "scores"

    def rows(self, body: dict[str, Any]) -> list[Any]:
        (row,) = table(body, self.columns)
        self.images.append(np.asarray(image_of(row["image"], self.mode, (self.size, self.size))))
        if any(cell for name, cell in row.items() if name != "image"):
            raise Refused("another column is filled")
        return [self.row(dict(self.scores))]

    def row(self, scores: dict[str, float]) -> Any:
        """Scores in their form."""
        values = list(scores.values())
        shown: Any = {"list": values, "mapping": scores, "text": json.dumps(values)}[self.form]
        return {self.named: shown} if self.named else shown

    def answer(self, rows: list[Any]) -> Any:
        found = rows[0] if self.alone else rows
        return {"predictions": found} if self.wrapped else found

    def spoil(self, rows: list[Any], fault: str) -> list[Any]:
        scores = dict(self.scores)
        first = next(iter(scores))
        return [
            {
                "above_one": lambda: self.row({**scores, first: 1.7}),
                "below_zero": lambda: self.row({**scores, first: -0.2}),
                "nan": lambda: self.row({**scores, first: float("nan")}),
                "text": lambda: {self.named: ["0.5"] * len(scores)},
                "one_missing": lambda: self.row({k: v for k, v in scores.items() if k != first}),
                "one_more": lambda: self.row({**scores, "surprise": 0.1}),
                "renamed": lambda: {self.named: {("x" if k == first else k): v for k, v in scores.items()}},
                "bool": lambda: {self.named: [True] * len(scores)},
            }[fault]()
        ]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10
    server: _Server

    def log_message(self, *_: object) -> None:
        return

    def do_POST(self) -> None:
        contract = self.server.contract
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.lock:
            contract.requests.append(body)
            fault = contract.faults.pop(0) if contract.faults else ""
            try:
                status, content = (int(fault), b'{"error":"no"}') if fault.isdigit() else (200, b"")
                content = content or contract.reply(body, "" if fault.isdigit() else fault)
                if fault == "empty":
                    content = b""
            except Refused as refused:
                status, content = 400, json.dumps({"error": {"message": str(refused)}}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, contract: Contract) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.contract = contract
        self.lock = threading.Lock()


@contextmanager
def serve(contract: Contract) -> Iterator[str]:
    """Serve until the block ends; yields the scoring URL."""
    server = _Server(contract)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/score"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
