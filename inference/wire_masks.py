"""Mask payloads of MedImageParse's contract: `{"data": base64, "shape": [P, H, W], "dtype": "uint8"}`.

Source: Azure AI Foundry health-care models, MedImageParse 2D, `image_features`. The documents call the
masks one-hot, the model card calls them probability × 255 with threshold 127.5: values decide.
"""

from __future__ import annotations

import ast
import binascii
import json
import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from domain.errors import ModelResponseInvalid

MaskKind = Literal["binary", "binary255", "soft"]

_DTYPES = {"uint8": np.uint8, "bool": np.bool_, "float32": np.float32, "float64": np.float64}
_PLACEHOLDER = b"~"
_LIFT_FROM = 64 * 1024
_LITERAL_LIMIT = 256 * 2**20


def classify_mask_values(values: NDArray[np.generic]) -> MaskKind:
    """What the values of all masks of one answer (P, H, W) mean: the only place that decides it.

    "binary": {0, 1}. "binary255": {0, 255}. "soft": anything else, value / 255 is a probability
    (floats up to 1 are probabilities themselves). An answer is judged whole, so a faint soft mask beside a
    strong one stays soft; {0, 1} alone cannot be told from a very faint soft mask and counts as binary.
    """
    if values.dtype == np.bool_:
        return "binary"
    top = float(values.max(initial=0))
    if top <= 1:
        whole = values.dtype.kind == "u" or not np.any((values != 0) & (values != 1))
        return "binary" if whole else "soft"
    if top == 255 and not np.any((values != 0) & (values != 255)):
        return "binary255"
    return "soft"


def probabilities(values: NDArray[np.generic], kind: MaskKind) -> NDArray[np.float32]:
    """Values as float32 0–1; a probability above 0.5 is a value above 127.5."""
    if kind == "binary" or (values.dtype.kind == "f" and values.max(initial=0) <= 1):
        return values.astype(np.float32)
    scaled: NDArray[np.float32] = np.multiply(values, np.float32(1 / 255), dtype=np.float32)
    return scaled


def lift_payload(raw: bytes) -> tuple[bytes, bytes | None]:
    """Cut one long base64 string out of a JSON text, so that only the small rest needs a JSON parser.

    Returns:
        The text with a placeholder in place of the string, and the string; or the whole text and None when
        there is none, several, or one with escapes in it (base64 with newlines).
    """
    keys = [raw.find(key, 0, _LIFT_FROM) for key in (b'data\\"', b'"data"', b"'data'")]
    key = min((at for at in keys if at >= 0), default=-1)
    if key < 0:
        return raw, None
    colon = raw.find(b":", key)
    quotes = [at for at in (raw.find(b'"', colon), raw.find(b"'", colon, colon + 16)) if at >= 0]
    if colon < 0 or not quotes:
        return raw, None
    start = min(quotes) + 1
    ends = [at for at in (raw.find(mark, start) for mark in (b"\\", b'"', b"'")) if at >= 0]
    end = min(ends, default=-1)
    if end - start < _LIFT_FROM or raw[end : end + 2] not in (b'\\"', b'",', b'"}', b"',", b"'}", b'" ', b"' "):
        return raw, None
    return raw[:start] + _PLACEHOLDER + raw[end:], raw[start:end]


def decode_masks(features: object, payload: bytes | None, where: str = "image_features") -> NDArray[np.generic]:
    """Masks (P, H, W) of an `image_features` value in any of its documented forms.

    Args:
        features: JSON string, single-quoted string, or object.
        payload: the base64 text that `lift_payload` cut out, None when it is still in `features`.

    Raises:
        ModelResponseInvalid: names the field that breaks the contract.
    """
    fields = _fields(features, where)
    shape = _shape(fields.get("shape"), where)
    dtype = _DTYPES.get(str(fields.get("dtype", "")).removeprefix("numpy.").removeprefix("torch."))
    if dtype is None:
        raise _broken("not one of uint8, bool, float32, float64", f"{where}.dtype")
    data = fields.get("data")
    if payload is not None and data == _PLACEHOLDER.decode():
        text = payload
    elif isinstance(data, str):
        text = data.encode("ascii", "replace").translate(None, b"\r\n")
    else:
        raise _broken("not base64 text", f"{where}.data")
    values = _base64_bytes(text, f"{where}.data")
    if values.size != math.prod(shape) * np.dtype(dtype).itemsize:
        raise _broken(f"{values.size} bytes do not fill shape {shape}", f"{where}.data")
    return _checked(values.view(dtype).reshape(shape), f"{where}.data")


