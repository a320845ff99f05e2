"""`/feedback`: say what was right or wrong, see what was said, take it back, take it along."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response, status

from api.feedback.schemas import FeedbackBody, FeedbackList, FeedbackView, RestoreBody, RevokeBody, feedback_view
from api.feedback.taking import learning_of, take
from api.problems import problems
from api.services import Given, Services
from memory.entry import Entry
from memory.errors import FeedbackNotFound
from memory.feedback import FeedbackMemory
from records.audit import Attempt

router = APIRouter(prefix="/feedback", tags=["feedback"])
Id = Annotated[str, Path(max_length=32, description="Id of feedback.")]
JSON_LINES = "application/jsonl"


@router.post(
    "", summary="Say what was right or wrong", status_code=status.HTTP_201_CREATED,
    responses=problems(403, 404, 409, 422, 503),
)  # fmt: skip
async def send_feedback(body: FeedbackBody, services: Given) -> FeedbackView:
    """Feedback on one target or sentence of an analysis. The same feedback twice is one record."""
    return feedback_view(await take(services, body))


@router.get("", summary="Feedback on an analysis", responses=problems(403, 404, 409, 422, 503))
async def list_feedback(
    analysis_id: Annotated[str, Query(min_length=1, max_length=64)], services: Given
) -> FeedbackList:
    """Oldest first, revoked feedback too."""
    learning = learning_of(services)
    access = await services.analyses.access(services.user, analysis_id)
    record = await services.analyses.get(access, analysis_id, "feedback.list")
    entries = await asyncio.to_thread(lambda: learning.memory().of_analysis(record.patient_key, analysis_id))
    return FeedbackList(feedback=[feedback_view(entry) for entry in entries])


@router.post("/{feedback_id}/revoke", summary="Take feedback back", responses=problems(403, 404, 409, 422, 503))
async def revoke_feedback(feedback_id: Id, body: RevokeBody, services: Given) -> FeedbackView:
    """It is kept and counts no longer. What an experiment counted stays counted."""

    def revoke(memory: FeedbackMemory) -> None:
        memory.revoke(feedback_id, role=body.role, reason=body.reason, now=services.clock.now())

    return feedback_view(await _change(services, feedback_id, body, "feedback.revoke", revoke))


@router.post("/{feedback_id}/restore", summary="Let feedback count again", responses=problems(403, 404, 409, 422, 503))
async def restore_feedback(feedback_id: Id, body: RestoreBody, services: Given) -> FeedbackView:
    """The reason stands in the audit ledger."""

    def restore(memory: FeedbackMemory) -> None:
        memory.restore(feedback_id, role=body.role, now=services.clock.now())

    return feedback_view(await _change(services, feedback_id, body, "feedback.restore", restore))


@router.get(
    "/export",
    summary="All feedback as JSON lines",
    response_class=Response,
    responses={
        200: {"description": "One record a line.", "content": {JSON_LINES: {"schema": {"type": "string"}}}},
        **problems(409, 503),
    },
)
async def export_feedback(services: Given) -> Response:
    """With history; persons are keyed pseudonyms that only this installation could relate."""
    learning = learning_of(services)
    lines = io.StringIO()
    await services.audit.guard(
        services.nobody, Attempt("feedback.export", "feedback"), lambda _: learning.memory().export(lines)
    )
    return Response(
        lines.getvalue(),
        media_type=JSON_LINES,
        headers={"Content-Disposition": 'attachment; filename="feedback.jsonl"'},
    )


async def _change(
    services: Services, feedback_id: str, body: RevokeBody, action: str, change: Callable[[FeedbackMemory], None]
) -> Entry:
    """Revoke or restore feedback of the analysis that binds the caller; that of another is not found."""
    learning = learning_of(services)
    access = await services.analyses.access(services.user, body.analysis_id)
    record = await services.analyses.get(access, body.analysis_id, "feedback.analysis")

    def work(_: object) -> Entry:
        access.require(record.patient_key)
        memory = learning.memory()
        known = memory.of_analysis(record.patient_key, body.analysis_id)
        if feedback_id not in {entry.feedback.feedback_id for entry in known}:
            raise FeedbackNotFound("There is no such feedback on this analysis.")
        change(memory)
        return memory.get(feedback_id)

    return await services.audit.guard(access, Attempt(action, "feedback", feedback_id, body.reason.value), work)
