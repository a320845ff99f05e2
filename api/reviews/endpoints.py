"""`/analyses/{id}/…`: critical findings told, opinions, addenda, what happened, and what a delivery would send."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import APIRouter, Header, Path, Response, status

from api.analyses.endpoints import ETAG, media_type
from api.analyses.schemas import AnalysisDocument
from api.approvals.endpoints import signing_of
from api.errors import Outdated
from api.problems import problems
from api.reviews.schemas import (
    AddendumBody,
    AnswerBody,
    CriticalBody,
    DeliveryFile,
    DeliveryPlan,
    HistoryView,
    OpinionBody,
    OpinionView,
    history_view,
    opinion_view,
)
from api.reviews.version import version_read
from api.services import Given, Services
from domain.access import AccessContext
from domain.lifecycle import Status
from domain.review_acts import undelivered
from records.addenda import Addenda
from records.communications import Communications
from records.errors import Conflict
from records.opinions import Opinions
from records.review_history import ReviewHistory
from records.signed_files import left_out

router = APIRouter(prefix="/analyses/{analysis_id}", tags=["reviews"])
AnalysisId = Annotated[str, Path(max_length=64)]
IfMatch = Annotated[
    str, Header(max_length=200, description="`ETag` of what the caller read: nothing is done to what changed.")
]
_WHY_NOT = {
    Status.DELIVERED: "It is delivered.",
    Status.REJECTED: "It is rejected.",
}


@router.get("/history", summary="What happened since the draft", responses=problems(403, 404, 409, 422))
async def get_history(analysis_id: AnalysisId, services: Given) -> HistoryView:
    """Transitions, acts, critical findings told, opinions, addenda, approvals and feedback."""
    access = await services.analyses.access(services.user, analysis_id)
    return history_view(await ReviewHistory(services.audit, services.clock).of_analysis(access, analysis_id))


@router.post(
    "/critical",
    summary="Say what became of a critical finding",
    responses={200: {"headers": ETAG}, **problems(403, 404, 409, 412, 422, 503)},
)
async def tell_critical(
    analysis_id: AnalysisId, body: CriticalBody, services: Given, response: Response, if_match: IfMatch = ""
) -> AnalysisDocument:
    """Until the attending has told or dismissed each, the analysis is not signed."""
    signing = signing_of(services)
    access = await services.analyses.access(services.user, analysis_id)
    expected = version_read(if_match)
    async with _current(services, access, analysis_id, expected):
        await Communications(services.audit, services.clock).add(access, analysis_id, body.act(), expected=expected)
    await signing.settle(analysis_id)
    return await _document(services, access, analysis_id, response)


@router.post(
    "/addenda",
    summary="Add to a signed report",
    status_code=status.HTTP_201_CREATED,
    responses={201: {"headers": ETAG}, **problems(403, 404, 409, 412, 422, 503)},
)
async def add_addendum(
    analysis_id: AnalysisId, body: AddendumBody, services: Given, response: Response, if_match: IfMatch = ""
) -> AnalysisDocument:
    """Signed by the caller, and there for good. What was delivered before is delivered again by a new request."""
    signing = signing_of(services)
    access = await services.analyses.access(services.user, analysis_id)
    expected = version_read(if_match)
    await signing.settle(analysis_id)  # files that an ended process left behind its record
    async with _current(services, access, analysis_id, expected):
        addenda = Addenda(services.audit, services.analyses, services.clock)
        await addenda.add(access, analysis_id, body.text, body.author, expected=expected)
    await signing.settle(analysis_id)
    return await _document(services, access, analysis_id, response)


@router.post(
    "/opinions",
    summary="Ask for a second opinion or a peer review",
    status_code=status.HTTP_201_CREATED,
    responses=problems(403, 404, 409, 412, 422),
)
async def ask_opinion(
    analysis_id: AnalysisId, body: OpinionBody, services: Given, if_match: IfMatch = ""
) -> OpinionView:
    """It stands beside the report and is never delivered with it."""
    access = await services.analyses.access(services.user, analysis_id)
    expected = version_read(if_match)
    async with _current(services, access, analysis_id, expected):
        opinion = await Opinions(services.audit, services.clock).ask(
            access, analysis_id, body.kind, asked_of=body.asked_of, question=body.question, expected=expected
        )
    return opinion_view(opinion)


@router.post("/opinions/{opinion_id}", summary="Answer with an opinion", responses=problems(403, 404, 409, 412, 422))
async def answer_opinion(
    analysis_id: AnalysisId,
    opinion_id: Annotated[str, Path(max_length=64)],
    body: AnswerBody,
    services: Given,
    if_match: IfMatch = "",
) -> OpinionView:
    """Once: of two answers the first counts."""
    access = await services.analyses.access(services.user, analysis_id)
    expected = version_read(if_match)
    async with _current(services, access, analysis_id, expected):
        opinion = await Opinions(services.audit, services.clock).answer(
            access,
            analysis_id,
            opinion_id,
            body.agreement,
            comment=body.comment,
            answered_as=body.answered_as,
            expected=expected,
        )
    return opinion_view(opinion)


@router.get("/delivery", summary="What a delivery would send where", responses=problems(403, 404, 422, 503))
async def get_delivery(analysis_id: AnalysisId, services: Given) -> DeliveryPlan:
    """Files and destinations; to deliver is to ask for approval of it."""
    signing = signing_of(services)
    access = await services.analyses.access(services.user, analysis_id)
    record = await services.analyses.get(access, analysis_id)
    kept_back = left_out(record.document)
    files = [
        DeliveryFile(
            name=path.name,
            media_type=media_type(path).split(";")[0],
            size=path.stat().st_size,
            url=f"/api/v1/analyses/{analysis_id}/artifacts/{path.name}",
            kept_back=kept_back.get(path.name, ""),
        )
        for path in await services.analyses.artifacts(access, analysis_id)
    ]
    present = Status(record.status)
    ready = present is Status.SIGNED or undelivered(record.document)
    why_not = "" if ready else _WHY_NOT.get(present, "It is not signed yet.")
    return DeliveryPlan(destinations=list(signing.approvals.destinations), files=files, ready=ready, why_not=why_not)


@asynccontextmanager
async def _current(
    services: Services, access: AccessContext, analysis_id: str, expected: int | None
) -> AsyncIterator[None]:
    """Tell a caller whose version is old from one who came second for another reason. Raises Outdated."""
    try:
        yield
    except Conflict as error:
        if expected is None or (await services.analyses.get(access, analysis_id)).version == expected:
            raise
        raise Outdated(error.reason, remedy=error.remedy) from error


async def _document(
    services: Services, access: AccessContext, analysis_id: str, response: Response
) -> AnalysisDocument:
    record = await services.analyses.get(access, analysis_id)
    response.headers["ETag"] = f'"{record.version}"'
    return AnalysisDocument.model_validate(record.document)
