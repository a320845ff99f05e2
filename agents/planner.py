"""The planner: an agent with the specialists as its tools. Whatever a chat model does, the question gets done.

A run with a remote model ends in one of three ways: it finished the work; it left something out, and the
built-in planner completes it; it failed (unreachable, empty, over budget), and the built-in planner takes
over where it stopped. The result says which.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from semantic_kernel import Kernel
from semantic_kernel.agents import ChatCompletionAgent, ChatHistoryAgentThread
from semantic_kernel.connectors.ai import FunctionChoiceBehavior
from semantic_kernel.connectors.ai.open_ai import OpenAIChatPromptExecutionSettings
from semantic_kernel.functions import KernelArguments

from agents.builtin import NAME
from agents.chat_models import ChatConfiguration, builtin_chat, chat_client, remote_chat
from agents.grounding import grounded
from agents.guardrails import Budget, Meter, guard
from domain.errors import BudgetExceeded, ChatError, MedImageError
from domain.ports import EventKind, Listener, RunEvent
from plugins.chest_report import ChestReportPlugin
from plugins.measurement import MeasurementPlugin
from plugins.prompts import PromptsPlugin
from plugins.quality import QualityPlugin
from plugins.report import ReportPlugin
from plugins.segmentation import SegmentationPlugin
from plugins.study import StudyPlugin
from plugins.workspace import Workspace
from prompts.library import load
from tools.deidentification_text import fence, scrub_text

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from semantic_kernel.connectors.ai.chat_completion_client_base import ChatCompletionClientBase

SPECIALISTS: dict[str, Callable[[Workspace], object]] = {
    "study": StudyPlugin,
    "prompts": PromptsPlugin,
    "segmentation": SegmentationPlugin,
    "chest": ChestReportPlugin,
    "quality": QualityPlugin,
    "measurement": MeasurementPlugin,
    "report": ReportPlugin,
}
"""The planner's tools: a specialist is a plugin whose functions work on the workspace of the run."""


UNBOUNDED = Budget(tool_calls=1_000_000, rounds=20, seconds=None)
"""For the built-in planner: its calls follow from the number of series, and it is who completes a run."""


@dataclass(frozen=True)
class PlannerAnswer:
    """What a turn ended with: the text, and who planned it."""

    text: str
    planner: str


