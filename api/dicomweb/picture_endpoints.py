"""WADO-RS: rendered instances and thumbnails (PS3.18 10.4.1.1.4 and 10.4.1.1.5)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.dicomweb.errors import InstanceNotFound, NotAcceptable
from api.dicomweb.headers import Stored
from api.dicomweb.media import accepted, choose
from api.dicomweb.pictures import THUMBNAIL, TYPES, look_of, picture
from api.dicomweb.reading import Read
from api.dicomweb.retrieve_endpoints import INSTANCE, SERIES, STUDY
from api.dicomweb.search_endpoints import Uid
from api.dicomweb.sending import KEPT, unchanged, validator
from api.services import Services
from api.studies.rendering import PictureCache
from domain.errors import UnusableInput

router = APIRouter()
Frame = Annotated[int, Path(ge=1, le=10**6, description="Number of a frame, from 1.")]


@router.get(INSTANCE + "/rendered")
async def get_rendered(request: Request, study_uid: Uid, series_uid: Uid, instance_uid: Uid, reader: Read) -> Response:
    """Its first frame. For looking; measurements are made on the source values, never on this."""
    stored = (await reader.find(study_uid, series_uid, instance_uid))[0]
    return await _picture(request, reader.services, stored, 1, None)


@router.get(INSTANCE + "/frames/{frame}/rendered")
async def get_rendered_frame(
    *, request: Request, study_uid: Uid, series_uid: Uid, instance_uid: Uid, frame: Frame, reader: Read
) -> Response:
    """One frame."""
    stored = (await reader.find(study_uid, series_uid, instance_uid))[0]
    return await _picture(request, reader.services, stored, frame, None)


@router.get(STUDY + "/thumbnail")
async def get_study_thumbnail(request: Request, study_uid: Uid, reader: Read) -> Response:
    """The middle of its first series with pictures."""
    found = [one for one in await reader.find(study_uid) if one.instance.frames]
    first = [one for one in found if one.instance.series_uid == found[0].instance.series_uid]
    return await _thumbnail(request, reader.services, first)


@router.get(SERIES + "/thumbnail")
async def get_series_thumbnail(request: Request, study_uid: Uid, series_uid: Uid, reader: Read) -> Response:
    """The middle of the series."""
    found = await reader.find(study_uid, series_uid)
    return await _thumbnail(request, reader.services, [one for one in found if one.instance.frames])


@router.get(INSTANCE + "/thumbnail")
async def get_instance_thumbnail(
    request: Request, study_uid: Uid, series_uid: Uid, instance_uid: Uid, reader: Read
) -> Response:
    """The middle frame."""
    return await _thumbnail(request, reader.services, await reader.find(study_uid, series_uid, instance_uid))


@router.get(INSTANCE + "/frames/{frame}/thumbnail")
async def get_frame_thumbnail(
    *, request: Request, study_uid: Uid, series_uid: Uid, instance_uid: Uid, frame: Frame, reader: Read
) -> Response:
    """One frame."""
    stored = (await reader.find(study_uid, series_uid, instance_uid))[0]
    return await _picture(request, reader.services, stored, frame, THUMBNAIL)


async def _thumbnail(request: Request, services: Services, stored: list[Stored]) -> Response:
    if not stored or not stored[len(stored) // 2].instance.frames:
        raise NotAcceptable("Nothing here has pixels.", remedy="Ask a series of images.")
    middle = stored[len(stored) // 2]
    return await _picture(request, services, middle, (middle.instance.frames + 1) // 2, THUMBNAIL)


async def _picture(request: Request, services: Services, stored: Stored, frame: int, size: int | None) -> Response:
    instance = stored.instance
    look = look_of(request, choose(accepted(request), TYPES), size)
    if not instance.frames:
        raise NotAcceptable("This instance has no pixels.", remedy="Retrieve the instance itself.")
    if frame > instance.frames:
        raise InstanceNotFound(f"Frames of this instance go from 1 to {instance.frames}.", where="frame")
    etag = validator([stored], frame, look)
    same = unchanged(request, etag)
    if same is not None:
        return same
    cache: PictureCache = request.app.state.pictures
    key = ("dicomweb", etag)
    content = cache.get(key)
    if content is None:
        try:
            content = await services.compute.run(picture, stored.source.path, instance.modality, frame, look)
        except FileNotFoundError:
            raise InstanceNotFound("The file of this instance is gone.", remedy="Send the study again.") from None
        except UnusableInput as error:
            raise NotAcceptable("This frame cannot be shown as a picture.") from error
        cache.put(key, content)
    return Response(content, media_type=look.media_type, headers=KEPT | {"ETag": etag})
