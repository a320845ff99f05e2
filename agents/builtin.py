"""The built-in planner model: deterministic, no account, no network, real tool calls.

It speaks Semantic Kernel's chat-completion interface, so the same agent, tools and filters run with it as
with a remote model. It plans from what the tools said: describe, craft for every series, segment, assess,
measure, compose, answer. When it takes over from another model it continues where that one stopped.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any, ClassVar

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

if TYPE_CHECKING:
    from semantic_kernel.connectors.ai.prompt_execution_settings import PromptExecutionSettings

NAME = "built-in planner"

Call = tuple[str, dict[str, Any]]


def plan_next(results: list[tuple[str, dict[str, Any]]]) -> list[Call] | str:
    """The next tool calls, or the final answer, from the results of the tools so far.

    Args:
        results: (fully qualified tool name, its JSON) since the user's message, in order.
    """
    seen = [name for name, _ in results]
    if "study-describe" not in seen:
        return [("study-describe", {})]
    study = next(data for name, data in results if name == "study-describe")
    names = [s["name"] for s in study.get("series", [])]
    chests = [s["name"] for s in study.get("series", []) if s.get("chest_report")]
    plan: list[tuple[str, list[dict[str, Any]]]] = [
        ("prompts-craft", [{"series": n} for n in names]),
        ("segmentation-segment", [{"series": n, "targets": []} for n in _with_prompts(results, names)]),
        ("chest-report", [{"series": n} for n in chests]),
        ("quality-assess", [{"masks": []}]),
        ("measurement-measure", [{"masks": []}]),
        ("report-compose", [{}]),
    ]
    for tool, calls in plan:
        if calls and tool not in seen:
            return [(tool, arguments) for arguments in calls]
    return _answer(results)


def _with_prompts(results: list[tuple[str, dict[str, Any]]], names: list[str]) -> list[str]:
    crafted = {d.get("series") for n, d in results if n == "prompts-craft" and d.get("prompts")}
    return [n for n in names if n in crafted]


def _answer(results: list[tuple[str, dict[str, Any]]]) -> str:
    report: dict[str, Any] = next((data for name, data in reversed(results) if name == "report-compose"), {})
    if "error" in report:
        return f"The draft could not be written: {report['error'].get('reason', '')}"
    lines = [str(report.get("answer") or report.get("summary", ""))]
    if report.get("warnings"):
        lines += ["", "Please note:", *(f"- {w}" for w in report["warnings"])]
    return "\n".join(lines).strip()


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
        said = plan_next(results_since_user(history))
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
