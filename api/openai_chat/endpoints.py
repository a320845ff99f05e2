"""`/v1/chat/completions` and `/v1/models`: any OpenAI-compatible chat client can talk to the planner."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from sse_starlette import EventSourceResponse
from starlette.exceptions import HTTPException

from api.chat.endpoints import Happening, run_turn
from api.chat.schemas import ForwardedProps
from api.errors import NotReady, RequestIncomplete, internal_problem, problem_of
from api.openai_chat.schemas import (
    CONVERSATION_HEADER,
    MODEL,
    NO_STUDY,
    STUDY_HEADER,
    Completion,
    CompletionRequest,
    openai_error,
)
from api.problems import Problem
from api.services import Given, Services
from domain.access import AccessContext
from domain.errors import MedImageError, ModelUnreachable, NotFound
from domain.ports import EventKind, RunEvent
from jobs.contracts import ChatAnswer
from jobs.failure import internal_error

WORTH_ANOTHER_TRY = (ModelUnreachable, NotReady)
HUNG_UP = 499
"""Nobody reads it; it is what web servers note for a client that went away."""


class OpenAIRoute(APIRoute):
    """A route whose errors have OpenAI's shape."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with every error answered here."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except Exception as error:
                return _refusal(error, request.url.path)

        return handled


router = APIRouter(prefix="/v1", route_class=OpenAIRoute, include_in_schema=False)


@router.get("/models", summary="List the one model")
async def list_models() -> dict[str, Any]:
    """The planner, as OpenAI lists models."""
    return {"object": "list", "data": [_model()]}


@router.get("/models/{name}", summary="Look at the one model")
async def get_model(name: str) -> dict[str, Any]:
    """The planner, as OpenAI describes a model."""
    _require_known(name)
    return _model()


@router.post("/chat/completions", summary="Ask about a study", response_model=None)
async def complete(
    request: Request,
    body: CompletionRequest,
    services: Given,
    study_uid: Annotated[str, Header(alias=STUDY_HEADER)] = "",
    conversation_id: Annotated[str, Header(alias=CONVERSATION_HEADER)] = "",
) -> Response:
    """A turn of the planner. The study must be named; without `conversation_id` each request is a new conversation."""
    _require_known(body.model)
    body.check()
    text, props = body.question(), body.subject(study_uid, conversation_id)
    completion = Completion(int(services.clock.now().timestamp()), text, props.conversation_id if props else "")
    if props is None:
        said = _said(completion, NO_STUDY, with_usage=body.with_usage)
        return EventSourceResponse(said) if body.stream else JSONResponse(completion.whole(NO_STUDY))
    access = await services.studies.access(services.user, props.study_uid)
    await services.bindings.bind(access, props.conversation_id, await services.studies.get(access, props.study_uid))
    headers = {CONVERSATION_HEADER: props.conversation_id} if props.conversation_id.isascii() else {}
    if body.stream:
        stream = _stream(completion, services, access, props, text, with_usage=body.with_usage)
        return EventSourceResponse(stream, headers=headers, ping=15)
    turn = services.conversations.turn(access, props.study_uid, props.conversation_id, text, lambda _: None)
    answer = await _unless_hung_up(request, turn)
    if answer is None:
        return Response(status_code=HUNG_UP)
    completion.add(analysis_id=answer.analysis_id, needs_review=answer.needs_review)
    return JSONResponse(completion.whole(answer.text), headers=headers)


async def _stream(
    completion: Completion,
    services: Services,
    access: AccessContext,
    props: ForwardedProps,
    text: str,
    *,
    with_usage: bool,
) -> AsyncIterator[bytes]:
    """Chunks as the planner speaks; closing the stream stops the turn."""
    happenings: asyncio.Queue[Happening] = asyncio.Queue()
    turn = asyncio.create_task(run_turn(services, access, props, text, happenings))
    said = ""
    try:
        yield _data(completion.chunk({"role": "assistant", "content": ""}))
        while isinstance(happening := await happenings.get(), RunEvent):
            if piece := _piece(happening, said):
                said += piece
                yield _data(completion.chunk({"content": piece}))
        if not isinstance(happening, ChatAnswer):
            yield _data(openai_error(_problem(happening, "")))
            return
        if not said.strip():
            said = happening.text
            yield _data(completion.chunk({"content": said}))
        completion.add(analysis_id=happening.analysis_id, needs_review=happening.needs_review)
        for end in _end(completion, said, with_usage=with_usage):
            yield end
    finally:
        turn.cancel()
        await asyncio.gather(turn, return_exceptions=True)


def _piece(event: RunEvent, said: str) -> str:
    """What an event adds to the text. What was sent cannot be taken back: a change of planner is said."""
    if event.kind is EventKind.TEXT:
        return str(event.data.get("text", ""))
    if event.kind is EventKind.PLANNER_CHANGED and said.strip():
        return f"\n\n[{event.data.get('reason', '')} What follows replaces what was said.]\n\n"
    return ""


async def _said(completion: Completion, text: str, *, with_usage: bool) -> AsyncIterator[bytes]:
    yield _data(completion.chunk({"role": "assistant", "content": text}))
    for end in _end(completion, text, with_usage=with_usage):
        yield end


def _end(completion: Completion, said: str, *, with_usage: bool) -> list[bytes]:
    usage = [_data(completion.usage_chunk(said))] if with_usage else []
    return [_data(completion.chunk({}, last=True)), *usage, b"data: [DONE]\n\n"]


def _data(body: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n".encode()


async def _unless_hung_up(request: Request, work: Awaitable[ChatAnswer]) -> ChatAnswer | None:
    """What `work` comes to; it is cancelled, and None is returned, when the client goes away before."""
    turn = asyncio.ensure_future(work)
    gone = asyncio.create_task(_hang_up(request))
    both: set[asyncio.Future[Any]] = {turn, gone}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        return turn.result() if turn.done() else None
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)


async def _hang_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _model() -> dict[str, Any]:
    return {"id": MODEL, "object": "model", "created": 0, "owned_by": "medimage-orchestrator"}


def _require_known(name: str) -> None:
    if name != MODEL:
        raise NotFound("There is no such model here.", where="model", remedy=f"Use {MODEL}.")


def _refusal(error: Exception, path: str) -> JSONResponse:
    """An error as a response. Only what another try can mend is worth one: a turn is long."""
    error = _named(error)
    problem = _problem(error, path)
    retry = "true" if isinstance(error, WORTH_ANOTHER_TRY) else "false"
    where = error.where if isinstance(error, MedImageError) else ""
    return JSONResponse(openai_error(problem, where), status_code=problem.status, headers={"x-should-retry": retry})


def _named(error: Exception) -> Exception:
    """FastAPI's own errors as ours, without the value that was sent."""
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part not in {"body", "header"})
        return RequestIncomplete(
            f"{first['msg']}.", where=where, remedy="Correct the field and send the request again."
        )
    if isinstance(error, HTTPException):
        if isinstance(error.__cause__, MedImageError):
            return error.__cause__  # the body was too long while it was read
        return RequestIncomplete("The body cannot be read.", where="body", remedy="Send JSON in UTF-8.")
    return error


def _problem(error: BaseException, path: str) -> Problem:
    if isinstance(error, MedImageError):
        return problem_of(error, path)
    return internal_problem(path, *internal_error(error))
