"""One turn of one chat model: a kernel with the offered specialists, an agent, the guards, and the words that come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from semantic_kernel import Kernel
from semantic_kernel.agents import ChatCompletionAgent, ChatHistoryAgentThread
from semantic_kernel.connectors.ai import FunctionChoiceBehavior
from semantic_kernel.connectors.ai.open_ai import OpenAIChatPromptExecutionSettings
from semantic_kernel.contents import ChatHistory
from semantic_kernel.functions import KernelArguments

from agents.guardrails import Budget, Meter, guard
from agents.registry import Specialist
from agents.usage import Usage
from plugins.workspace import Workspace
from prompts.library import load
from tools.deidentification_text import fence, scrub_text

if TYPE_CHECKING:
    from semantic_kernel.connectors.ai.chat_completion_client_base import ChatCompletionClientBase

EARLIER_TURNS = 6
LONGEST_EARLIER = 600
"""Turns, and characters of each text, that a chat model is reminded of."""


@dataclass(frozen=True)
class Turn:
    """How a turn is run.

    Attributes:
        tell: given the words as they come.
        specialists: whose tools there are.
        usage: counted while the turn runs.
        stream: whether the model is asked to stream.
    """

    budget: Budget
    tell: Callable[[str], None]
    specialists: tuple[Specialist, ...]
    usage: Usage = field(default_factory=Usage)
    stream: bool = True
    temperature: float | None = None


async def take(service: ChatCompletionClientBase, workspace: Workspace, turn: Turn) -> tuple[str, Meter]:
    """The model's final words, and what it used.

    Raises:
        TimeoutError: the budget's seconds are over.
    """
    meter = Meter(turn.budget, turn.usage, workspace.calls.append)
    kernel = Kernel()
    for row in turn.specialists:
        kernel.add_plugin(row.tools(workspace), row.name)
    guard(kernel, meter)
    kernel.add_service(service)
    instructions = load("planner").render(specialists="\n".join(row.instructions.strip() for row in turn.specialists))
    agent = ChatCompletionAgent(kernel=kernel, name="planner")
    arguments = KernelArguments(settings=_settings(turn))
    thread = ChatHistoryAgentThread(chat_history=_history(instructions, workspace))
    message = load("planner_question").render(question=_data(workspace, workspace.question, "question"))
    pieces: list[str] = []
    async with asyncio.timeout(turn.budget.seconds):
        if not turn.stream:
            reply = await agent.get_response(message, thread=thread, arguments=arguments)
            pieces.append(str(reply.message.content or ""))
        else:
            async for piece in agent.invoke_stream(message, thread=thread, arguments=arguments):
                text = str(piece.message.content or "")
                pieces.append(text)
                if text:
                    turn.tell(text)
    return "".join(pieces), meter


def _history(instructions: str, workspace: Workspace) -> ChatHistory:
    """The instructions, and the turns before: what was asked is data here, what was answered is ours.

    The instructions are a message, since an agent's own are a template to Semantic Kernel, read anew in every round.
    """
    history = ChatHistory(system_message=instructions)
    for said in workspace.earlier[-EARLIER_TURNS:]:
        history.add_user_message(_data(workspace, said.question[:LONGEST_EARLIER], "question"))
        history.add_assistant_message(said.answer[:LONGEST_EARLIER])
    return history


def _data(workspace: Workspace, text: str, label: str) -> str:
    return fence(scrub_text(text, workspace.ingested.study.patient).value, label)


def _settings(turn: Turn) -> OpenAIChatPromptExecutionSettings:
    # Fresh for every turn: settings of a shared agent leak from call to call.
    return OpenAIChatPromptExecutionSettings(
        service_id="planner",
        temperature=turn.temperature,
        function_choice_behavior=FunctionChoiceBehavior.Auto(maximum_auto_invoke_attempts=turn.budget.rounds),
    )
