"""Zip archives of images: members are unpacked under numbers of ours, one at a time, and within bounds."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from domain.errors import FileUnreadable
from records.files import arriving_suffix
from tools.file_walk import printable

MARKS = (b"PK\x03\x04", b"PK\x05\x06")
MAX_MEMBERS = 200_000
MAX_MEMBER_BYTES = 4 * 1024**3
MAX_RATIO = 200
_SMALL = 1 << 20
"""Below this a member may unpack to any multiple of its size."""
_BLOCK = 1 << 20
_NOISE = ("__MACOSX/", ".DS_Store", "Thumbs.db")


@dataclass(frozen=True)
class Member:
    """A member: its number in the archive, and its printable name there."""

    number: int
    name: str
    size: int


def is_archive(path: Path) -> bool:
    """By content, whatever the name says. Raises OSError."""
    with path.open("rb") as stream:
        return stream.read(4) in MARKS


def members(archive: Path) -> list[Member]:
    """Files in an archive, in its order.

    Raises:
        FileUnreadable: it is broken, or holds more than is taken from one.
    """
    with _opened(archive) as opened:
        infos = opened.infolist()
        if len(infos) > MAX_MEMBERS:
            raise FileUnreadable(f"The archive holds more than {MAX_MEMBERS} files.", remedy="Pack it in parts.")
        found = [(n, info) for n, info in enumerate(infos) if not info.is_dir() and not _noise(info.filename)]
        return [Member(n, printable(info.filename) or f"member {n + 1}", info.file_size) for n, info in found]


def unpack(archive: Path, numbers: Iterable[int], folder: Path) -> Iterator[tuple[int, Path | str]]:
    """Members one after the other: (number, file), or (number, why not). The caller removes the files.

    Raises:
        FileUnreadable: the archive itself cannot be read.
        OSError: nothing can be written to `folder`.
    """
    with _opened(archive) as opened:
        infos = opened.infolist()
        for number in numbers:
            info = infos[number]
            name = PurePosixPath(info.filename).name
            target = folder / (name if name == "DICOMDIR" else f"m{number:06d}{arriving_suffix(info.filename)}")
            reason = _refusal(info) or _write(opened, info, target)
            yield number, reason or target


def _opened(archive: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise FileUnreadable(f"The archive is broken ({type(error).__name__}).", remedy="Pack it again.") from error


def _noise(name: str) -> bool:
    return name.startswith(_NOISE[0]) or PurePosixPath(name).name in _NOISE[1:]


def _refusal(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & 0x1:
        return "It is encrypted."
    if stat.S_ISLNK(info.external_attr >> 16):
        return "It is a link."
    if info.file_size > MAX_MEMBER_BYTES:
        return "It unpacks to more than is taken from an archive."
    if info.file_size > _SMALL and info.file_size > MAX_RATIO * max(info.compress_size, 1):
        return "It unpacks to far more than an image does."
    return ""


def _write(opened: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> str:
    """Why it went wrong, with nothing left of it; "" when it did not."""
    left = info.file_size
    with target.open("wb") as file:
        blocks = _blocks(opened, info)
        for block in blocks:
            if isinstance(block, str):
                reason = f"It cannot be unpacked ({block})."
                break
            left -= len(block)
            if left < 0:
                reason = "It unpacks to more than it says."
                break
            file.write(block)
        else:
            reason = ""
    if not reason and is_archive(target):
        reason = "It is an archive in an archive."
    if reason:
        target.unlink(missing_ok=True)
    return reason


def _blocks(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes | str]:
    """Bytes; at the end the kind of error where a decompressor gave up, each of which has errors of its own."""
    try:
        with opened.open(info) as source:
            while block := source.read(_BLOCK):
                yield block
    except GeneratorExit:
        raise
    except Exception as error:
        yield type(error).__name__
