"""Files below a folder one by one, in the order of their names, with no more in memory than the largest folder's names.

`tools.file_walk` remembers every file that it saw, which is right for an upload and wrong for three million slices.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from domain.study import Refusal
from tools.file_walk import printable

_SEND_FILES = "Give image files, or folders that hold them."


@dataclass(frozen=True)
class Place:
    """A regular file.

    Attributes:
        name: relative to what the user gave, as text that every terminal can take.
        size, changed: bytes, and time of the last change in ns: equal ones are the same content.
        member: number in a zip archive, -1 for a file of its own.
    """

    path: Path
    name: str
    size: int
    changed: int
    member: int = -1


def places(given: Path, name: str = "") -> Iterator[Place | Refusal]:
    """Everything below a folder, or the file itself.

    Hidden files are left out, links to folders below are not followed, devices and pipes are never opened.

    Args:
        name: what names of refusals and files begin with.
    """
    try:
        found = given.stat()
    except (OSError, ValueError) as error:
        yield Refusal(printable(name or given.name), _why_not(error), _SEND_FILES)
        return
    if stat.S_ISDIR(found.st_mode):
        yield from _below(given, f"{name}/" if name else "")
    else:
        yield _place(given, name or given.name, found)


def _below(folder: Path, prefix: str) -> Iterator[Place | Refusal]:
    waiting: list[tuple[Path, str]] = [(folder, prefix)]
    while waiting:
        here, prefix = waiting.pop()
        try:
            names = sorted(name for name in os.listdir(here) if not name.startswith("."))  # noqa: PTH208 - names only
        except OSError as error:
            yield Refusal(printable(prefix.rstrip("/") or here.name), _why_not(error), _SEND_FILES)
            continue
        folders: list[tuple[Path, str]] = []
        for name in names:
            path, shown = here / name, prefix + name
            try:
                found = path.stat()
            except OSError as error:
                yield Refusal(printable(shown), _why_not(error), _SEND_FILES)
                continue
            if not stat.S_ISDIR(found.st_mode):
                yield _place(path, shown, found)
            elif path.is_symlink():
                yield Refusal(printable(shown), "A link to a folder: not followed.", _SEND_FILES)
            else:
                folders.append((path, f"{shown}/"))
        waiting.extend(reversed(folders))


def _place(path: Path, name: str, found: os.stat_result) -> Place | Refusal:
    if not stat.S_ISREG(found.st_mode):
        return Refusal(printable(name), "Not a regular file, but a device, pipe or socket.", _SEND_FILES)
    return Place(path.absolute(), printable(name), found.st_size, found.st_mtime_ns)


def _why_not(error: OSError | ValueError) -> str:
    if isinstance(error, PermissionError):
        return "It may not be read by this user."
    if isinstance(error, FileNotFoundError):
        return "There is no such file or folder."
    return f"It cannot be looked at ({type(error).__name__})."
