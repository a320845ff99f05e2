"""What holds whatever a model says: budgets, and tool failures that tell a model what it may do next."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from semantic_kernel.filters import FilterTypes
from semantic_kernel.functions import FunctionResult

from agents.usage import Usage
from domain.errors import BudgetExceeded
from plugins.results import failure
from plugins.workspace import ToolCall

if TYPE_CHECKING:
    from semantic_kernel import Kernel
    from semantic_kernel.filters import AutoFunctionInvocationContext, FunctionInvocationContext


HIDDEN = frozenset({"kernel", "service", "arguments", "chat_history"})
"""Arguments that the kernel adds."""


@dataclass(frozen=True)
class Budget:
    """What one turn may use; None for no limit.

    Attributes:
        tokens: of the chat model, prompts and answers.
        money: in the currency of its price.
    """

    tool_calls: int = 60
    rounds: int = 20
    seconds: float | None = 1800.0
    tokens: int | None = None
    money: float | None = None


class Meter:
    """What a turn has used of its budget, and what its tools have said."""

    def __init__(
        self, budget: Budget, usage: Usage | None = None, told: Callable[[ToolCall], None] = lambda _: None
    ) -> None:
        self.budget = budget
        self.usage = usage or Usage()
        self.told = told
        self.calls = 0
        self.exhausted = ""
        self.facts: list[str] = []
        self._started = time.monotonic()

    def spend(self) -> bool:
        """Count one tool call; False when the budget is used up, and `exhausted` says of what."""
        self.calls += 1
        if self.calls > self.budget.tool_calls:
            self.exhausted = f"More than {self.budget.tool_calls} tool calls in one turn."
        elif self.budget.seconds is not None and time.monotonic() - self._started > self.budget.seconds:
            self.exhausted = f"More than {self.budget.seconds:g} s in one turn."
        elif self.budget.tokens is not None and self.usage.tokens > self.budget.tokens:
            self.exhausted = f"More than {self.budget.tokens} tokens of the chat model in one turn."
        elif self.budget.money is not None and self.usage.cost > self.budget.money:
            self.exhausted = f"The chat model costs more than {self.budget.money:g} in one turn."
        return not self.exhausted

    def check(self) -> None:
        """Raises BudgetExceeded when the turn was stopped for its budget."""
        if self.exhausted:
            raise BudgetExceeded(self.exhausted)


def guard(kernel: Kernel, meter: Meter) -> None:
    """Put the filters on a kernel.

    The function filter turns failures into JSON; it also fires for calls that do not come through a chat model
    (MCP). The automatic filter counts, and ends the turn when the budget is used up: an exception would only
    become one more text for the model.
    """

    async def as_json(
        context: FunctionInvocationContext, next: Callable[[FunctionInvocationContext], Awaitable[None]]
    ) -> None:
        try:
            await next(context)
        except Exception as error:
            cause = error.__cause__ if type(error).__module__.startswith("semantic_kernel") else error
            said = failure(cause if isinstance(cause, Exception) else error)
            context.result = FunctionResult(function=context.function.metadata, value=said)
        if context.result is not None:
            meter.facts.append(str(context.result))
        arguments = {k: v for k, v in context.arguments.items() if k not in HIDDEN}
        said = str(context.result)
        meter.told(ToolCall(context.function.fully_qualified_name, arguments, not said.startswith('{"error"'), said))

    async def within_budget(
        context: AutoFunctionInvocationContext, next: Callable[[AutoFunctionInvocationContext], Awaitable[None]]
    ) -> None:
        if meter.spend():
            await next(context)
        else:
            context.terminate = True

    kernel.add_filter(FilterTypes.FUNCTION_INVOCATION, as_json)
    kernel.add_filter(FilterTypes.AUTO_FUNCTION_INVOCATION, within_budget)
