"""`/chat`: a turn of the planner as AG-UI events, each as it happens; hanging up stops the run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Annotated

from ag_ui.core import BaseEvent, RunAgentInput
from ag_ui.encoder import EventEncoder
from fastapi import APIRouter, Path, Query
from sse_starlette import EventSourceResponse

from api.chat.events import Translation
from api.chat.schemas import (
    ConversationList,
    ConversationSummary,
    ConversationView,
    ForwardedProps,
    TurnView,
    forwarded,
    question,
)
from api.errors import problem_of
from api.problems import problems
from api.services import Given, Services
from domain.access import AccessContext
from domain.errors import MedImageError
from domain.ports import RunEvent
from jobs.contracts import ChatAnswer
from jobs.failure import internal_error

router = APIRouter(prefix="/chat", tags=["chat"])
StudyUid = Annotated[str, Query(max_length=128, description="A study of the patient.")]
Happening = RunEvent | ChatAnswer | BaseException


@router.post(
    "",
    summary="Ask about a study",
    response_class=EventSourceResponse,
    responses={
        200: {
            "description": "AG-UI events, one `data:` line each.",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": 'data: {"type": "RUN_STARTED", "threadId": "t1", "runId": "r1"}\n\n',
                }
            },
        },
        **problems(403, 404, 413, 422),
    },
)
async def chat(run: RunAgentInput, services: Given) -> EventSourceResponse:
    """A turn of conversation. `forwardedProps` carries `study_uid` and `conversation_id`.

    The conversation is bound to the patient of its first study. Steps come as STEP_* and TOOL_CALL_*,
    the answer as TEXT_MESSAGE_*, the analysis that was run as CUSTOM `analysis`, a change of planner
    as CUSTOM `planner_changed`.
    """
    props, text = forwarded(run), question(run)
    access = await services.studies.access(services.user, props.study_uid)
    await services.bindings.bind(access, props.conversation_id, await services.studies.get(access, props.study_uid))
    return EventSourceResponse(_stream(run, props, text, access, services), ping=15)


@router.get("", summary="Conversations about a patient", responses=problems(403, 404, 422))
async def list_conversations(study_uid: StudyUid, services: Given) -> ConversationList:
    """The caller's own, about the patient of a study, newest first."""
    access = await services.studies.access(services.user, study_uid)
    found = await services.bindings.of_patient(access)
    return ConversationList(conversations=[ConversationSummary.model_validate(c) for c in found])


@router.get("/{conversation_id}", summary="Read a conversation", responses=problems(403, 404, 422))
async def get_conversation(
    conversation_id: Annotated[str, Path(max_length=128)], study_uid: StudyUid, services: Given
) -> ConversationView:
    """Turns that came to an end; one that has not begun is empty."""
    access = await services.studies.access(services.user, study_uid)
    turns = await services.bindings.turns(access, conversation_id)
    return ConversationView(conversation_id=conversation_id, turns=[TurnView.model_validate(t) for t in turns])


async def _stream(
    run: RunAgentInput, props: ForwardedProps, text: str, access: AccessContext, services: Services
) -> AsyncIterator[bytes]:
    translation = Translation(run.thread_id, run.run_id)
    for event in _encoded(translation.started()):
        yield event
    happenings: asyncio.Queue[Happening] = asyncio.Queue()
    turn = asyncio.create_task(run_turn(services, access, props, text, happenings))
    try:
        while True:
            happening = await happenings.get()
            for event in _encoded(_translated(translation, happening)):
                yield event
            if not isinstance(happening, RunEvent):
                return
    finally:
        turn.cancel()
        await asyncio.gather(turn, return_exceptions=True)


async def run_turn(
    services: Services, access: AccessContext, props: ForwardedProps, text: str, happenings: asyncio.Queue[Happening]
) -> None:
    """Run the turn; whatever it comes to is the last thing in the queue."""
    try:
        answer = await services.conversations.turn(
            access, props.study_uid, props.conversation_id, text, happenings.put_nowait
        )
    except Exception as error:
        happenings.put_nowait(error)
    else:
        happenings.put_nowait(answer)


def _translated(translation: Translation, happening: Happening) -> Iterable[BaseEvent]:
    if isinstance(happening, RunEvent):
        return translation.happened(happening)
    if isinstance(happening, ChatAnswer):
        return translation.finished(happening)
    if isinstance(happening, MedImageError):
        problem = problem_of(happening, "")
        return translation.failed(problem.type, f"{problem.detail} {problem.remedy}")
    return translation.failed("urn:medimage:problem:internal-error", " ".join(internal_error(happening)))


def _encoded(events: Iterable[BaseEvent]) -> Iterable[bytes]:
    encoder = EventEncoder()
    return (encoder.encode(event).encode() for event in events)
