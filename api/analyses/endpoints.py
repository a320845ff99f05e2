"""Orders on studies, analyses and their artifacts."""

from __future__ import annotations

import pathlib
from typing import Annotated

from fastapi import APIRouter, Header, Path, Response, status
from fastapi.responses import FileResponse

from api.analyses.masks import read_runs, stored_mask
from api.analyses.schemas import (
    AnalysisDocument,
    AnalysisList,
    AnalysisOrder,
    Artifact,
    ArtifactList,
    MaskPixels,
    ReviewBody,
    summary,
)
from api.approvals.endpoints import signing_of
from api.errors import Outdated
from api.jobs.schemas import JobView, job_view
from api.problems import problems
from api.services import Given, Services
from domain.access import AccessContext
from records.errors import Conflict

router = APIRouter(tags=["analyses"])
StudyUid = Annotated[str, Path(max_length=128)]
AnalysisId = Annotated[str, Path(max_length=64)]

MEDIA_TYPES = {
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".pdf": "application/pdf",
    ".dcm": "application/dicom",
    ".png": "image/png",
}
ETAG = {"ETag": {"description": "The version of the analysis.", "schema": {"type": "string"}}}
INLINE = frozenset({".png", ".json"})


@router.post(
    "/studies/{study_uid}/analyses",
    summary="Order an analysis",
    status_code=status.HTTP_202_ACCEPTED,
    responses={
        202: {"headers": {"Location": {"description": "The job.", "schema": {"type": "string"}}}},
        **problems(403, 404, 422),
    },
)
async def order_analysis(study_uid: StudyUid, order: AnalysisOrder, services: Given, response: Response) -> JobView:
    """Queues a run over the study; follow the job at `Location`."""
    access = await services.studies.access(services.user, study_uid)
    job = await services.queue.submit(access, study_uid, order.model_dump(mode="json"))
    response.headers["Location"] = f"/api/v1/jobs/{job.job_id}"
    return job_view(job)


@router.get("/studies/{study_uid}/analyses", summary="Analyses of a study", responses=problems(403, 404, 422))
async def list_analyses(study_uid: StudyUid, services: Given) -> AnalysisList:
    """Newest first."""
    access = await services.studies.access(services.user, study_uid)
    return AnalysisList(analyses=[summary(r) for r in await services.analyses.of_study(access, study_uid)])


@router.get(
    "/analyses/{analysis_id}",
    summary="Read an analysis",
    responses={200: {"headers": ETAG}, **problems(403, 404, 422)},
)
async def get_analysis(analysis_id: AnalysisId, services: Given, response: Response) -> AnalysisDocument:
    """The report document: a draft until a physician has signed it."""
    access = await services.analyses.access(services.user, analysis_id)
    record = await services.analyses.get(access, analysis_id)
    response.headers["ETag"] = _etag(record.version)
    return AnalysisDocument.model_validate(record.document)


@router.post(
    "/analyses/{analysis_id}/review",
    summary="Review an analysis",
    responses={200: {"headers": ETAG}, **problems(403, 404, 409, 412, 422, 503)},
)
async def review_analysis(
    analysis_id: AnalysisId,
    body: ReviewBody,
    services: Given,
    response: Response,
    if_match: Annotated[
        str, Header(max_length=200, description="`ETag` of what the reviewer read: nothing is done to what changed.")
    ] = "",
) -> AnalysisDocument:
    """Take it into review, correct it there, give it back, reject it, or sign it in the caller's own name."""
    signing = signing_of(services)
    access = await services.analyses.access(services.user, analysis_id)
    expected = await _expected(services, access, analysis_id, if_match)
    try:
        record = await signing.review(access, analysis_id, body.review(), expected=expected)
    except Conflict as error:
        if expected is None:
            raise
        raise Outdated(error.reason, remedy=error.remedy) from error
    response.headers["ETag"] = _etag(record.version)
    return AnalysisDocument.model_validate(record.document)


@router.get("/analyses/{analysis_id}/artifacts", summary="Files of an analysis", responses=problems(403, 404, 422))
async def list_artifacts(analysis_id: AnalysisId, services: Given) -> ArtifactList:
    """Reports, DICOM objects and pictures that the analysis wrote."""
    access = await services.analyses.access(services.user, analysis_id)
    files = await services.analyses.artifacts(access, analysis_id)
    return ArtifactList(artifacts=[_artifact(analysis_id, path) for path in files])


@router.get(
    "/analyses/{analysis_id}/artifacts/{name}",
    summary="One file of an analysis",
    response_class=FileResponse,
    responses={
        200: {
            "description": "The file.",
            "content": {
                kind.split(";")[0]: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES.values()
            },
        },
        **problems(403, 404, 422),
    },
)
async def get_artifact(
    analysis_id: AnalysisId, name: Annotated[str, Path(max_length=255)], services: Given
) -> FileResponse:
    """Only names that the list gives."""
    access = await services.analyses.access(services.user, analysis_id)
    if services.signing is not None:  # files that an ended process left behind its record
        await services.signing.settle(analysis_id)
    path = await services.analyses.artifact(access, analysis_id, name)
    shown = "inline" if path.suffix in INLINE else "attachment"
    return FileResponse(path, media_type=media_type(path), filename=path.name, content_disposition_type=shown)


@router.get("/analyses/{analysis_id}/masks/{mask_id}", summary="Pixels of a mask", responses=problems(403, 404, 422))
async def get_mask(
    analysis_id: AnalysisId, mask_id: Annotated[str, Path(pattern="^m[0-9]+$", max_length=16)], services: Given
) -> MaskPixels:
    """As the model drew it. Masks that QA rejected have no pixels."""
    access = await services.analyses.access(services.user, analysis_id)
    document = (await services.analyses.get(access, analysis_id)).document
    stored = stored_mask(services.analyses.folder(analysis_id), document, mask_id)
    runs, uncertain = await services.compute.run(read_runs, stored)
    return MaskPixels(
        mask_id=mask_id,
        target=stored.target,
        series_uid=stored.series_uid,
        shape=stored.shape,
        runs=runs,
        uncertain=uncertain,
    )


def media_type(path: pathlib.Path) -> str:
    """Content type of an artifact by its ending."""
    return MEDIA_TYPES.get(path.suffix, "application/octet-stream")


def _artifact(analysis_id: str, path: pathlib.Path) -> Artifact:
    url = f"/api/v1/analyses/{analysis_id}/artifacts/{path.name}"
    return Artifact(name=path.name, media_type=media_type(path).split(";")[0], size=path.stat().st_size, url=url)


def _etag(version: int) -> str:
    return f'"{version}"'


async def _expected(services: Services, access: AccessContext, analysis_id: str, if_match: str) -> int | None:
    """The version that a caller read, None where they do not say. Raises Outdated for any but the present one."""
    tags = {tag.strip() for tag in if_match.split(",")}
    if not if_match or "*" in tags:
        return None
    present = (await services.analyses.get(access, analysis_id)).version
    if _etag(present) not in tags:
        raise Outdated(f"The analysis was changed in the meantime: it is version {present} now.")
    return present
