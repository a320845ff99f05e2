"""`/jobs`: look at a run, follow it, stop it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Path, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from api.jobs.schemas import JobView, job_view
from api.problems import problems
from api.services import Given, Services
from domain.access import AccessContext
from domain.ports import RunEvent
from records.job_rows import ENDED

router = APIRouter(prefix="/jobs", tags=["jobs"])
Numbered = tuple[int, RunEvent]
JobId = Annotated[str, Path(max_length=64, description="From the answer to the order.")]


async def _bound(services: Services, job_id: str) -> AccessContext:
    return await services.studies.access(services.user, await services.queue.study_of(job_id))


@router.get("/{job_id}", summary="Look at a job", responses=problems(403, 404, 422))
async def get_job(job_id: JobId, services: Given) -> JobView:
    """State, progress, expected time and steps."""
    return job_view(await services.queue.get(await _bound(services, job_id), job_id))


@router.post("/{job_id}/cancel", summary="Stop a job", responses=problems(403, 404, 422))
async def cancel_job(job_id: JobId, services: Given) -> JobView:
    """Stops at once. A job that has ended stays as it is."""
    return job_view(await services.queue.cancel(await _bound(services, job_id), job_id))


@router.get(
    "/{job_id}/events",
    summary="Follow a job",
    response_class=EventSourceResponse,
    responses={
        200: {
            "description": "Server-sent events: `id` is a running number, `event` the kind, `data` JSON.",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": 'id: 2\nevent: step_started\ndata: {"id": "s1", "agent": "ingest", "tool": "x"}\n\n',
                }
            },
        },
        204: {"description": "The job has ended and every event was seen: do not connect again."},
        **problems(403, 404, 422),
    },
)
async def follow_job(
    job_id: JobId,
    services: Given,
    last_event_id: Annotated[int, Header(ge=0, description="Resume after this event.")] = 0,
) -> Response:
    """Every event from the first on, or from the one after `Last-Event-ID`, until the job ends."""
    access = await _bound(services, job_id)
    job = await services.queue.get(access, job_id)
    events = services.queue.events(access, job_id, last_event_id)
    if job.state in ENDED:
        seen = [event async for event in events]
        if not seen:
            return Response(status_code=204)
        events = _again(seen)
    return EventSourceResponse(_wire(events), ping=15)


async def _again(seen: list[Numbered]) -> AsyncIterator[Numbered]:
    for event in seen:
        yield event


async def _wire(events: AsyncIterator[Numbered]) -> AsyncIterator[ServerSentEvent]:
    async for number, event in events:
        yield ServerSentEvent(json.dumps(event.data), id=str(number), event=event.kind.value)
