"""Unpacking of zip archives that strangers send: names lead nowhere, bombs stop early."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from api.services import Limits
from domain.study import Refusal
from records.files import arriving_suffix
from tools.file_walk import printable

_BLOCK = 1 << 20
_SMALL = 1 << 20
"""Below this a member, or a whole archive, may unpack to any multiple of its size."""
_NOISE = ("__MACOSX/", ".DS_Store", "Thumbs.db")


@dataclass
class Unpacked:
    """What an archive held: base name on disk → name in the archive, and what was not unpacked."""

    names: dict[str, str] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)


def is_archive(path: Path) -> bool:
    """By content, whatever the name says."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def unpack(archive: Path, folder: Path, label: str, limits: Limits) -> Unpacked:
    """Write the members of `archive` into `folder` under numbers; their own names are only remembered.

    Args:
        label: what the sender calls the archive.
        limits: members, bytes and ratio of each member and of the whole; counted on what is really written,
            not only on what headers claim.
    """
    result = Unpacked()
    try:
        with zipfile.ZipFile(archive) as opened:
            _members(opened, folder, label, limits, result)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        result.refused.append(Refusal(label, f"The archive is broken ({type(error).__name__}).", "Pack it again."))
    return result


def _members(opened: zipfile.ZipFile, folder: Path, label: str, limits: Limits, result: Unpacked) -> None:
    members = [info for info in opened.infolist() if not info.filename.endswith("/") and not _noise(info.filename)]
    if len(members) > limits.archive_files:
        result.refused.append(
            Refusal(label, f"The archive holds {len(members)} files, more than {limits.archive_files}.", "Send parts.")
        )
        return
    room = _Room(min(limits.archive_bytes, max(_SMALL, limits.archive_ratio * _size(opened))))
    for number, info in enumerate(members):
        name = printable(info.filename) or f"{label}, member {number + 1}"
        if reason := _refusal(info, limits):
            result.refused.append(Refusal(name, reason, "Send the file by itself."))
            continue
        target = folder / f"{archive_number(label, number)}{arriving_suffix(info.filename)}"
        if reason := _write(opened, info, target, room):
            target.unlink(missing_ok=True)
            result.refused.append(Refusal(name, reason, "Pack the archive again, or send its files."))
        else:
            result.names[target.name] = name
        if room.left < 0:
            result.refused.extend(_not_reached(members[number + 1 :], label))
            return


@dataclass
class _Room:
    """Bytes that may still be written, whatever the headers of the archive claim."""

    left: int


def _size(opened: zipfile.ZipFile) -> int:
    return Path(opened.filename).stat().st_size if opened.filename else 0


def _not_reached(members: list[zipfile.ZipInfo], label: str) -> list[Refusal]:
    if not members:
        return []
    return [Refusal(label, f"{len(members)} more files of the archive were not unpacked.", "Send them by themselves.")]


def archive_number(label: str, number: int) -> str:
    """Base name of a member on disk; archives of one upload do not meet."""
    return f"z{zlib.crc32(label.encode()):08x}-{number:06d}"


def _noise(name: str) -> bool:
    return name.startswith(_NOISE[0]) or PurePosixPath(name).name in _NOISE[1:]


def _refusal(info: zipfile.ZipInfo, limits: Limits) -> str:
    path = PurePosixPath(info.filename.replace("\\", "/"))
    if not path.parts or "\0" in info.orig_filename:
        return "It has no name, or one with a NUL in it."
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        return "Its name leads out of the archive."
    if info.flag_bits & 0x1:
        return "It is encrypted."
    if stat.S_ISLNK(info.external_attr >> 16):
        return "It is a link."
    if info.file_size > _SMALL and info.file_size > limits.archive_ratio * max(info.compress_size, 1):
        return "It unpacks to far more than an image does."
    return ""


def _write(opened: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, room: _Room) -> str:
    """Why it went wrong; "" when it did not."""
    try:
        with target.open("wb") as file:
            for block in _blocks(opened, info):
                room.left -= len(block)
                if room.left < 0:
                    return "The archive unpacks to more than the limit, or to far more than images do."
                file.write(block)
    except _Damaged as damage:
        return f"It cannot be unpacked ({damage})."
    return "It is an archive in an archive." if is_archive(target) else ""


class _Damaged(Exception):
    """A member cannot be read; says which kind of error its decompressor ended with."""


def _blocks(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of a member. Each compression has errors of its own; all mean the same here."""
    try:
        with opened.open(info) as source:
            while block := source.read(_BLOCK):
                yield block
    except Exception as error:
        raise _Damaged(type(error).__name__) from error
