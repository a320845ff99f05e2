"""The planner: an agent with the specialists as its tools. Whatever a chat model does, the question gets done.

A run with a remote model ends in one of three ways: it finished the work; it left something out, and the
built-in planner completes it; it failed (unreachable, empty, over budget), and the built-in planner takes
over where it stopped. The result says which.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agents.builtin.chat import NAME
from agents.builtin.plan import Task
from agents.chat_models import ChatConfiguration, builtin_chat, chat_client, remote_chat
from agents.completeness import missing
from agents.effects import own_effects
from agents.evidence import evidence_of
from agents.grounding import grounded
from agents.guardrails import Budget
from agents.needs import Needs, looking_for, needs_of
from agents.registry import SPECIALISTS, Specialist, offered
from agents.routing.quoting import message
from agents.routing.request import Routed
from agents.routing.router import Router, default_router
from agents.situation import films, situation_of
from agents.turn import Turn, take
from agents.usage import Usage
from domain.errors import BudgetExceeded, ChatError, MedImageError
from domain.ports import EventKind, Listener, RunEvent
from plugins.workspace import Workspace
from prompts.own_words import own_words
from tools.deidentification_text import scrub_identifiers

if TYPE_CHECKING:
    from openai import AsyncOpenAI

UNBOUNDED = Budget(tool_calls=1_000_000, rounds=20, seconds=None)
"""For the built-in planner: its calls follow from the number of series, and it is who completes a run."""
TOLD = "That others want a signature or a delivery was not taken for your request; ask for it in a message of its own."
WHOLE = 0.9
"""Share of a message's own letters from which on a request is all of it, but for punctuation."""
PASTED = "What was pasted into the message, or speaks to software in it, was read as data and not as a request."


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
        router: reads what a question wants.
        specialists: whose tools it has.
    """

    def __init__(
        self,
        configuration: ChatConfiguration,
        budget: Budget | None = None,
        client: AsyncOpenAI | None = None,
        router: Router | None = None,
        specialists: Mapping[str, Specialist] = SPECIALISTS,
    ) -> None:
        self._configuration = configuration
        self._budget = budget or Budget()
        self._client = client
        self._owns_client = client is None
        self._router = router
        self._specialists = specialists

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
        needs = await self._read(workspace)
        if not self._configuration.remote:
            return PlannerAnswer(await self._builtin(workspace, needs, tell), NAME)
        name = self._configuration.name
        try:
            text = await self._remote(workspace, tell)
        except ChatError as error:
            self._changed(workspace, tell, f"The chat model {name} failed: {error.reason} The {NAME} took over.")
            return PlannerAnswer(await self._builtin(workspace, needs, tell), NAME)
        left_out = missing(workspace, needs) or ("" if text else "an answer that its tools support")
        if left_out:
            self._changed(workspace, tell, f"The chat model {name} left out {left_out}. The {NAME} completed the run.")
            text = await self._builtin(workspace, needs, tell)
            return PlannerAnswer(text, f"{name}, {NAME}")
        return PlannerAnswer(text, name)

    async def _read(self, workspace: Workspace) -> Needs:
        """What the question needs; the words that say what to look for are kept for prompt-crafting."""
        situation = await situation_of(workspace)
        router = self._router or default_router()
        said = own_words(workspace.question)
        if said.others:
            workspace.warn(PASTED)
        # The patient's own name and number are not those of another patient.
        text = scrub_identifiers(said.text, workspace.ingested.study.patient).value
        read = await asyncio.to_thread(router.route, text, situation)
        if read.others and not said.others:
            workspace.warn(PASTED)
        routed = own_effects(read, text)
        if routed != read:
            workspace.warn(TOLD)
        several = len(read.requests) > 1
        workspace.looking_for = looking_for(routed, text) if several else _whole(routed, text, said.text)
        for words in routed.not_understood:
            workspace.warn(f"Not understood: {words!r}.")
        return needs_of(routed, found=situation.found, films=films(workspace))

    @staticmethod
    def _changed(workspace: Workspace, tell: Listener, why: str) -> None:
        workspace.warn(why)
        tell(RunEvent(EventKind.PLANNER_CHANGED, {"reason": why, "planner": NAME}))

    async def _builtin(self, workspace: Workspace, needs: Needs, tell: Listener) -> str:
        rows = offered(workspace, self._specialists)
        task = Task(workspace.question, needs, frozenset(row.name for row in rows))
        turn = Turn(UNBOUNDED, lambda text: tell(RunEvent(EventKind.TEXT, {"text": text})), rows)
        text, _ = await take(builtin_chat(task), workspace, turn)
        left_out = missing(workspace, needs)
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
        # Its words are shown once they are checked, not as they come.
        configuration, usage = self._configuration, Usage(self._configuration.price)
        rows = offered(workspace, self._specialists)
        turn = Turn(self._budget, lambda _: None, rows, usage, configuration.stream, configuration.temperature)
        try:
            if self._client is None:
                self._client = chat_client(configuration)
            text, meter = await take(remote_chat(configuration, self._client, patient, usage), workspace, turn)
        except MedImageError as error:
            raise ChatError(error.reason, remedy=error.remedy, where=error.where) from error
        except TimeoutError as error:
            raise BudgetExceeded(f"More than {self._budget.seconds:g} s in one turn.") from error
        except Exception as error:
            raise ChatError(_foreign(error)) from error
        finally:
            workspace.usage = usage.row()
        meter.check()
        if not text.strip():
            raise ChatError("It ended without an answer.")
        workspace.wording = self._supported(text, workspace, meter.facts)
        shown = workspace.wording or workspace.summary
        if workspace.reply is not None:
            shown = "\n\n".join(filter(None, (shown, workspace.reply.text)))
        if shown:
            tell(RunEvent(EventKind.TEXT, {"text": shown}))
        return shown

    @staticmethod
    def _supported(text: str, workspace: Workspace, facts: list[str]) -> str:
        ids = [s.step_id for s in workspace.runner.steps] + [
            *workspace.masks,
            *(f.finding_id for f in workspace.findings),
        ]
        kept, dropped = grounded(text, facts, ids, evidence_of(workspace))
        if dropped:
            why = "; ".join(dict.fromkeys(d.reason.value for d in dropped))
            workspace.warn(f"{len(dropped)} sentence(s) of the chat model had no support by a tool; left out ({why}).")
        return kept


def _whole(routed: Routed, text: str, said: str) -> str:
    """What one request is read from: all of the message, names included, as prompt-crafting says what it refuses.

    A quotation is left out where the message itself names what it wants: what others name is not wanted besides.

    Args:
        text: the message without the patient's identifiers, as it was routed; said: with them.
    """
    request = routed.requests[0]
    if request.targets and len(request.text) < WHOLE * len(message(text).own.strip()):
        return request.text  # the rest is background, whatever it names
    quoting = not request.targets or request.text in message(text).quoted
    return said if quoting else message(said).own


def _foreign(error: Exception) -> str:
    """What a foreign exception is, without its text: that may carry what was sent."""
    root: BaseException = error
    while root.__cause__ is not None:
        root = root.__cause__
    status = getattr(root, "status_code", None)
    return f"{type(root).__name__}{f' (HTTP {status})' if status else ''}."
