"""Unpacking of zip archives that strangers send: names lead nowhere, bombs stop early."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from api.services import Limits
from domain.study import Refusal
from records.files import arriving_suffix

_BLOCK = 1 << 20
_LARGE = 64 << 20
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
        limits: members, bytes and ratio; counted on what is really written, not on what headers claim.
    """
    result = Unpacked()
    try:
        with zipfile.ZipFile(archive) as opened:
            _members(opened, folder, label, limits, result)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        result.refused.append(Refusal(label, f"The archive is broken ({type(error).__name__}).", "Pack it again."))
    return result


def _members(opened: zipfile.ZipFile, folder: Path, label: str, limits: Limits, result: Unpacked) -> None:
    members = [info for info in opened.infolist() if not info.is_dir() and not _noise(info.filename)]
    if len(members) > limits.archive_files:
        result.refused.append(
            Refusal(label, f"The archive holds {len(members)} files, more than {limits.archive_files}.", "Send parts.")
        )
        return
    room = limits.archive_bytes
    for number, info in enumerate(members):
        if reason := _refusal(info, limits):
            result.refused.append(Refusal(info.filename, reason, "Send the file by itself."))
            continue
        target = folder / f"{archive_number(label, number)}{arriving_suffix(info.filename)}"
        written, reason = _write(opened, info, target, room)
        room -= written
        if reason:
            target.unlink(missing_ok=True)
            result.refused.append(Refusal(info.filename, reason, "Pack the archive again, or send its files."))
            if room <= 0:
                return
        else:
            result.names[target.name] = info.filename


def archive_number(label: str, number: int) -> str:
    """Base name of a member on disk; archives of one upload do not meet."""
    return f"z{zlib.crc32(label.encode()):08x}-{number:06d}"


def _noise(name: str) -> bool:
    return name.startswith(_NOISE[0]) or PurePosixPath(name).name in _NOISE[1:]


def _refusal(info: zipfile.ZipInfo, limits: Limits) -> str:
    path = PurePosixPath(info.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        return "Its name leads out of the archive."
    if info.flag_bits & 0x1:
        return "It is encrypted."
    if stat.S_ISLNK(info.external_attr >> 16):
        return "It is a link."
    if info.file_size > _LARGE and info.file_size > limits.archive_ratio * max(info.compress_size, 1):
        return "It unpacks to far more than an image does."
    return ""


def _write(opened: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, room: int) -> tuple[int, str]:
    """Bytes written and, when it went wrong, why."""
    written = 0
    try:
        with opened.open(info) as source, target.open("wb") as file:
            for block in _blocks(source):
                written += len(block)
                if written > room:
                    return written, "The archive unpacks to more than the limit."
                file.write(block)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        return written, f"It cannot be unpacked ({type(error).__name__})."
    return written, "It is an archive in an archive." if is_archive(target) else ""


def _blocks(source: IO[bytes]) -> Iterator[bytes]:
    while block := source.read(_BLOCK):
        yield block
