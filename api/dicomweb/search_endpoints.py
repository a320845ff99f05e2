"""QIDO-RS: `/studies`, `/studies/{s}/series`, `/studies/{s}/instances`, `/studies/{s}/series/{u}/instances`."""

from __future__ import annotations

import asyncio
import json
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.dicomweb.headers import Stored
from api.dicomweb.matching import STUDY_UID, Query, matches, parse, uids
from api.dicomweb.media import require_json
from api.dicomweb.reading import Read, Reader
from api.dicomweb.searching import (
    HEADER_ATTRIBUTES,
    INSTANCE_ATTRIBUTES,
    SERIES_ATTRIBUTES,
    STUDY_ATTRIBUTES,
    by_series,
    header_of,
    paged,
    series_of,
    shown,
    study_of,
    with_study,
)
from domain.errors import StudyNotFound
from records.artifacts import files_of
from records.files import FILES
from records.studies import StudyRecord
from tools.dicom_instance import read_instance
from tools.dicom_json import Json, encoded

router = APIRouter()
ROOT = "/dicom-web"
Uid = Annotated[str, Path(max_length=64, pattern=r"^[0-9]+(\.[0-9]+)*$", description="A DICOM UID.")]

MOST_STUDIES = 5000
"""Studies that one search looks at, newest first."""


def base_of(request: Request) -> str:
    """The service's own address, as the client wrote it."""
    return str(request.base_url).rstrip("/") + ROOT


@router.get("/studies")
async def search_studies(request: Request, reader: Read) -> Response:
    """Newest first. Studies without DICOM instances are not among them."""
    media_type, query = require_json(request), parse(request.query_params.multi_items(), STUDY_ATTRIBUTES)
    if STUDY_UID in query.matches:
        found = [study for uid in uids(query.matches[STUDY_UID]) for study in await _one(reader, uid)]
        truncated = False
    else:
        records = await reader.services.studies.list(reader.services.nobody, MOST_STUDIES)
        truncated = len(records) == MOST_STUDIES
        found = await _many(reader, records, query)
    page = paged([study for study in found if matches(study, query)], query)
    base = base_of(request)
    answer = [shown(s, STUDY_ATTRIBUTES, query, base, f"/studies/{s[STUDY_UID]['Value'][0]}") for s in page]
    response = Response(encoded(answer), media_type=media_type)
    if truncated:
        response.headers["Warning"] = (
            f'299 {request.url.hostname} "Only the newest {MOST_STUDIES} studies were searched"'
        )
    return response


@router.get("/studies/{study_uid}/series")
async def search_series(request: Request, study_uid: Uid, reader: Read) -> Response:
    """The source's series by number, then SEG and SR of its analyses."""
    matched = STUDY_ATTRIBUTES.keys() | SERIES_ATTRIBUTES.keys()
    media_type, query = require_json(request), parse(request.query_params.multi_items(), matched)
    record, stored = await _opened(reader, study_uid)
    groups = by_series(stored)
    study = study_of(record, header_of(groups[0][0]), stored)
    documents = with_study((series_of(group) for group in groups), study)
    page = paged([one for one in documents if matches(one, query)], query)
    base = base_of(request)
    answer = [
        shown(one, SERIES_ATTRIBUTES, query, base, f"/studies/{study_uid}/series/{one['0020000E']['Value'][0]}")
        for one in page
    ]
    return Response(encoded(answer), media_type=media_type)


@router.get("/studies/{study_uid}/instances")
async def search_instances(request: Request, study_uid: Uid, reader: Read) -> Response:
    """By series, by number."""
    return await _instances(request, reader, study_uid, "")


@router.get("/studies/{study_uid}/series/{series_uid}/instances")
async def search_series_instances(request: Request, study_uid: Uid, series_uid: Uid, reader: Read) -> Response:
    """By number."""
    return await _instances(request, reader, study_uid, series_uid)


async def _instances(request: Request, reader: Reader, study_uid: str, series_uid: str) -> Response:
    media_type, query = require_json(request), parse(request.query_params.multi_items(), None)
    record, everything = await _opened(reader, study_uid)
    stored = await reader.find(study_uid, series_uid) if series_uid else everything
    base = base_of(request)

    def found() -> bytes:
        study = study_of(record, header_of(everything[0]), everything)
        paths = {one.instance.sop_instance_uid: one.instance.path for one in stored}
        documents = with_study((header_of(one) for one in stored), study)
        page = paged([one for one in documents if matches(one, query)], query)
        return encoded(
            [shown(one, INSTANCE_ATTRIBUTES, query, base, paths[one["00080018"]["Value"][0]]) for one in page]
        )

    return Response(await asyncio.to_thread(found), media_type=media_type)


async def _opened(reader: Reader, study_uid: str) -> tuple[StudyRecord, list[Stored]]:
    """Record and instances of a study that is searched. Raises InstanceNotFound where it has none."""
    reading = await reader.open(study_uid, search=True)
    return reading.record, await reader.find(study_uid)


async def _one(reader: Reader, uid: str) -> list[Json]:
    try:
        reading = await reader.open(uid, search=True)
    except StudyNotFound:
        return []
    stored = await reader.instances(reading)
    return [study_of(reading.record, header_of(stored[0]), stored)] if stored else []


async def _many(reader: Reader, records: tuple[StudyRecord, ...], query: Query) -> list[Json]:
    """Studies that the records let through; files are read only for those that may be on the page."""
    root, known = reader.services.store.root, STUDY_ATTRIBUTES.keys() - HEADER_ATTRIBUTES
    rest = query.matches.keys() - known
    wanted = None if rest or query.limit is None else query.offset + query.limit

    def found() -> list[Json]:
        studies: list[Json] = []
        for record in records:
            if not any(series["source_format"] == "DICOM" for series in record.series):
                continue
            if not matches(study_of(record, {}), query, known):
                continue
            studies += _of_files(root / record.folder, record)
            if len(studies) == wanted:
                break
        return studies

    return await asyncio.to_thread(found)


def _of_files(folder: FilePath, record: StudyRecord) -> list[Json]:
    """A study by the header of its first instance; counts are of files, without what analyses made."""
    files = files_of(folder / FILES)
    for path in files:
        header = _first_header(path, record.study_uid)
        if header is not None:
            document = study_of(record, header)
            document["00201206"] = {"vr": "IS", "Value": [len(record.series)]}
            document["00201208"] = {"vr": "IS", "Value": [len(files)]}
            return [document]
    return []


@lru_cache(2048)
def _first_header(path: FilePath, study_uid: str) -> Json | None:
    """What the list of studies shows of a file, whose name changes with its content; None where it is no instance."""
    instance = read_instance(path)
    if instance is None or instance.study_uid != study_uid:
        return None
    header: Json = json.loads(instance.metadata)
    return {tag: value for tag, value in header.items() if tag in STUDY_ATTRIBUTES}
