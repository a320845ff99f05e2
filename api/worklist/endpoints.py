"""`/worklist`: what is to be read, most urgent first; marks; and what changes, as it changes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query
from sse_starlette import EventSourceResponse, ServerSentEvent

from api.problems import problems
from api.services import Given
from api.worklist.desk import Desk
from api.worklist.schemas import (
    MarksBody,
    WorklistCounts,
    WorklistItem,
    WorklistView,
    cursor_of,
    item,
    worklist_view,
)
from domain.lifecycle import Status
from domain.ports import JobState
from domain.study import Priority
from records.worklist_changes import Changes
from records.worklist_filter import WorklistFilter
from records.worklist_order import Sort

router = APIRouter(prefix="/worklist", tags=["worklist"])
Modality = Annotated[str, Query(max_length=64)]


@router.get("", summary="The worklist", responses=problems(422, 503))
async def list_worklist(
    *,
    services: Given,
    desk: Desk,
    state: Annotated[list[JobState] | None, Query(description="Of the newest job.")] = None,
    status: Annotated[list[Status] | None, Query(description="Of the newest analysis.")] = None,
    priority: Annotated[list[Priority] | None, Query()] = None,
    modality: Annotated[list[Modality] | None, Query(max_length=20)] = None,
    unread: Annotated[bool, Query(description="Not opened by the caller since its newest analysis.")] = False,
    flagged: Annotated[bool, Query(description="By the caller.")] = False,
    mine: Annotated[bool, Query(description="Taken by the caller.")] = False,
    critical: Annotated[bool, Query(description="With findings that must be told at once.")] = False,
    overdue: Annotated[bool, Query(description="Past the time that its priority allows.")] = False,
    search: Annotated[
        str,
        Query(
            max_length=200,
            description="Words that all stand in patient id, accession, description, modality or indication; "
            "studies of any age are looked through.",
        ),
    ] = "",
    sort: Annotated[Sort, Query(description="urgent: by priority, then the longest waiting; due: first due.")] = (
        Sort.URGENT
    ),
    after: Annotated[str, Query(max_length=400, description="`next` of the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> WorklistView:
    """A row a study that has something to do, or was here in the last seven days."""
    which = WorklistFilter(
        states=tuple(state or ()),
        statuses=tuple(status or ()),
        priorities=tuple(priority or ()),
        modalities=tuple(modality or ()),
        unread=unread,
        flagged=flagged,
        mine=mine,
        critical=critical,
        overdue=overdue,
        search=search,
    )
    place = cursor_of(sort, after) if after else None
    page = await desk.worklist.page(services.nobody, which, sort=sort, after=place, limit=limit)
    expected = await desk.expected.of([entry.job for entry in page.entries if entry.job is not None])
    return worklist_view(page, sort, expected, services.user, desk.worklist.turnaround)


@router.get("/counts", summary="How many rows of each kind", responses=problems(503))
async def count_worklist(services: Given, desk: Desk) -> WorklistCounts:
    """Of the whole worklist, whatever filter is on."""
    return await desk.counts(services.nobody)


@router.get(
    "/events",
    summary="Follow the worklist",
    response_class=EventSourceResponse,
    responses={
        200: {
            "description": "Server-sent events. `changed`: `study_uids` that changed; `many`: too many to name, read "
            "the list anew. `id` is where the list is then.",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": 'id: 41\nevent: changed\ndata: {"study_uids": ["1.2.826.1"]}\n\n',
                }
            },
        },
        **problems(422, 503),
    },
)
async def follow_worklist(
    desk: Desk,
    last_event_id: Annotated[int | None, Header(ge=0, lt=1 << 63, description="Resume after this event.")] = None,
) -> EventSourceResponse:
    """From now on, or from the event after `Last-Event-ID`. It names studies and shows nothing of them."""
    return EventSourceResponse(_wire(desk.following.follow(last_event_id)), ping=15)


@router.post("/{study_uid}", summary="Flag, take, mark as read", responses=problems(403, 404, 422))
async def mark_study(
    study_uid: Annotated[str, Path(max_length=128, description="Study Instance UID.")],
    body: MarksBody,
    services: Given,
    desk: Desk,
) -> WorklistItem:
    """Marks are the caller's own; who took a study is seen by all. It is audited."""
    access = await services.studies.access(services.user, study_uid)
    entry = await desk.worklist.mark(access, study_uid, body.as_marks())
    desk.marked()
    expected = await desk.expected.of([entry.job] if entry.job is not None else [])
    return item(entry, expected, services.user, desk.worklist.now())


async def _wire(changes: AsyncIterator[Changes]) -> AsyncIterator[ServerSentEvent]:
    async for change in changes:
        kind = "many" if change.study_uids is None else "changed"
        data = {} if change.study_uids is None else {"study_uids": list(change.study_uids)}
        yield ServerSentEvent(json.dumps(data), id=str(change.place), event=kind)
