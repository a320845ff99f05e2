"""An upload from its first byte to the intake."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from api.errors import NothingUsable, NotMultipart, RequestIncomplete
from api.services import Services
from api.studies.archive import Unpacked, is_archive, unpack
from api.studies.connection import while_connected
from domain.study import Refusal
from records.files import arriving_suffix
from records.intake import Received
from tools.file_walk import printable

PART = "files"
DESCRIPTION = "described"
LONGEST_DESCRIPTION = 500


@dataclass
class Arrived(Unpacked):
    """Files of an upload: base name on disk → the sender's name, what was refused, what they are said to show."""

    described: str = ""


async def take_in(request: Request, services: Services) -> Received:
    """Keep every usable study of a multipart upload.

    Raises:
        NotMultipart, RequestIncomplete, UploadTooLarge: it cannot be read.
        NothingUsable: everything was refused.
        ClientDisconnect: the sender hung up; nothing of the upload is kept.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise NotMultipart("The request is not multipart/form-data.", where="Content-Type")
    folder = services.inbox / uuid.uuid4().hex
    await asyncio.to_thread(folder.mkdir, parents=True)
    try:
        arrived = await _save(request, services, folder)
        paths = [folder / name for name in sorted(arrived.names)]
        admitting = services.intake.admit(services.nobody, paths, arrived.names, arrived.described)
        received = await while_connected(request, admitting)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    refused = (*arrived.refused, *received.refused)
    if not received.records:
        raise NothingUsable("None of the files can be used.", refused=refused)
    return Received(received.records, refused)


async def _save(request: Request, services: Services, folder: Path) -> Arrived:
    """Write the parts into `folder`, archives unpacked."""
    arrived = Arrived()
    try:
        async with request.form(max_files=services.limits.upload_files, max_fields=16) as form:
            parts = [part for part in form.getlist(PART) if isinstance(part, UploadFile)]
            _require(parts)
            arrived.described = _described(form.get(DESCRIPTION))
            await while_connected(request, _save_parts(parts, services, folder, arrived))
    except HTTPException as error:  # Starlette's own word for a broken or oversized form
        raise RequestIncomplete(f"The form cannot be read: {error.detail}", where="body") from None
    return arrived


def _described(said: object) -> str:
    text = said.strip() if isinstance(said, str) else ""
    if len(text) > LONGEST_DESCRIPTION:
        raise RequestIncomplete(f"It is longer than {LONGEST_DESCRIPTION} characters.", where=DESCRIPTION)
    return text


def _require(parts: Sequence[UploadFile]) -> None:
    if not parts:
        raise RequestIncomplete("No file was sent.", where=PART, remedy=f"Send one part or more named `{PART}`.")


async def _save_parts(parts: Sequence[UploadFile], services: Services, folder: Path, arrived: Arrived) -> None:
    for number, part in enumerate(parts):
        await _save_part(part, number, services, folder, arrived)


async def _save_part(part: UploadFile, number: int, services: Services, folder: Path, arrived: Arrived) -> None:
    name = printable(part.filename or f"file {number + 1}")
    target = folder / f"f{number:06d}{arriving_suffix(name)}"
    size = await asyncio.to_thread(_copy, part, target)
    if size == 0:
        arrived.refused.append(Refusal(name, "The file is empty.", "Send the file again from its source."))
        target.unlink()
    elif is_archive(target):
        archive = target.rename(folder.with_name(f"{folder.name}-{number}.zip"))
        try:
            unpacked = await services.compute.run(unpack, archive, folder, f"{number} {name}", services.limits)
        finally:
            await asyncio.to_thread(archive.unlink)
        arrived.names |= unpacked.names
        arrived.refused += unpacked.refused
    else:
        arrived.names[target.name] = name


def _copy(part: UploadFile, target: Path) -> int:
    with target.open("wb") as file:
        shutil.copyfileobj(part.file, file, 1 << 20)
        return file.tell()
