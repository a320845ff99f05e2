"""The chair as a chat model: its tools are the members; what it says itself has to be carried by what they said."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

from semantic_kernel import Kernel
from semantic_kernel.agents import ChatCompletionAgent, ChatHistoryAgentThread
from semantic_kernel.connectors.ai import FunctionChoiceBehavior
from semantic_kernel.connectors.ai.open_ai import OpenAIChatPromptExecutionSettings
from semantic_kernel.functions import KernelArguments, KernelFunctionFromMethod, kernel_function

from agents.board.closing import carried
from agents.board.floor import LAST, Floor, Stopped
from agents.board.registry import ROWS
from agents.board.remarks import EFFECTS, Remarks
from agents.chat_models import ChatConfiguration, chat_client, remote_chat
from agents.guardrails import Budget, Meter, guard
from agents.routing.request import Intent
from agents.usage import Usage
from domain.board import BoardMessage, Claim
from domain.study import Patient
from plugins.results import ADAPT, result
from prompts.library import load
from tools.deidentification_text import fence, scrub_text

BUDGET = Budget(tool_calls=24, rounds=16, seconds=1800.0)
LONGEST_CLAIM = 500
LONGEST_QUESTION = 500
"""Characters that a chat model is shown of a claim, and that it may ask."""


class Chair:
    """One run's chair.

    Where it is not known whose identity to take out, the model is told names and counts, and no word of the record.
    """

    def __init__(self, floor: Floor, remarks: Remarks, chat: ChatConfiguration, budget: Budget = BUDGET) -> None:
        self._floor = floor
        self._remarks = remarks
        self._chat = chat
        self._budget = budget
        self._patient = floor.case.patient
        self._claims: dict[str, Claim] = {}
        self._asked_before: set[tuple[str, str]] = set()
        self._turn = asyncio.Lock()
        self.broken: Exception | None = None

    async def preside(self) -> tuple[list[Claim], int]:
        """Let the model give the floor; its own words that the members' claims carry, and how many were left out.

        Raises:
            BudgetExceeded, TimeoutError, what the chat model's client raises, and what telling the board raises.
        """
        client = chat_client(self._chat)
        usage = Usage(self._chat.price)
        meter = Meter(self._budget, usage)
        try:
            kernel = Kernel()
            kernel.add_functions(
                "board", [KernelFunctionFromMethod(self._asking(n), "board") for n in self._floor.names]
            )
            guard(kernel, meter)
            kernel.add_service(remote_chat(self._chat, client, self._patient or Patient(), usage))
            told = "\n".join(f"- `board-ask_{n}`: {ROWS[n].instructions}" for n in self._floor.names)
            agent = ChatCompletionAgent(
                kernel=kernel, name="chair", instructions=load("board/chair").render(members=told)
            )
            settings = OpenAIChatPromptExecutionSettings(
                service_id="planner",
                temperature=self._chat.temperature,
                function_choice_behavior=FunctionChoiceBehavior.Auto(maximum_auto_invoke_attempts=self._budget.rounds),
            )
            arguments = KernelArguments(settings=settings)
            async with asyncio.timeout(self._budget.seconds):
                reply = await agent.get_response(self._case(), thread=ChatHistoryAgentThread(), arguments=arguments)
        finally:
            await client.close()
        if self.broken is not None:
            raise self.broken
        meter.check()
        return carried(str(reply.message.content or ""), self._claims) if self._claims else ([], 0)

    def _asking(self, name: str) -> Callable[..., Awaitable[str]]:
        asking: Callable[..., Awaitable[str]]

        @kernel_function(name=f"ask_{name}", description=ROWS[name].instructions)
        async def ask(
            question: Annotated[str, "what to answer, without identity; empty: speak about the case"] = "",
        ) -> Annotated[str, "JSON: member, claims, said, people, waiting"]:
            async with self._turn:
                return await self._asked(name, question.strip()[:LONGEST_QUESTION])

        asking = ask
        return asking

    async def _asked(self, name: str, question: str) -> str:
        if self.broken is not None:
            raise self.broken
        if reason := await self._refused(name, question):
            return result({"error": {"kind": ADAPT, "reason": reason, "waiting": self._floor.waiting}})
        self._asked_before.add((name, question))
        try:
            heard = await self._floor.hear()
            claims = await self._floor.give(name, "" if name == LAST else question)
            heard += await self._floor.hear()
        except Stopped:
            raise
        except Exception as error:  # the board could not be told: nothing more is said, whatever the model does
            self.broken = error
            raise
        return result({"member": name, **self._shown(claims, heard), "waiting": self._floor.waiting})

    async def _refused(self, name: str, question: str) -> str:
        """Why a member is not asked, "" when it is: nothing is asked twice, and nothing is signed or sent."""
        if (name, question) in self._asked_before or (not question and name not in self._floor.waiting):
            return f"{name} has spoken; ask it something new."
        if name == LAST and self._floor.waiting not in ([], [LAST]):
            return f"{name} speaks when the others have."
        if question and (await self._remarks.request(question)).intent in {Intent.SIGN, Intent.DELIVER}:
            return EFFECTS
        return ""

    def _shown(self, claims: list[Claim], heard: list[BoardMessage]) -> dict[str, object]:
        if self._patient is None:
            return {"claims": len(claims), "people": len(heard)}
        lines = [self._line(claim) for claim in claims]
        people = [self._clean(m.text) for m in heard]
        known = set(map(id, self._claims.values()))
        conflicts = [self._line(claim) for claim in self._floor.conflicts if id(claim) not in known]
        return {
            "claims": len(claims),
            "said": fence("\n".join(lines), "board"),
            "contradictions": fence("\n".join(conflicts), "board") if conflicts else "",
            "people": fence("\n".join(people), "people") if people else "",
        }

    def _line(self, claim: Claim) -> str:
        name = f"c{len(self._claims) + 1}"
        self._claims[name] = claim
        return f"{name}: {self._clean(claim.text)}"

    def _clean(self, text: str) -> str:
        scrubbed = scrub_text(text, self._patient or Patient()).value
        return " ".join(scrubbed.split())[:LONGEST_CLAIM]

    def _case(self) -> str:
        case = self._floor.case
        holds: dict[str, object] = {
            "members": self._floor.waiting,
            "documents": len(case.documents),
            "events": len(case.timeline),
            "contradictions": len(case.conflicts),
            "studies": len(case.study_uids),
        }
        if self._patient is not None:
            holds["question"] = fence(self._clean(case.question), "question")
        return result(holds)
