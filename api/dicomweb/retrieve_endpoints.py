"""WADO-RS: instances, metadata, frames, bulk data (PS3.18 10.4)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import StreamingResponse

from api.dicomweb.errors import InstanceNotFound, QueryRefused
from api.dicomweb.headers import Stored
from api.dicomweb.media import OCTETS, accepted, choose, require_json
from api.dicomweb.multipart import Part, one_block, related
from api.dicomweb.reading import Read
from api.dicomweb.search_endpoints import Uid, base_of
from api.dicomweb.sending import KEPT, send_frames, send_instances, unchanged, validator
from tools.dicom_instance import bulk_data

router = APIRouter()
MOST_FRAMES = 10_000
STUDY = "/studies/{study_uid}"
SERIES = STUDY + "/series/{series_uid}"
INSTANCE = SERIES + "/instances/{instance_uid}"


@router.get(STUDY)
async def get_study(request: Request, study_uid: Uid, reader: Read) -> Response:
    """All its instances, those that analyses made too."""
    return await send_instances(request, reader.services, await reader.find(study_uid), base_of(request))


@router.get(SERIES)
async def get_series(request: Request, study_uid: Uid, series_uid: Uid, reader: Read) -> Response:
    """All its instances."""
    return await send_instances(request, reader.services, await reader.find(study_uid, series_uid), base_of(request))


@router.get(INSTANCE)
async def get_instance(request: Request, study_uid: Uid, series_uid: Uid, instance_uid: Uid, reader: Read) -> Response:
    """One DICOM file."""
    found = await reader.find(study_uid, series_uid, instance_uid)
    return await send_instances(request, reader.services, found, base_of(request))


@router.get(STUDY + "/metadata")
async def get_study_metadata(request: Request, study_uid: Uid, reader: Read) -> Response:
    """Of all its instances."""
    return _metadata(request, await reader.find(study_uid))


@router.get(SERIES + "/metadata")
async def get_series_metadata(request: Request, study_uid: Uid, series_uid: Uid, reader: Read) -> Response:
    """Of all its instances."""
    return _metadata(request, await reader.find(study_uid, series_uid))


@router.get(INSTANCE + "/metadata")
async def get_instance_metadata(
    request: Request, study_uid: Uid, series_uid: Uid, instance_uid: Uid, reader: Read
) -> Response:
    """An array of one."""
    return _metadata(request, await reader.find(study_uid, series_uid, instance_uid))


@router.get(INSTANCE + "/frames/{frames}")
async def get_frames(
    *,
    request: Request,
    study_uid: Uid,
    series_uid: Uid,
    instance_uid: Uid,
    frames: Annotated[str, Path(max_length=60_000, pattern=r"^[0-9]+(,[0-9]+)*$", description="Numbers from 1.")],
    reader: Read,
) -> Response:
    """As stored where the client takes that transfer syntax, else as native little endian pixels."""
    stored = (await reader.find(study_uid, series_uid, instance_uid))[0]
    return await send_frames(request, reader.services, stored, frame_numbers(frames), base_of(request))


@router.get(INSTANCE + "/pixeldata")
async def get_pixel_data(
    request: Request, study_uid: Uid, series_uid: Uid, instance_uid: Uid, reader: Read
) -> Response:
    """Where the BulkDataURI of Pixel Data leads."""
    stored = (await reader.find(study_uid, series_uid, instance_uid))[0]
    numbers = range(1, stored.instance.frames + 1)
    return await send_frames(request, reader.services, stored, numbers, base_of(request))


@router.get(INSTANCE + "/bulkdata/{place:path}")
async def get_bulk_data(
    *,
    request: Request,
    study_uid: Uid,
    series_uid: Uid,
    instance_uid: Uid,
    place: Annotated[str, Path(max_length=400, pattern=r"^[0-9A-F]{8}(/[0-9]{1,6}/[0-9A-F]{8})*$")],
    reader: Read,
) -> Response:
    """Where any other BulkDataURI leads: the bytes of the value as the file holds them."""
    wanted = accepted(request)
    choose(wanted, (OCTETS,))
    stored = (await reader.find(study_uid, series_uid, instance_uid))[0]
    etag = validator([stored], place)
    same = unchanged(request, etag)
    if same is not None:
        return same
    value = await reader.services.compute.run(bulk_data, stored.source.path, place)
    if value is None:
        raise InstanceNotFound("There is no such value.", where="place")
    headers = KEPT | {"ETag": etag}
    if any(one.media_type == OCTETS and not one.related for one in wanted):
        return Response(value, media_type=OCTETS, headers=headers)
    return await related(_only(Part(OCTETS, str(request.url), one_block(value))), OCTETS, headers)


async def _only(part: Part) -> AsyncIterator[Part]:
    yield part


def frame_numbers(text: str) -> list[int]:
    """Numbers of a list. Raises QueryRefused for more than are sent at once."""
    numbers = [int(number) for number in text.split(",", MOST_FRAMES)[:MOST_FRAMES] if len(number) < 10]
    if len(numbers) != text.count(",") + 1:
        raise QueryRefused(f"More than {MOST_FRAMES} frames, or a number that no frame has.", where="frames")
    return numbers


def _metadata(request: Request, stored: Sequence[Stored]) -> Response:
    media_type, base = require_json(request), base_of(request)
    etag = validator(stored, media_type, base)
    same = unchanged(request, etag)
    if same is not None:
        return same
    return StreamingResponse(_documents(stored, base), media_type=media_type, headers=KEPT | {"ETag": etag})


def _documents(stored: Sequence[Stored], base: str) -> Iterator[bytes]:
    # In JSON text this name in quotes can only be a key: a quote inside a value is escaped.
    here, there = b'"BulkDataURI":"/', f'"BulkDataURI":"{base}/'.encode()
    yield b"["
    for number, one in enumerate(stored):
        yield (b"," if number else b"") + one.instance.metadata.replace(here, there)
    yield b"]"
