"""`/jobs`: the worklist, and each job: look at it, follow it, hurry it, stop it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from api.jobs.schemas import (
    JobList,
    JobView,
    PauseBody,
    PausedView,
    PriorityBody,
    cursor_of,
    in_order,
    job_list,
    job_view,
)
from api.problems import problems
from api.services import Given, Services
from domain.access import AccessContext
from domain.ports import JobState, RunEvent
from domain.study import Priority
from records.job_listing import JobFilter
from records.job_rows import ENDED

router = APIRouter(prefix="/jobs", tags=["jobs"])
Numbered = tuple[int, RunEvent]
JobId = Annotated[str, Path(max_length=64, description="From the answer to the order.")]


async def _bound(services: Services, job_id: str) -> AccessContext:
    return await services.studies.access(services.user, await services.queue.study_of(job_id))


@router.get("", summary="Jobs", responses=problems(422, 503))
async def list_jobs(
    services: Given,
    state: Annotated[list[JobState] | None, Query(description="By default those that have not ended.")] = None,
    priority: Annotated[list[Priority] | None, Query()] = None,
    site: Annotated[str | None, Query(max_length=64)] = None,
    batch: Annotated[str, Query(max_length=64)] = "",
    after: Annotated[str, Query(max_length=200, description="`next` of the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> JobList:
    """Most urgent first, of equals the longest waiting first."""
    which = JobFilter(tuple(state or ()), tuple(priority or ()), site, batch)
    place = cursor_of(after) if after else None
    return job_list(await services.queue.page(services.nobody, which, after=place, limit=limit))


@router.post("/pause", summary="Pause priorities", responses=problems(422, 503))
async def pause_jobs(body: PauseBody, services: Given) -> PausedView:
    """Nothing of them is started any more, on no worker; what runs goes on. It is audited, and outlives a restart."""
    await services.queue.pause(services.nobody, body.priorities)
    return PausedView(paused=in_order(await services.queue.paused()))


@router.post("/resume", summary="Let priorities go on", responses=problems(422, 503))
async def resume_jobs(body: PauseBody, services: Given) -> PausedView:
    """Jobs of them are started again."""
    await services.queue.resume(services.nobody, body.priorities)
    return PausedView(paused=in_order(await services.queue.paused()))


@router.get("/{job_id}", summary="Look at a job", responses=problems(403, 404, 422))
async def get_job(job_id: JobId, services: Given) -> JobView:
    """State, progress, expected time and steps."""
    return job_view(await services.queue.get(await _bound(services, job_id), job_id))


@router.post("/{job_id}/priority", summary="Hurry a job", responses=problems(403, 404, 422))
async def hurry_job(job_id: JobId, body: PriorityBody, services: Given) -> JobView:
    """Raises its priority; a priority is never lowered. It is audited."""
    return job_view(await services.queue.hurry(await _bound(services, job_id), job_id, body.priority))


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
