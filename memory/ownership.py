"""One process owns a folder: a second writer of chromadb's files misses and loses what the first one writes."""

from __future__ import annotations

import contextlib
import os
from importlib import import_module
from pathlib import Path
from typing import Any

from memory.errors import MemoryOwned, MemoryUnavailable

LOCK_NAME = ".owner.lock"


class FolderLock:
    """An advisory lock (flock) on a file in the folder; the kernel frees it when the process ends, however it ends.

    Raises:
        MemoryOwned: another owner has it.
        MemoryUnavailable: the folder cannot be written, or this system has no flock.
    """

    def __init__(self, folder: Path) -> None:
        fcntl = _fcntl()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file: int | None = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise MemoryUnavailable(
                f"The memory's folder cannot be written ({error.strerror}).",
                where=folder.name,
                remedy="Give a folder that this user may write.",
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.pread(self._file, 20, 0).decode(errors="replace").strip()
            os.close(self._file)
            self._file = None
            process = f"process {owner}" if owner.isdigit() else "another process"
            raise MemoryOwned(f"{process.capitalize()} has this memory open.", where=folder.name) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let another process own the folder."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)
            self._file = None


def _fcntl() -> Any:
    try:
        return import_module("fcntl")
    except ImportError as error:
        raise MemoryUnavailable(
            "This system has no file locks that guard a folder.",
            where="fcntl",
            remedy="Run `chroma run --path FOLDER` and give its URL.",
        ) from error
