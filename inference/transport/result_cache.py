"""Answers that were paid for once: bounded by bytes, least recently used first out.

The key is model, version, deployment and the SHA-256 of the body (pixels, prompts and parameters together). Of a
model whose version nobody states, answers are kept in this process only and never on disk: what "unknown" means
may change between two runs. Failures never get here.
"""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

UNKNOWN = "unknown"
_DIGEST = 32


@dataclass(frozen=True)
class CacheKey:
    """What an answer depends on. `body`: SHA-256 of the request's body, hexadecimal."""

    model: str
    version: str
    deployment: str
    body: str

    @property
    def file_name(self) -> str:
        """Name in the folder; tells nothing."""
        parts = (self.model, self.version, self.deployment, self.body)
        return sha256("\0".join(parts).encode()).hexdigest()


class ResultCache:
    """Answers in memory, and behind them in a folder when there is one.

    Args:
        max_bytes: of answers in memory; 0 keeps none there. A larger answer than that is not kept there.
        folder: made when missing, for its owner only; one process at a time.
        folder_bytes: of answers in the folder.
    """

    def __init__(self, max_bytes: int = 256 << 20, *, folder: Path | None = None, folder_bytes: int = 2 << 30) -> None:
        self.hits = self.misses = 0
        self._max_bytes = max_bytes
        self._size = 0
        self._kept: OrderedDict[CacheKey, bytes] = OrderedDict()
        self._folder = None if folder is None else _Folder(folder, folder_bytes)

    async def get(self, key: CacheKey) -> bytes | None:
        """The answer, or None."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        elif self._folder is not None and key.version != UNKNOWN:
            found = await asyncio.to_thread(self._folder.get, key.file_name)
            if found is not None:
                self._keep(key, found)
        return found

    async def put(self, key: CacheKey, answer: bytes) -> None:
        """Keep an answer."""
        self._keep(key, answer)
        if self._folder is not None and key.version != UNKNOWN:
            await asyncio.to_thread(self._folder.put, key.file_name, answer)

    async def discard(self, key: CacheKey) -> None:
        """Forget an answer that turned out to be none."""
        self._size -= len(self._kept.pop(key, b""))
        if self._folder is not None:
            await asyncio.to_thread(self._folder.discard, key.file_name)

    def count(self, hit: bool) -> None:
        """One look-up, whose keys may have been several."""
        self.hits += hit
        self.misses += not hit

    def snapshot(self) -> dict[str, int]:
        """Hits, misses, and what is in memory."""
        return {"hits": self.hits, "misses": self.misses, "entries": len(self._kept), "bytes": self._size}

    def _keep(self, key: CacheKey, answer: bytes) -> None:
        self._size -= len(self._kept.pop(key, b""))
        if len(answer) > self._max_bytes:
            return
        self._kept[key] = answer
        self._size += len(answer)
        while self._size > self._max_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._size -= len(dropped)


class _Folder:
    """A file an answer: its SHA-256, then the answer. Unreadable or changed files are as good as absent."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._max_bytes = max_bytes

    def get(self, name: str) -> bytes | None:
        path = self._folder / name
        try:
            stored = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        answer = stored[_DIGEST:]
        if sha256(answer).digest() != stored[:_DIGEST]:
            self.discard(name)
            return None
        return answer

    def put(self, name: str, answer: bytes) -> None:
        """Whole or not at all; a full disk costs the cache, not the call."""
        if len(answer) + _DIGEST > self._max_bytes:
            return
        draft = self._folder / f".{uuid4().hex}"
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(sha256(answer).digest())
                file.write(answer)
            draft.replace(self._folder / name)
            self._shrink()
        except OSError:
            draft.unlink(missing_ok=True)

    def discard(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)

    def _shrink(self) -> None:
        facts = sorted((p.stat().st_mtime_ns, p.stat().st_size, p) for p in self._folder.iterdir())
        size = sum(bytes_ for _, bytes_, _ in facts)
        for _, bytes_, path in facts:
            if size <= self._max_bytes:
                return
            path.unlink(missing_ok=True)
            size -= bytes_
