"""Results of steps on disk: written whole or not at all, verified before they are read.

Only the file's name and its SHA-256 go into the job database; pixels and passages of a record never do. Arrays are
packed: boolean masks to bits, and all to zlib level 1, which costs less than writing them as they are.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import pickle
import shutil
import uuid
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.errors import MedImageError

SMALL = 4096
"""Bytes of an array up to which packing is not worth its while."""
LEVEL = 1
"""Of zlib: masks are mostly empty, and higher levels cost more than they save."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class ProgressNotKept(MedImageError):
    """The progress of a job cannot be written down, so it must not go on."""

    remedy_default = "Check the data folder's disk and the job database; the job goes on from its last finished step."


class ResultBroken(MedImageError):
    """The stored result of a step is gone or is not what was written; the step has to be done again."""

    remedy_default = "The step is done again by itself."


@dataclass(frozen=True)
class Stored:
    """Where a result lies: `file` relative to the store's folder, and what its bytes must hash to."""

    file: str
    sha256: str


class StepResults:
    """Results of one analysis, a file each.

    Args:
        folder: made on the first write.
        attempt: whose files these are. What a dead attempt still writes can never take the place of another's.
    """

    def __init__(self, folder: Path, attempt: int) -> None:
        self._folder = folder
        self._attempt = attempt

    def put(self, name: str, result: object) -> Stored:
        """Write a result.

        Args:
            name: unique among the names of one attempt.

        Raises:
            ProgressNotKept: the disk is full or cannot be written, or the result cannot be pickled. No file is left.
        """
        content = packed(result)
        file = f"{self._attempt}-{name}.pkl"
        _write(self._folder / file, content)
        return Stored(file, hashlib.sha256(content).hexdigest())

    def get(self, stored: Stored) -> Any:
        """Read a result, of whichever attempt.

        Raises:
            ResultBroken: it is not there, or not what was written; nothing of it was unpickled.
        """
        path = self._folder / stored.file
        if path.parent != self._folder:
            raise ResultBroken("A step's result is named outside of its folder.")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ResultBroken("A step's result cannot be read.", where=stored.file) from error
        if hashlib.sha256(content).hexdigest() != stored.sha256:
            raise ResultBroken("A step's result is not what was written.", where=stored.file)
        try:
            return unpacked(content)
        except Exception as error:
            # Verified, and still not readable: written by another version of the code.
            raise ResultBroken(
                f"A step's result cannot be used ({type(error).__name__}).", where=stored.file
            ) from error

    def clear(self) -> None:
        """Remove everything, of all attempts."""
        shutil.rmtree(self._folder, ignore_errors=True)


def packed(result: object) -> bytes:
    """A result as bytes, its larger arrays packed.

    Raises:
        ProgressNotKept: it cannot be pickled.
    """
    stream = io.BytesIO()
    try:
        _Packer(stream, protocol=pickle.HIGHEST_PROTOCOL).dump(result)
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
        raise ProgressNotKept(
            f"The result of a step cannot be kept ({type(error).__name__} for {type(result).__name__}).",
            remedy="Report this: every result of a tool must be picklable.",
        ) from error
    return stream.getvalue()


def unpacked(content: bytes) -> Any:
    """What `packed` was given. Only for bytes that were verified."""
    return pickle.loads(content)  # noqa: S301 - own file, checked against the hash that the job database holds


class _Packer(pickle.Pickler):
    """Pickles arrays as packed bytes."""

    def reducer_override(self, value: object) -> Any:
        if type(value) is not np.ndarray or value.nbytes < SMALL or value.dtype.hasobject:
            return NotImplemented
        order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
        flat = value.ravel(order="K") if value.flags.forc else value.ravel()
        bits = value.dtype == np.bool_
        raw = np.packbits(flat) if bits else np.ascontiguousarray(flat)
        body = zlib.compress(raw.view(np.uint8).data, LEVEL)
        return _array, (body, value.dtype.str, value.shape, order, bool(value.flags.writeable))


def _array(body: bytes, dtype: str, shape: tuple[int, ...], order: str, writeable: bool) -> NDArray[Any]:
    count, kind = int(np.prod(shape)), np.dtype(dtype)
    raw = zlib.decompress(body, bufsize=max(1, count // 8 + 1 if kind == np.bool_ else count * kind.itemsize))
    if kind == np.bool_:
        flat = np.unpackbits(np.frombuffer(raw, np.uint8), count=count).view(np.bool_)
    else:
        flat = np.frombuffer(bytearray(raw), kind) if writeable else np.frombuffer(raw, kind)
    array = flat.reshape(shape, order="F" if order == "F" else "C")
    array.flags.writeable = writeable
    return array


def _write(path: Path, content: bytes) -> None:
    """Beside, to the disk, then renamed: a reader sees all of it or nothing."""
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise not_kept(error) from error


def not_kept(error: BaseException) -> ProgressNotKept:
    """The error that a user reads where progress cannot be written; without paths and without texts of others."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return ProgressNotKept(
            "The disk of the data folder is full.",
            remedy="Free space on it; the job then goes on from its last finished step.",
        )
    kind = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else type(error).__name__
    return ProgressNotKept(f"The progress of the job cannot be written ({kind}).")
