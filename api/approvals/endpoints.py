"""`/approvals`: what a tool or a person asks for, and only a person decides. No tool leads to a decision."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, status

from api.approvals.schemas import ApprovalList, ApprovalView, DecisionBody, RequestBody, view
from api.errors import NotReady
from api.problems import problems
from api.services import Given, Services
from domain.approval import Effect
from records.signing import Signing

router = APIRouter(prefix="/approvals", tags=["approvals"])
ApprovalId = Annotated[str, Path(max_length=64)]


@router.get("", summary="Requests about a study", responses=problems(403, 404, 422, 503))
async def list_approvals(
    study_uid: Annotated[str, Query(min_length=1, max_length=128)], services: Given
) -> ApprovalList:
    """Newest first, decided and expired ones too."""
    signing = signing_of(services)
    access = await services.studies.access(services.user, study_uid)
    return ApprovalList(approvals=[view(a) for a in await signing.approvals.of_study(access, study_uid)])


@router.post(
    "",
    summary="Ask for a signature or a delivery",
    status_code=status.HTTP_201_CREATED,
    responses=problems(403, 404, 409, 422, 503),
)
async def ask(body: RequestBody, services: Given) -> ApprovalView:
    """A pending request; the same one again while it is pending. Nothing happens before a person approves it."""
    signing = signing_of(services)
    access = await services.analyses.access(services.user, body.analysis_id)
    record = await services.analyses.get(access, body.analysis_id)
    details = {"destination": body.destination} if body.effect is Effect.DELIVER else {}
    asked = await signing.approvals.ask(
        access, body.effect, analysis_id=record.analysis_id, study_uid=record.study_uid, details=details
    )
    return view(asked)


@router.get("/{approval_id}", summary="Read a request", responses=problems(403, 404, 422, 503))
async def get_approval(approval_id: ApprovalId, services: Given) -> ApprovalView:
    """With the decision, once there is one."""
    signing = signing_of(services)
    access = await signing.approvals.access(services.user, approval_id)
    return view(await signing.approvals.get(access, approval_id))


@router.post("/{approval_id}", summary="Approve or deny", responses=problems(403, 404, 409, 422, 503))
async def decide(approval_id: ApprovalId, body: DecisionBody, services: Given) -> ApprovalView:
    """Once. An approval carries the effect out: the analysis is signed, or its signed files are delivered.

    The same decision sent again by the same person gives the same answer, and finishes what was left undone.
    """
    signing = signing_of(services)
    access = await signing.approvals.access(services.user, approval_id)
    return view(await signing.decide(access, approval_id, body.decision, body.reason))


def signing_of(services: Services) -> Signing:
    """Where persons sign. Raises NotReady."""
    if services.signing is None:
        raise NotReady("This server does not sign.", remedy="Start it with `app.py serve`.")
    return services.signing
