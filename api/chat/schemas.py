"""What a chat request must carry besides AG-UI's own fields."""

from __future__ import annotations

from datetime import datetime

from ag_ui.core import RunAgentInput, UserMessage
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.errors import RequestIncomplete

LONGEST_TEXT = 8000


class ForwardedProps(BaseModel):
    """`forwardedProps` of the run."""

    model_config = ConfigDict(extra="ignore")

    study_uid: str = Field(min_length=1, max_length=128, description="The study that the turn is about.")
    conversation_id: str = Field(default="", max_length=128, description="Bound to one patient; default: threadId.")


class ConversationSummary(BaseModel):
    """A conversation in a list."""

    model_config = ConfigDict(from_attributes=True)

    conversation_id: str
    created: datetime
    turns: int
    first_question: str


class ConversationList(BaseModel):
    """The caller's conversations about a patient, newest first."""

    conversations: list[ConversationSummary]


class TurnView(BaseModel):
    """One turn: what was asked and what was answered."""

    model_config = ConfigDict(from_attributes=True)

    question: str
    answer: str
    study_uid: str
    at: datetime
    analysis_id: str = Field(description="Of the analysis that the turn ran; empty when it ran none.")
    planner: str


class ConversationView(BaseModel):
    """What was said, oldest first."""

    conversation_id: str
    turns: list[TurnView]


def forwarded(run: RunAgentInput) -> ForwardedProps:
    """The study and the conversation. Raises RequestIncomplete."""
    try:
        props = ForwardedProps.model_validate(run.forwarded_props or {})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise RequestIncomplete(first["msg"], where=f"forwardedProps.{field}") from None
    conversation_id = props.conversation_id or run.thread_id
    if not 0 < len(conversation_id) <= 128:
        raise RequestIncomplete("A conversation needs an id of 1 to 128 characters.", where="threadId")
    return ForwardedProps(study_uid=props.study_uid, conversation_id=conversation_id)


def question(run: RunAgentInput) -> str:
    """The last user message's text. Raises RequestIncomplete."""
    said = [message for message in run.messages if isinstance(message, UserMessage)]
    text = _text(said[-1]) if said else ""
    if not text:
        raise RequestIncomplete("There is no user message with text.", where="messages")
    if len(text) > LONGEST_TEXT:
        raise RequestIncomplete(f"The message is longer than {LONGEST_TEXT} characters.", where="messages")
    return text


def _text(message: UserMessage) -> str:
    content = message.content
    if isinstance(content, str):
        return content.strip()
    return "\n".join(part.text for part in content if part.type == "text").strip()
