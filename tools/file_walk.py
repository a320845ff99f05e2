"""Paths that a user gave → regular files to read, and a refusal for whatever is none. Nothing waits, nothing is silent.

Devices, pipes and sockets are never opened; links to folders below a given folder are not followed.
"""

from __future__ import annotations

import errno
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from domain.study import Refusal

_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that a terminal obeys, hides or cannot encode: controls, formats, surrogates, line ends."""
_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_SEND_FILES = "Give image files, or folders that hold them."


@dataclass(frozen=True)
class FoundFile:
    """A regular file and its printable name relative to what the user gave; no two of one walk share a name."""

    path: Path
    name: str


@dataclass(frozen=True)
class _Place:
    path: Path
    name: str
    given: bool = False


@dataclass(eq=False)
class _Walk:
    """What has been seen, and how often a name was taken."""

    seen: set[Path] = field(default_factory=set)
    taken: dict[str, int] = field(default_factory=dict)

    def name(self, text: str) -> str:
        shown = printable(text)
        self.taken[shown] = count = self.taken.get(shown, 0) + 1
        return shown if count == 1 else self.name(f"{shown} ({count})")


def printable(name: str) -> str:
    """A file's name as text that every encoding and terminal can take; U+FFFD stands for what is not."""
    return "".join("\ufffd" if unicodedata.category(sign) in _UNPRINTABLE else sign for sign in name)


def walk(paths: Sequence[Path]) -> Iterator[FoundFile | Refusal]:
    """Everything below the paths in the order of names: files once each, the rest as refusals.

    Hidden files and folders below a given folder are left out.
    """
    state = _Walk()
    for given in paths:
        path = Path(given)
        waiting = [_Place(path, path.name or str(path), given=True)]
        while waiting:
            yield from _visit(waiting.pop(), waiting, state)


def _visit(place: _Place, waiting: list[_Place], state: _Walk) -> Iterator[FoundFile | Refusal]:
    try:
        mode = place.path.stat().st_mode
        if stat.S_ISREG(mode):
            yield from _once(place, state)
            return
        if stat.S_ISDIR(mode) and (place.given or not place.path.is_symlink()):
            waiting.extend(reversed(_children(place)))
            return
        reason = (
            "A link to a folder: not followed." if stat.S_ISDIR(mode) else f"Not a regular file, but {_kind(mode)}."
        )
    except (OSError, ValueError) as error:
        reason = _why_not(place.path, error)
    yield Refusal(state.name(place.name), reason, _SEND_FILES)


def _once(place: _Place, state: _Walk) -> Iterator[FoundFile]:
    key = place.path.resolve()
    if key not in state.seen:
        state.seen.add(key)
        yield FoundFile(place.path, state.name(place.name))


def _children(folder: _Place) -> list[_Place]:
    """Raises _EmptyFolder without any."""
    prefix = "" if folder.given else f"{folder.name}/"
    visible = sorted(child for child in folder.path.iterdir() if not child.name.startswith("."))
    if not visible:
        raise _EmptyFolder
    return [_Place(child, prefix + child.name) for child in visible]


class _EmptyFolder(OSError):
    """A folder that holds nothing but hidden files."""


def _kind(mode: int) -> str:
    return next((kind for holds, kind in _KINDS if holds(mode)), "something else")


def _why_not(path: Path, error: OSError | ValueError) -> str:
    if isinstance(error, _EmptyFolder):
        return "An empty folder (hidden files are left out)."
    if isinstance(error, PermissionError):
        return "It may not be read by this user."
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return "The path is longer than the file system allows."
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return "A link that leads back to itself."
    return "A link that leads nowhere." if _is_link(path) else "There is no such file or folder."


def _is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except (OSError, ValueError):
        return False
