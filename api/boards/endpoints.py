"""`/boards`: open a tumour board, take part, let the agents work, follow it, take the minutes home."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response, status
from sse_starlette import EventSourceResponse, ServerSentEvent

from api.boards.schemas import (
    BoardList,
    BoardOrder,
    BoardSummary,
    BoardView,
    MessageView,
    MinutesFormat,
    Position,
    RunOrder,
    Statement,
    message_view,
    summary,
    view,
)
from api.errors import NotReady
from api.problems import problems
from api.services import Given, Services
from domain.access import AccessContext
from domain.board import Board, BoardMessage, BoardState
from domain.errors import MedImageError
from domain.study import Patient
from jobs.board_case import BoardCase
from jobs.board_events import Numbered
from jobs.boards import BoardRooms

router = APIRouter(prefix="/boards", tags=["boards"])
BoardId = Annotated[str, Path(max_length=64, description="From the answer to its opening.")]

MEDIA_TYPES = {
    MinutesFormat.MARKDOWN: "text/markdown; charset=utf-8",
    MinutesFormat.WORD: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
_READING = problems(403, 404, 422, 503)
_CHANGING = problems(403, 404, 409, 422, 503)


@router.post("", summary="Open a board", status_code=status.HTTP_201_CREATED, responses=_READING)
async def open_board(order: BoardOrder, services: Given, response: Response) -> BoardSummary:
    """A board is about one patient: all of its studies are theirs. Who opens it takes part."""
    rooms = _rooms(services)
    access = await services.studies.access(services.user, order.study_uids[0])
    board = await rooms.open(access, order.title, tuple(order.study_uids), order.question)
    response.headers["Location"] = f"/api/v1/boards/{board.board_id}"
    return summary(board)


@router.get("", summary="Boards of a study, or the caller's own", responses=_READING)
async def list_boards(
    services: Given,
    study_uid: Annotated[
        str, Query(max_length=128, description="Study Instance UID; left out: boards that the caller takes part in.")
    ] = "",
) -> BoardList:
    """Newest first."""
    rooms = _rooms(services)
    if not study_uid:
        return BoardList(boards=[summary(board) for board in await rooms.of_user(services.nobody)])
    access = await services.studies.access(services.user, study_uid)
    return BoardList(boards=[summary(board) for board in await rooms.of_study(access, study_uid)])


@router.get("/{board_id}", summary="Read a board", responses=_READING)
async def get_board(board_id: BoardId, services: Given) -> BoardView:
    """What was said, the course of the disease, and what contradicts itself in the record."""
    rooms, access = await _bound(services, board_id)
    board, messages, last_event = await rooms.get(access, board_id)
    return view(board, messages, await rooms.case(access, board_id), last_event)


@router.post("/{board_id}/join", summary="Take part", responses=_CHANGING)
async def join_board(board_id: BoardId, services: Given) -> BoardSummary:
    """The others are told."""
    rooms, access = await _bound(services, board_id)
    return summary(await rooms.join(access, board_id))


@router.post("/{board_id}/messages", summary="Say something", status_code=status.HTTP_201_CREATED, responses=_CHANGING)
async def say(board_id: BoardId, said: Statement, services: Given) -> MessageView:
    """Also while the agents work: they read it between their turns. Naming one starts a run when there is none."""
    rooms, access = await _bound(services, board_id)
    return message_view(await rooms.say(access, board_id, said.text, said.reply_to))


@router.post(
    "/{board_id}/run", summary="Let the agents work", status_code=status.HTTP_202_ACCEPTED, responses=_CHANGING
)
async def run_board(board_id: BoardId, services: Given, order: RunOrder | None = None) -> BoardSummary:
    """What they say comes as messages, each claim with its sources."""
    rooms, access = await _bound(services, board_id)
    return summary(await rooms.start(access, board_id, order.question if order else ""))


@router.post("/{board_id}/stop", summary="Stop the agents", responses=_READING)
async def stop_board(board_id: BoardId, services: Given) -> BoardSummary:
    """At once; what was said stays. Nothing happens where none is at work."""
    rooms, access = await _bound(services, board_id)
    return summary(await rooms.stop(access, board_id))


@router.post("/{board_id}/close", summary="Close a board", responses=_CHANGING)
async def close_board(board_id: BoardId, services: Given) -> BoardSummary:
    """For good: it can be read, and nothing follows on it."""
    rooms, access = await _bound(services, board_id)
    return summary(await rooms.close(access, board_id))


@router.post(
    "/{board_id}/view",
    summary="Show the others what you look at",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=_CHANGING,
)
async def show(board_id: BoardId, position: Position, services: Given) -> None:
    """Told to those who follow; not kept."""
    rooms, access = await _bound(services, board_id)
    await rooms.look(access, board_id, position.study_uid, position.series, position.slice, position.seat)


@router.get(
    "/{board_id}/events",
    summary="Follow a board",
    response_class=EventSourceResponse,
    responses={
        200: {
            "description": "Server-sent events: `id` is a number that grows, `event` the kind, `data` JSON.",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": 'id: 7\nevent: state\ndata: {"state": "running"}\n\n',
                }
            },
        },
        204: {"description": "The board is closed and every event was seen: do not connect again."},
        **_READING,
    },
)
async def follow_board(
    board_id: BoardId,
    services: Given,
    last_event_id: Annotated[int | None, Header(ge=0, description="Resume after this event.")] = None,
    after: Annotated[int, Query(ge=0, description="Begin after this event; `Last-Event-ID` goes before it.")] = 0,
) -> Response:
    """message, state, presence, view, step_started, step_finished, planner_changed, approval, failed.

    Of state, presence and view only the latest is sent to those who come later. After a restart of the
    server messages may come again; `message_id` tells.
    """
    rooms, access = await _bound(services, board_id)
    events = rooms.events(access, board_id, after if last_event_id is None else last_event_id)
    if await rooms.state(access, board_id) is BoardState.CLOSED:
        seen = [event async for event in events]
        if not seen:
            return Response(status_code=status.HTTP_204_NO_CONTENT)
        events = _again(seen)
    return EventSourceResponse(_wire(events), ping=15)


@router.get(
    "/{board_id}/minutes",
    summary="Minutes of a board",
    response_class=Response,
    responses={
        200: {
            "description": "The minutes: a draft until a human signs.",
            "content": {kind.split(";")[0]: {"schema": {"type": "string"}} for kind in MEDIA_TYPES.values()},
        },
        **_READING,
    },
)
async def get_minutes(
    board_id: BoardId,
    services: Given,
    format: Annotated[MinutesFormat, Query(description="Markdown or Word.")] = MinutesFormat.MARKDOWN,
) -> Response:
    """Attendees, question, timeline, findings with their sources, contradictions, open questions, decisions."""
    rooms, access = await _bound(services, board_id)
    board, messages, _ = await rooms.get(access, board_id)
    case = await rooms.case(access, board_id)
    patient = await _patient(services, access, board)
    content = await asyncio.to_thread(_minutes, board, messages, case, format, patient)
    name = f"board-{board_id[:8]}-minutes.{format.value}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=MEDIA_TYPES[format], headers=headers)


async def _patient(services: Services, access: AccessContext, board: Board) -> Patient:
    """Whose identity the minutes must not quote: as a study says it, else the number that the board is bound to."""
    try:
        study_uid = board.study_uids[0]
        async with services.conversations.held(access, study_uid, f"minutes-{board.board_id}", "") as workspace:
            return workspace.ingested.study.patient
    except MedImageError:
        issuer, _, number = (access.patient_key or "").partition("|")
        return Patient(patient_id=number, issuer=issuer)


def _minutes(
    board: Board, messages: Sequence[BoardMessage], case: BoardCase, kind: MinutesFormat, patient: Patient
) -> bytes | str:
    from tools.minutes import minutes, to_docx, to_markdown  # Word's library is heavy

    told = minutes(board, messages, case.timeline, case.contradictions, patient)
    return to_docx(told) if kind is MinutesFormat.WORD else to_markdown(told)


def _rooms(services: Services) -> BoardRooms:
    if services.boards is None:
        raise NotReady("This server has no tumour boards.", remedy="Start the server with its records and agents.")
    return services.boards


async def _bound(services: Services, board_id: str) -> tuple[BoardRooms, AccessContext]:
    rooms = _rooms(services)
    return rooms, await rooms.access(services.user, board_id)


async def _again(seen: list[Numbered]) -> AsyncGenerator[Numbered, None]:
    for event in seen:
        yield event


async def _wire(events: AsyncGenerator[Numbered, None]) -> AsyncIterator[ServerSentEvent]:
    async with aclosing(events):  # who hangs up has left
        async for number, event in events:
            yield ServerSentEvent(json.dumps(event.data), id=str(number), event=event.kind.value)