def _fields(features: object, where: str) -> dict[str, Any]:
    if isinstance(features, str):
        features = _parse_text(features, where)
    if not isinstance(features, dict):
        raise _broken("not an object with data, shape and dtype", where)
    return features


def _parse_text(text: str, where: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    # Python's own notation. Its parser must meet neither deep nesting nor endless text.
    if len(text) > _LITERAL_LIMIT or sum(text.count(mark) for mark in "([{") > 16:
        raise _broken("not JSON", where)
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError) as error:
        raise _broken("not JSON", where) from error


def _shape(value: object, where: str) -> tuple[int, int, int]:
    numbers = list(value) if isinstance(value, list | tuple) else []
    whole = all(isinstance(n, int) and not isinstance(n, bool) and 0 < n <= 65536 for n in numbers)
    if not whole or len(numbers) not in (2, 3):
        raise _broken("not [masks, height, width]", f"{where}.shape")
    padded = [1, *numbers] if len(numbers) == 2 else numbers
    return padded[0], padded[1], padded[2]


def _checked(values: NDArray[np.generic], where: str) -> NDArray[np.generic]:
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise _broken("NaN or infinity in the masks", where)
        if values.size and (values.min() < 0 or values.max() > 255):
            raise _broken("values outside 0–255", where)
    elif values.dtype == np.bool_ and values.view(np.uint8).max(initial=0) > 1:
        raise _broken("bool values that are neither 0 nor 1", where)
    return values


def _pair_table() -> NDArray[np.uint32]:
    """12 bits for every pair of base64 characters; 0x8000 marks a pair that is none."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    six = np.full(256, 0x8000, np.uint32)
    six[np.frombuffer(alphabet, np.uint8)] = np.arange(64, dtype=np.uint32)
    table = np.asarray((six[None, :] << 6) | six[:, None], np.uint32)
    table[(six[None, :] == 0x8000) | (six[:, None] == 0x8000)] = 0x8000
    return table.ravel()


_PAIRS = _pair_table()


def _base64_bytes(text: bytes, where: str) -> NDArray[np.uint8]:
    """Bytes of base64 text. Masks are mostly zeros ("AAAA"), so only the other quads are decoded."""
    if len(text) % 4:
        raise _broken("base64 that was cut off", where)
    head = np.frombuffer(text, "<u4", count=max(len(text) // 4 - 1, 0))
    filled = np.flatnonzero(head != np.uint32(0x41414141))
    try:
        if filled.size * 2 > head.size:
            return np.frombuffer(binascii.a2b_base64(text, strict_mode=True), np.uint8)
        tail = binascii.a2b_base64(text[len(head) * 4 :], strict_mode=True) if text else b""
    except binascii.Error as error:
        raise _broken("not base64", where) from error
    out = np.zeros(head.size * 3 + len(tail), np.uint8)
    out[head.size * 3 :] = np.frombuffer(tail, np.uint8)
    pairs = _PAIRS.take(head[filled].view("<u2").astype(np.intp)).reshape(-1, 2)
    if np.any(pairs & 0x8000):
        raise _broken("not base64", where)
    triples = (pairs[:, 0] << 12 | pairs[:, 1]).astype(">u4").view(np.uint8).reshape(-1, 4)
    out[: head.size * 3].reshape(-1, 3)[filled] = triples[:, 1:]
    return out


def _broken(reason: str, where: str) -> ModelResponseInvalid:
    return ModelResponseInvalid(f"The answer breaks MedImageParse's contract: {reason}.", where=where)
