"""Instances and frames on their way out: as stored, or made into Explicit VR Little Endian one at a time."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from hashlib import sha256
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from api.dicomweb.errors import InstanceNotFound, NotAcceptable
from api.dicomweb.headers import Stored
from api.dicomweb.media import DICOM, Offer, accepted, frame_offer, instance_offer
from api.dicomweb.multipart import Part, begun, file_blocks, one_block, related
from api.services import Services
from domain.errors import PixelsUndecodable
from tools.dicom_instance import file_head
from tools.dicom_stored_frames import NATIVE, native_frame, stored_frame, write_explicit_little_endian

KEPT = {"Cache-Control": "private, no-cache", "Vary": "Accept"}
"""A browser may keep it, and asks each time whether it may show it: the answer is short, the patient lock holds."""


def validator(stored: Sequence[Stored], *also: object) -> str:
    """A weak entity tag of what is made of these instances: boundaries differ, what is between them does not."""
    digest = sha256(repr([one.tag for one in stored] + [str(one) for one in also]).encode())
    return f'W/"{digest.hexdigest()[:40]}"'


def unchanged(request: Request, etag: str) -> Response | None:
    """304 when the client holds this already."""
    held = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if etag.removeprefix("W/") not in held and "*" not in held:
        return None
    return Response(status_code=304, headers=KEPT | {"ETag": etag})


async def send_instances(request: Request, services: Services, stored: Sequence[Stored], base: str) -> Response:
    """Whole instances.

    One that should be made into another transfer syntax and cannot be is sent as it is stored, and says so in its
    part; where it is the only one, the client hears that instead.

    Raises:
        NotAcceptable, InstanceNotFound.
    """
    wanted = accepted(request)
    offers = [instance_offer(wanted, one.instance.transfer_syntax) for one in stored]
    etag = validator(stored, *offers)
    same = unchanged(request, etag)
    if same is not None:
        return same
    headers = KEPT | {"ETag": etag}
    single = len(stored) == 1
    try:
        if single and not offers[0].related:
            blocks = await begun(_instance(services, stored[0], offers[0]))
            return StreamingResponse(blocks, media_type=offers[0].content_type, headers=headers)
        return await related(_instance_parts(services, stored, offers, base, single=single), DICOM, headers)
    except PixelsUndecodable as error:
        raise NotAcceptable(error.reason) from error


async def send_frames(
    request: Request, services: Services, stored: Stored, numbers: Sequence[int], base: str
) -> Response:
    """Frames of an instance, in the order in which they are asked for.

    Raises:
        NotAcceptable, InstanceNotFound, PixelsUndecodable.
    """
    instance = stored.instance
    if not numbers or not all(1 <= number <= instance.frames for number in numbers):
        raise InstanceNotFound(f"Frames of this instance go from 1 to {instance.frames}.", where="frames")
    offer = frame_offer(accepted(request), instance.transfer_syntax)
    etag = validator([stored], offer, *numbers)
    same = unchanged(request, etag)
    if same is not None:
        return same
    headers = KEPT | {"ETag": etag}
    if len(numbers) == 1 and not offer.related:
        return Response(
            await _frame(services, stored, numbers[0], offer), media_type=offer.content_type, headers=headers
        )
    return await related(_frame_parts(services, stored, numbers, offer, base), offer.media_type, headers)


async def _instance_parts(
    services: Services, stored: Sequence[Stored], offers: Sequence[Offer], base: str, *, single: bool
) -> AsyncIterator[Part]:
    for one, offer in zip(stored, offers, strict=True):
        location, sent, blocks = base + one.instance.path, offer, _instance(services, one, offer)
        try:
            blocks = await begun(blocks)
        except PixelsUndecodable:
            if single:
                raise
            sent = Offer(DICOM, one.instance.transfer_syntax, True, True)
            blocks = _instance(services, one, sent)
        yield Part(sent.content_type, location, blocks)


async def _instance(services: Services, stored: Stored, offer: Offer) -> AsyncIterator[bytes]:
    path = stored.source.path
    if not await asyncio.to_thread(path.is_file):
        raise InstanceNotFound("The file of this instance is gone.", remedy="Send the study again.")
    if not offer.stored:
        async for block in _made(services, path):
            yield block
        return
    head, start = (b"", 0) if stored.instance.complete else await asyncio.to_thread(file_head, path)
    async for block in file_blocks(path, head, start):
        yield block


async def _made(services: Services, path: Path) -> AsyncIterator[bytes]:
    target = services.inbox / f"{uuid.uuid4().hex}.dcm"
    await asyncio.to_thread(services.inbox.mkdir, parents=True, exist_ok=True)
    try:
        await services.compute.run(write_explicit_little_endian, path, target)
        async for block in file_blocks(target):
            yield block
    finally:
        target.unlink(missing_ok=True)


async def _frame_parts(
    services: Services, stored: Stored, numbers: Sequence[int], offer: Offer, base: str
) -> AsyncIterator[Part]:
    for number in numbers:
        frame = await _frame(services, stored, number, offer)
        yield Part(offer.content_type, f"{base}{stored.instance.path}/frames/{number}", one_block(frame))


async def _frame(services: Services, stored: Stored, number: int, offer: Offer) -> bytes:
    """Read in a thread where bytes are only copied, made in a compute process where they are decoded."""
    path, instance = stored.source.path, stored.instance
    try:
        if offer.stored and instance.transfer_syntax not in NATIVE:
            return await asyncio.to_thread(stored_frame, path, instance, number)
        if instance.in_place:
            return await asyncio.to_thread(native_frame, path, instance, number)
        return await services.compute.run(native_frame, path, instance, number)
    except FileNotFoundError:
        raise InstanceNotFound("The file of this instance is gone.", remedy="Send the study again.") from None
