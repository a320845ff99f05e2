"""Bodies of OpenAI's chat completions API, as far as the planner speaks it.

Source: OpenAI API reference, "Chat completions" (create, object, chunk object) and "Error codes".
"""

from __future__ import annotations

import re
import uuid
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.chat.schemas import LONGEST_TEXT, ForwardedProps
from api.errors import RequestIncomplete
from api.problems import Problem

MODEL = "medimage-planner"
STUDY_HEADER = "X-Study-UID"
CONVERSATION_HEADER = "X-Conversation-ID"
NO_STUDY = (
    "No study was named, so nothing was looked at. Name the study that you ask about in one of these places: "
    f"`metadata.study_uid` or `study_uid` in the body of the request, or the header `{STUDY_HEADER}`. "
    "GET /api/v1/studies lists the studies that are here."
)
_TOKEN = re.compile(r"\w+|[^\w\s]")
_KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class Message(BaseModel):
    """One message of the client's history."""

    model_config = ConfigDict(extra="ignore")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[dict[str, Any]] | None = None


class StreamOptions(BaseModel):
    """How to stream."""

    model_config = ConfigDict(extra="ignore")

    include_usage: bool = False


class CompletionRequest(BaseModel):
    """A request; sampling settings and tools of the client have no meaning here and are ignored."""

    model_config = ConfigDict(extra="ignore")

    model: str = Field(max_length=128)
    messages: list[Message] = Field(min_length=1)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: int | None = None
    response_format: dict[str, Any] | None = None
    tool_choice: str | dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    study_uid: str | None = None
    conversation_id: str | None = None

    @property
    def with_usage(self) -> bool:
        """A stream ends with a chunk of usage."""
        return self.stream_options is not None and self.stream_options.include_usage

    def check(self) -> None:
        """Refuse what would be answered otherwise than asked. Raises RequestIncomplete."""
        if self.n not in {None, 1}:
            raise RequestIncomplete("There is one answer to a question.", where="n", remedy="Leave n out.")
        if (self.response_format or {}).get("type", "text") != "text":
            remedy = "Leave it out; the report as JSON is at /api/v1/analyses/{analysis_id}."
            raise RequestIncomplete("Answers are text.", where="response_format", remedy=remedy)
        if isinstance(self.tool_choice, dict) or self.tool_choice not in {None, "none", "auto"}:
            remedy = "Leave it out; the planner uses its own tools. Other agents find them at /mcp."
            raise RequestIncomplete("The planner calls no tool of its client.", where="tool_choice", remedy=remedy)

    def question(self) -> str:
        """Text of the last user message; the messages before it are the client's word and are not read.

        Raises:
            RequestIncomplete: there is none, it is too long, or it holds more than text.
        """
        said = [m.content for m in self.messages if m.role == "user"]
        parts = said[-1] if said else None
        if isinstance(parts, list) and any(part.get("type") != "text" for part in parts):
            remedy = "Send images to POST /api/v1/studies and name the study; a question is text."
            raise RequestIncomplete(
                "Images, sound and files in a message are not read.", where="messages", remedy=remedy
            )
        text = "\n".join(str(p.get("text", "")) for p in parts) if isinstance(parts, list) else parts or ""
        if not text.strip():
            raise RequestIncomplete("There is no user message with text.", where="messages")
        if len(text) > LONGEST_TEXT:
            raise RequestIncomplete(f"The message is longer than {LONGEST_TEXT} characters.", where="messages")
        return text.strip()

    def subject(self, study_header: str, conversation_header: str) -> ForwardedProps | None:
        """Study and conversation: metadata before body before header; None when no study is named.

        Raises:
            RequestIncomplete: one of them is not a text of 1 to 128 characters.
        """
        said = self.metadata or {}
        study = said.get("study_uid") or self.study_uid or study_header
        conversation = said.get("conversation_id") or self.conversation_id or conversation_header
        if not study:
            return None
        fresh = f"completion-{uuid.uuid4().hex}"
        try:
            return ForwardedProps.model_validate({"study_uid": study, "conversation_id": conversation or fresh})
        except ValidationError as error:
            first = error.errors()[0]
            raise RequestIncomplete(first["msg"], where=str(first["loc"][0])) from None


class Completion:
    """One answer under way, whole or in chunks."""

    def __init__(self, created: int, question: str, conversation_id: str) -> None:
        self._head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": created, "model": MODEL}
        self._question = question
        self._facts: dict[str, Any] = {"conversation_id": conversation_id} if conversation_id else {}

    def add(self, **facts: Any) -> None:
        """Say more about the turn than OpenAI's fields can; it comes as `medimage`."""
        self._facts |= facts

    def whole(self, text: str) -> dict[str, Any]:
        """The chat completion object."""
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        usage = {"usage": self.usage(text), "medimage": self._facts}
        return {**self._head, "object": "chat.completion", "choices": [choice], **usage}

    def chunk(self, delta: dict[str, str], *, last: bool = False) -> dict[str, Any]:
        """A chat completion chunk."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": "stop" if last else None}
        facts = {"medimage": self._facts} if last else {}
        return {**self._head, "object": "chat.completion.chunk", "choices": [choice], **facts}

    def usage_chunk(self, text: str) -> dict[str, Any]:
        """The chunk after the last one, for clients that ask for usage."""
        return {**self._head, "object": "chat.completion.chunk", "choices": [], "usage": self.usage(text)}

    def usage(self, text: str) -> dict[str, int]:
        """Words and marks of question and answer: the planner's own count, no tokenizer of a chat model."""
        asked, said = (len(_TOKEN.findall(t)) for t in (self._question, text))
        return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def openai_error(problem: Problem, where: str = "") -> dict[str, Any]:
    """A problem in the shape that OpenAI's clients read, with the remedy in its message."""
    kind = _KINDS.get(problem.status, "server_error" if problem.status >= 500 else "invalid_request_error")
    code = problem.type.rsplit(":", 1)[-1].replace("-", "_")
    message = f"{problem.detail} {problem.remedy}".strip()
    return {"error": {"message": message, "type": kind, "param": where or None, "code": code}}
