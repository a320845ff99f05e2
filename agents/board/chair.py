"""The chair: in which order the members speak. Built in, or chosen by a remote chat model by tool calls."""

from __future__ import annotations

import logging
from typing import Annotated

from semantic_kernel import Kernel
from semantic_kernel.agents import ChatCompletionAgent, ChatHistoryAgentThread
from semantic_kernel.connectors.ai import FunctionChoiceBehavior
from semantic_kernel.connectors.ai.open_ai import OpenAIChatPromptExecutionSettings
from semantic_kernel.functions import KernelArguments, kernel_function

from agents.board.case import Case
from agents.chat_models import ChatConfiguration, chat_client, remote_chat
from agents.usage import Usage
from domain.study import Patient
from plugins.results import result
from prompts.library import load

_log = logging.getLogger(__name__)
LAST = "report"
"""Who speaks when everybody else has."""


class _Calling:
    """The chair's one tool: whom it calls is remembered, in order."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self.called: list[str] = []

    @kernel_function(name="call", description="Give the floor to a member of the board.")
    def call(self, member: Annotated[str, "name of the member"]) -> Annotated[str, "JSON: called, waiting"]:
        """Each member once."""
        if member in self._names and member not in self.called:
            self.called.append(member)
        waiting = [n for n in self._names if n not in self.called]
        return result({"called": self.called, "waiting": waiting})


async def planned_order(chat: ChatConfiguration, names: tuple[str, ...], case: Case) -> tuple[str, ...]:
    """Who speaks, in order: every member once, the report last.

    A remote model is told names and how much each source holds, never the record's words: it may put the members
    into another order, and leave nobody out. Where it fails, the built-in order stands.
    """
    if not chat.remote:
        return names
    try:
        called = await _called(chat, names, case)
    except Exception as error:
        _log.warning("the chat model could not chair the board (%s); the built-in order stands", type(error).__name__)
        return names
    order = [n for n in dict.fromkeys((*called, *names)) if n != LAST]
    return (*order, *(n for n in names if n == LAST))


async def _called(chat: ChatConfiguration, names: tuple[str, ...], case: Case) -> list[str]:
    calling = _Calling(names)
    client = chat_client(chat)
    try:
        kernel = Kernel()
        kernel.add_plugin(calling, "board")
        kernel.add_service(remote_chat(chat, client, Patient(), Usage()))
        agent = ChatCompletionAgent(kernel=kernel, name="chair", instructions=load("board/chair").text)
        settings = OpenAIChatPromptExecutionSettings(
            service_id="planner",
            temperature=chat.temperature,
            function_choice_behavior=FunctionChoiceBehavior.Auto(maximum_auto_invoke_attempts=len(names) + 2),
        )
        holds = {
            "members": list(names),
            "documents": len(case.documents),
            "events": len(case.timeline),
            "contradictions": len(case.contradictions),
            "studies": len(case.study_uids),
        }
        thread = ChatHistoryAgentThread()
        await agent.get_response(result(holds), thread=thread, arguments=KernelArguments(settings=settings))
    finally:
        await client.close()
    return calling.called
