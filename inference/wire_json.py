"""Answers of scoring endpoints, read strictly: rows, JSON text inside JSON, numbers and base64.

Every breach is a `ModelResponseInvalid` that names the contract and the field, never what the field held.
"""

from __future__ import annotations

import ast
import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from domain.errors import ModelResponseInvalid
from domain.model import ModelIdentity
from domain.privacy import Deidentified

T = TypeVar("T")

_ERROR_KEYS = frozenset({"error", "errors", "message", "detail"})
_LITERAL_LIMIT = 64 * 2**20
_LITERAL_NESTING = 4096
_BLANKS = str.maketrans("", "", " \t\r\n")


class EndpointFacts(Protocol):
    """What a client of a contract has to know of its endpoint."""

    @property
    def label(self) -> str:
        """What errors call it: name and host."""

    @property
    def version(self) -> str:
        """Of the model behind it, from configuration."""

    @property
    def local(self) -> bool:
        """True when what is sent there stays on this machine."""


class Scorer(Protocol):
    """What sends a body to an endpoint, such as `inference.transport.transport.EndpointTransport`."""

    @property
    def endpoint(self) -> EndpointFacts:
        """Where it sends."""

    async def score(self, body: Deidentified[bytes]) -> bytes:
        """The answer's bytes. Raises ModelUnreachable, ModelRefused, ModelResponseInvalid."""


@runtime_checkable
class Forgetting(Protocol):
    """A transport that keeps answers, and can be told that one is no answer."""

    async def discard(self, body: Deidentified[bytes]) -> None:
        """Forget the answer to a body."""


def identity_at(name: str, transport: Scorer) -> ModelIdentity:
    """The model `name` behind an endpoint, in the version that the configuration names."""
    endpoint = transport.endpoint
    return ModelIdentity(name, endpoint.version, endpoint.local)


@dataclass(frozen=True)
class AnswerReader:
    """Reads answers of one contract.

    Attributes:
        contract: its name, as errors call it.
    """

    contract: str

    def broken(self, reason: str, where: str) -> ModelResponseInvalid:
        """The error for a breach in the field `where`."""
        return ModelResponseInvalid(f"The answer breaks {self.contract}'s contract: {reason}.", where=where)

    def document(self, raw: bytes) -> Any:
        """The answer's JSON.

        Raises:
            ModelResponseInvalid: not JSON, cut off, or an error sent with status 200.
        """
        try:
            answer = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise self.broken("not JSON, or cut off", "answer") from error
        if isinstance(answer, dict) and answer.keys() & _ERROR_KEYS:
            raise self.broken("an error in place of a result", "answer")
        return answer

    def rows(self, answer: Any, count: int, field: str) -> list[dict[str, Any]]:
        """One object with `field` for each of `count` rows of a document; a single row may come without its list.

        Raises:
            ModelResponseInvalid: anything else.
        """
        if isinstance(answer, dict) and count == 1:
            answer = [answer]
        if not isinstance(answer, list) or len(answer) != count or not all(isinstance(row, dict) for row in answer):
            raise self.broken(f"not one object for each of {count} rows", "answer")
        for number, row in enumerate(answer):
            if field not in row:
                raise self.broken("there is none", f"[{number}].{field}")
        return answer

    def nested(self, value: object, where: str) -> Any:
        """A value that may come as JSON text (once documented with single quotes) or parsed already.

        Raises:
            ModelResponseInvalid: text that is neither.
        """
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            pass
        # Python's own notation. Its parser must meet neither deep nesting nor endless text.
        if len(value) > _LITERAL_LIMIT or sum(value.count(mark) for mark in "([{") > _LITERAL_NESTING:
            raise self.broken("not JSON", where)
        try:
            return ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError) as error:
            raise self.broken("not JSON", where) from error

    def numbers(self, value: object, where: str) -> NDArray[np.float64]:
        """(n,) finite numbers of a list.

        Raises:
            ModelResponseInvalid: no list, an entry that is no number (true and "1" are none), NaN or infinity.
        """
        if not isinstance(value, list) or not set(map(type, value)) <= {int, float}:
            raise self.broken("not a list of numbers", where)
        try:
            found = np.array(value, dtype=np.float64)
        except (OverflowError, ValueError) as error:
            raise self.broken("not a list of numbers", where) from error
        if not np.isfinite(found).all():
            raise self.broken("NaN or infinity", where)
        return found

    def number(self, value: object, where: str) -> float:
        """One finite number.

        Raises:
            ModelResponseInvalid: anything else.
        """
        return float(self.numbers([value], where)[0])

    def base64_bytes(self, value: object, where: str) -> bytes:
        """Bytes of base64 text, with or without line breaks.

        Raises:
            ModelResponseInvalid: no text, cut off, or other characters in it.
        """
        if not isinstance(value, str) or not value:
            raise self.broken("not base64 text", where)
        try:
            return base64.b64decode(value.translate(_BLANKS).encode("ascii"), validate=True)
        except (binascii.Error, UnicodeEncodeError) as error:
            raise self.broken("not base64, or cut off", where) from error


def split_body(columns: Sequence[str], rows: Sequence[Sequence[bytes]], params: bytes = b"{}") -> bytes:
    """A pandas-split body of cells that are JSON already, so that no encoder touches the pixels."""
    joined = b",".join(b"[" + b",".join(row) + b"]" for row in rows)
    index = json.dumps(list(range(len(rows))), separators=(",", ":")).encode()
    names = json.dumps(list(columns), separators=(",", ":")).encode()
    parts = (b'{"input_data":{"columns":', names, b',"index":', index, b',"data":[', joined, b']},"params":', params)
    return b"".join((*parts, b"}"))


def base64_cell(content: bytes) -> bytes:
    """A cell that holds bytes as base64 without line breaks."""
    return b'"' + base64.b64encode(content) + b'"'


def text_cell(text: str) -> bytes:
    """A cell that holds text."""
    return json.dumps(text).encode()


async def scored(transport: Scorer, body: Deidentified[bytes], read: Callable[[bytes], Awaitable[T]]) -> T:
    """What an answer means. A breach names the endpoint besides the field, and no cache keeps the answer."""
    raw = await transport.score(body)
    try:
        return await read(raw)
    except ModelResponseInvalid as error:
        if isinstance(transport, Forgetting):
            await transport.discard(body)
        where = f"{transport.endpoint.label}, {error.where}"
        raise ModelResponseInvalid(error.reason, remedy=error.remedy, where=where) from error
