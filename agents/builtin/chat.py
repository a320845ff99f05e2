"""The built-in planner model: deterministic, no account, no network, real tool calls.

It speaks Semantic Kernel's chat-completion interface, so the same agent, tools and filters run with it as
with a remote model. It plans from what was understood of the question and what the tools said. When it takes over
from another model it continues where that one stopped.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import PrivateAttr
from semantic_kernel.connectors.ai.chat_completion_client_base import ChatCompletionClientBase
from semantic_kernel.connectors.ai.function_calling_utils import update_settings_from_function_call_configuration
from semantic_kernel.connectors.ai.open_ai.prompt_execution_settings.open_ai_prompt_execution_settings import (
    OpenAIChatPromptExecutionSettings,
)
from semantic_kernel.contents import (
    AuthorRole,
    ChatHistory,
    ChatMessageContent,
    FinishReason,
    FunctionCallContent,
    FunctionResultContent,
    StreamingChatMessageContent,
    StreamingTextContent,
    TextContent,
)

from agents.builtin.plan import Task, plan_next

if TYPE_CHECKING:
    from semantic_kernel.connectors.ai.prompt_execution_settings import PromptExecutionSettings

NAME = "built-in planner"


def results_since_user(history: ChatHistory) -> list[tuple[str, dict[str, Any]]]:
    """Tool results after the last user message, as (tool name, parsed JSON)."""
    found: list[tuple[str, dict[str, Any]]] = []
    for message in reversed(history.messages):
        if message.role == AuthorRole.USER:
            break
        for item in reversed(message.items):
            if isinstance(item, FunctionResultContent):
                found.append((item.name or "", _parsed(item.result)))
    return found[::-1]


def _parsed(result: Any) -> dict[str, Any]:
    try:
        data = json.loads(str(result))
    except ValueError:
        return {"error": {"reason": str(result)}}
    return data if isinstance(data, dict) else {"value": data}


class BuiltinPlanner(ChatCompletionClientBase):
    """A chat model whose next words are computed, not sampled."""

    SUPPORTS_FUNCTION_CALLING: ClassVar[bool] = True
    _task: Task = PrivateAttr()

    def __init__(self, task: Task) -> None:
        super().__init__(ai_model_id=NAME, service_id="planner")
        self._task = task

    def get_prompt_execution_settings_class(self) -> type[PromptExecutionSettings]:
        """Settings with tools, as OpenAI's chat models have."""
        return OpenAIChatPromptExecutionSettings

    def _update_function_choice_settings_callback(self) -> Callable[..., None]:
        return update_settings_from_function_call_configuration

    def _reset_function_choice_settings(self, settings: PromptExecutionSettings) -> None:
        if isinstance(settings, OpenAIChatPromptExecutionSettings):
            settings.tools = None
            settings.tool_choice = None

    def _say(self, history: ChatHistory) -> tuple[list[TextContent | FunctionCallContent], FinishReason]:
        said = plan_next(self._task, results_since_user(history))
        if isinstance(said, str):
            return [TextContent(text=said)], FinishReason.STOP
        turn = len(history.messages)
        calls: list[TextContent | FunctionCallContent] = [
            FunctionCallContent(id=f"call_{turn}_{i}", index=i, name=name, arguments=json.dumps(arguments))
            for i, (name, arguments) in enumerate(said)
        ]
        return calls, FinishReason.TOOL_CALLS

    async def _inner_get_chat_message_contents(
        self,
        chat_history: ChatHistory,
        settings: PromptExecutionSettings,  # noqa: ARG002 - Semantic Kernel's signature
    ) -> list[ChatMessageContent]:
        items, finish = self._say(chat_history)
        return [
            ChatMessageContent(
                role=AuthorRole.ASSISTANT, items=list(items), finish_reason=finish, ai_model_id=self.ai_model_id
            )
        ]

    async def _inner_get_streaming_chat_message_contents(
        self,
        chat_history: ChatHistory,
        settings: PromptExecutionSettings,  # noqa: ARG002 - Semantic Kernel's signature
        function_invoke_attempt: int = 0,
    ) -> AsyncGenerator[list[StreamingChatMessageContent], Any]:
        items, finish = self._say(chat_history)
        pieces: list[Any] = []
        for item in items:
            if isinstance(item, TextContent):
                pieces += [
                    StreamingTextContent(choice_index=0, text=line) for line in item.text.splitlines(keepends=True)
                ]
            else:
                pieces.append(item)
        for i, piece in enumerate(pieces):
            yield [
                StreamingChatMessageContent(
                    role=AuthorRole.ASSISTANT,
                    choice_index=0,
                    items=[piece],
                    ai_model_id=self.ai_model_id,
                    finish_reason=finish if i == len(pieces) - 1 else None,
                    function_invoke_attempt=function_invoke_attempt,
                )
            ]