class Planner:
    """Runs turns. One instance serves all runs; nothing of a run stays in it.

    Args:
        configuration: the chat model.
        budget: of one turn.
        client: an open client for the chat model's server; opened from the configuration when absent.
    """

    def __init__(
        self,
        configuration: ChatConfiguration,
        budget: Budget | None = None,
        client: AsyncOpenAI | None = None,
    ) -> None:
        self._configuration = configuration
        self._budget = budget or Budget()
        self._client = client
        self._owns_client = client is None

    async def close(self) -> None:
        """Close the client of the chat model's server."""
        if self._client is not None and self._owns_client:
            await self._client.close()
            self._client = None

    async def run(self, workspace: Workspace, listener: Listener | None = None) -> PlannerAnswer:
        """Answer the workspace's question, with the configured chat model or, where it fails, without.

        The workspace holds the result; the text is for a reader of the conversation.
        """
        tell = listener or (lambda _: None)
        if not self._configuration.remote:
            return PlannerAnswer(await self._builtin(workspace, tell), NAME)
        name = self._configuration.name
        try:
            text = await self._remote(workspace, tell)
        except ChatError as error:
            self._changed(workspace, tell, f"The chat model {name} failed: {error.reason} The {NAME} took over.")
            return PlannerAnswer(await self._builtin(workspace, tell), NAME)
        left_out = missing(workspace)
        if left_out:
            self._changed(workspace, tell, f"The chat model {name} left out {left_out}. The {NAME} completed the run.")
            text = await self._builtin(workspace, tell)
            return PlannerAnswer(text, f"{name}, {NAME}")
        return PlannerAnswer(text, name)

    @staticmethod
    def _changed(workspace: Workspace, tell: Listener, why: str) -> None:
        workspace.warn(why)
        tell(RunEvent(EventKind.PLANNER_CHANGED, {"reason": why, "planner": NAME}))

    async def _builtin(self, workspace: Workspace, tell: Listener) -> str:
        text, _ = await self._turn(builtin_chat(), workspace, tell, UNBOUNDED, stream=True)
        left_out = missing(workspace)
        if left_out:
            workspace.partial = True
            workspace.warn(f"The run is incomplete: {left_out} could not be done.")
        return text

    async def _remote(self, workspace: Workspace, tell: Listener) -> str:
        """One turn of the remote model.

        Raises:
            ChatError: it failed, used up its budget, or said nothing.
        """
        patient = workspace.ingested.study.patient
        try:
            if self._client is None:
                self._client = chat_client(self._configuration)
            service = remote_chat(self._configuration, self._client, patient)
            # Its words are shown once they are checked, not as they come.
            text, meter = await self._turn(
                service, workspace, lambda _: None, self._budget, stream=self._configuration.stream
            )
        except MedImageError as error:
            raise ChatError(error.reason, remedy=error.remedy, where=error.where) from error
        except TimeoutError as error:
            raise BudgetExceeded(f"More than {self._budget.seconds:g} s in one turn.") from error
        except Exception as error:
            raise ChatError(_foreign(error)) from error
        meter.check()
        if not text.strip():
            raise ChatError("It ended without an answer.")
        ids = [s.step_id for s in workspace.runner.steps] + [
            *workspace.masks,
            *(f.finding_id for f in workspace.findings),
        ]
        kept, dropped = grounded(text, meter.facts, ids)
        if dropped:
            workspace.warn(f"{len(dropped)} sentence(s) of the chat model had no support by a tool; left out.")
        shown = kept or workspace.summary
        if shown:
            tell(RunEvent(EventKind.TEXT, {"text": shown}))
        return shown

    async def _turn(
        self,
        service: ChatCompletionClientBase,
        workspace: Workspace,
        tell: Listener,
        budget: Budget,
        *,
        stream: bool,
    ) -> tuple[str, Meter]:
        meter = Meter(budget)
        kernel = Kernel()
        for name, specialist in SPECIALISTS.items():
            if name == "chest" and workspace.around.chest_report is None:
                continue
            kernel.add_plugin(specialist(workspace), name)
        guard(kernel, meter)
        kernel.add_service(service)
        agent = ChatCompletionAgent(kernel=kernel, name="planner", instructions=load("planner").text)
        arguments = KernelArguments(settings=self._settings(budget))
        question = scrub_text(workspace.question, workspace.ingested.study.patient).value
        message = load("planner_question").render(question=fence(question, "question"))
        pieces: list[str] = []
        async with asyncio.timeout(budget.seconds):
            if not stream:
                reply = await agent.get_response(message, thread=ChatHistoryAgentThread(), arguments=arguments)
                pieces.append(str(reply.message.content or ""))
            else:
                async for piece in agent.invoke_stream(message, thread=ChatHistoryAgentThread(), arguments=arguments):
                    text = str(piece.message.content or "")
                    pieces.append(text)
                    if text:
                        tell(RunEvent(EventKind.TEXT, {"text": text}))
        return "".join(pieces), meter

    def _settings(self, budget: Budget) -> OpenAIChatPromptExecutionSettings:
        # Fresh for every turn: settings of a shared agent leak from call to call.
        return OpenAIChatPromptExecutionSettings(
            service_id="planner",
            temperature=self._configuration.temperature,
            function_choice_behavior=FunctionChoiceBehavior.Auto(maximum_auto_invoke_attempts=budget.rounds),
        )


def missing(workspace: Workspace) -> str:
    """What a finished run must have and this one has not, in words; "" when it is complete."""
    uncrafted = [n for n in workspace.series_names if n not in workspace.plans]
    if uncrafted:
        return f"the prompts for {', '.join(uncrafted)}"
    films = [n for n in workspace.series_names if workspace.wants_chest_report(n)]
    unreported = [n for n in films if workspace.series(n).series_uid not in workspace.reported]
    if unreported:
        return f"the chest report of {', '.join(unreported)}"
    pending = [f"{p.target} in {n}" for n in workspace.series_names for p in workspace.pending(n)]
    if pending:
        return ", ".join(pending)
    for words, ids in (("quality assurance", workspace.unassessed), ("measurement", workspace.unmeasured)):
        if ids:
            return f"the {words} of {', '.join(ids)}"
    return "" if workspace.summary else "the draft report"


def _foreign(error: Exception) -> str:
    """What a foreign exception is, without its text: that may carry what was sent."""
    root: BaseException = error
    while root.__cause__ is not None:
        root = root.__cause__
    status = getattr(root, "status_code", None)
    return f"{type(root).__name__}{f' (HTTP {status})' if status else ''}."
