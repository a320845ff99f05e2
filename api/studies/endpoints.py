"""`/studies`: send images, list studies, look at them."""

from __future__ import annotations

import asyncio
import pathlib
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response, status

from api.problems import RefusedFile, problems
from api.services import Given, Services
from api.studies.blocks import MOST_SLICES, WIRE_TYPES, read_block
from api.studies.rendering import PictureCache, render, window_of
from api.studies.schemas import StudyList, StudyView, UploadResult, study_summary, study_view
from api.studies.upload import DESCRIPTION, LONGEST_DESCRIPTION, PART, take_in
from domain.errors import StudyNotFound
from records.studies import StudyRecord

router = APIRouter(prefix="/studies", tags=["studies"])
StudyUid = Annotated[str, Path(max_length=128, description="Study Instance UID.")]

_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [PART],
                    "properties": {
                        PART: {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "description": "DICOM, NIfTI, TIFF, PNG or JPEG files, or zip archives of them.",
                        },
                        DESCRIPTION: {
                            "type": "string",
                            "maxLength": LONGEST_DESCRIPTION,
                            "description": "What they show, for formats that do not say.",
                            "example": "chest X-ray",
                        },
                    },
                }
            }
        },
    }
}


@router.post(
    "",
    summary="Send images",
    status_code=status.HTTP_201_CREATED,
    openapi_extra=_FORM,
    responses=problems(403, 413, 415, 422),
)
async def send_images(request: Request, services: Given) -> UploadResult:
    """Files are grouped into studies; what cannot be used is refused by name, the rest is kept."""
    received = await take_in(request, services)
    if services.ordering is not None:
        for record in received.records:
            await services.ordering.arrived(record)
    return UploadResult(
        studies=[study_summary(record) for record in received.records],
        refused=[RefusedFile(file=r.file, reason=r.reason, remedy=r.remedy) for r in received.refused],
    )


@router.get("", summary="List studies", responses=problems(422))
async def list_studies(services: Given, limit: Annotated[int, Query(ge=1, le=1000)] = 200) -> StudyList:
    """Newest first."""
    return StudyList(studies=[study_summary(record) for record in await services.studies.list(services.nobody, limit)])


@router.get("/{study_uid}", summary="Look at a study", responses=problems(403, 404, 422))
async def get_study(study_uid: StudyUid, services: Given) -> StudyView:
    """Its series, their geometry and what a reader must be warned of."""
    access = await services.studies.access(services.user, study_uid)
    return study_view(await services.studies.get(access, study_uid))


@router.get(
    "/{study_uid}/series/{series_uid}/slices/{index}.png",
    summary="One slice as a picture",
    response_class=Response,
    responses={
        200: {
            "description": "8-bit PNG in the pixel grid of the series.",
            "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
        },
        **problems(403, 404, 422),
    },
)
async def get_slice(
    *,
    request: Request,
    study_uid: StudyUid,
    series_uid: Annotated[str, Path(max_length=128)],
    index: Annotated[int, Path(ge=0, description="Slice from 0, in slice order.")],
    services: Given,
    window: Annotated[
        str,
        Query(max_length=40, description="`default`, `low,high`, or for CT a name.", examples=["lung", "-150,250"]),
    ] = "default",
) -> Response:
    """For the page; measurements are made on the source values, never on this."""
    record, series, pixels = await _pixels(services, study_uid, series_uid)
    bounds = window_of(series, window)
    cache: PictureCache = request.app.state.pictures
    key = (study_uid, series_uid, index, bounds, record.updated)
    picture = cache.get(key)
    if picture is None:
        picture = await services.compute.run(render, pixels, index, bounds)
        cache.put(key, picture)
    return Response(picture, media_type="image/png")


@router.get(
    "/{study_uid}/series/{series_uid}/pixels",
    summary="Values of slices",
    response_class=Response,
    responses={
        200: {
            "description": "Values, little-endian, slice after slice, in the unit of the series.",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
            "headers": {
                "X-Pixel-Type": {"schema": {"type": "string", "enum": list(WIRE_TYPES)}},
                "X-Pixel-Shape": {"description": "slices,rows,columns, and 3 for colour", "schema": {"type": "string"}},
            },
        },
        **problems(403, 404, 422),
    },
)
async def get_pixels(
    study_uid: StudyUid,
    series_uid: Annotated[str, Path(max_length=128)],
    services: Given,
    first: Annotated[int, Query(ge=0, description="Slice from 0, in slice order.")] = 0,
    count: Annotated[int, Query(ge=1, le=MOST_SLICES, description="As many, or as there are.")] = 1,
) -> Response:
    """For viewers; a block at a time, so that reading a study is one line of the audit ledger a block."""
    _, _, pixels = await _pixels(services, study_uid, series_uid)
    block = await asyncio.to_thread(read_block, pixels, first, count)
    headers = {
        "X-Pixel-Type": block.type,
        "X-Pixel-Shape": ",".join(map(str, block.shape)),
        "Cache-Control": "no-store",
    }
    return Response(block.values, media_type="application/octet-stream", headers=headers)


async def _pixels(
    services: Services, study_uid: str, series_uid: str
) -> tuple[StudyRecord, dict[str, Any], pathlib.Path]:
    """The study, one of its series, and the file with its values. Raises StudyNotFound."""
    access = await services.studies.access(services.user, study_uid)
    record = await services.studies.get(access, study_uid, "study.pixels")
    series = next((s for s in record.series if s["series_uid"] == series_uid), None)
    if series is None:
        raise StudyNotFound("This study has no such series.", where="series_uid")
    return record, series, services.store.pixels(record, series_uid)
