"""The specialists as tools for a caller that is not our planner: described without a study, called on a workspace.

Names, descriptions and argument schemas are those of the kernel functions, so another agent sees what the planner
sees. A call goes through the kernel: its function filters turn failures into JSON and ask for permission.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from semantic_kernel import Kernel
from semantic_kernel.filters import FilterTypes
from semantic_kernel.functions import KernelArguments, KernelFunctionFromMethod

from agents.guardrails import Meter, guard
from agents.planner import UNBOUNDED
from agents.registry import SPECIALISTS
from plugins.workspace import UnknownName, Workspace

if TYPE_CHECKING:
    from semantic_kernel.filters import FunctionInvocationContext

Permit = Callable[[str], Awaitable[None]]
"""Told the name of a tool before it runs; raises when it may not."""


@dataclass(frozen=True)
class ToolDescription:
    """A tool as a model is told of it; `schema` is JSON Schema of its arguments."""

    name: str
    description: str
    schema: dict[str, Any]


def descriptions() -> tuple[ToolDescription, ...]:
    """The functions of all specialists, "study-describe" first, in the order of the registry."""
    return tuple(
        _described(KernelFunctionFromMethod(method, plugin))
        for plugin, specialist in SPECIALISTS.items()
        for _, method in inspect.getmembers(specialist.plugin, inspect.isfunction)
        if hasattr(method, "__kernel_function__")
    )


def _described(function: KernelFunctionFromMethod) -> ToolDescription:
    shown = [p for p in function.parameters if p.name and p.schema_data and p.include_in_function_choices]
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {p.name: p.schema_data for p in shown},
        "required": [p.name for p in shown if p.is_required],
        "additionalProperties": False,
    }
    return ToolDescription(function.fully_qualified_name, function.description or "", schema)


async def call(workspace: Workspace, tool: str, arguments: Mapping[str, Any], permit: Permit) -> str:
    """Call a tool on a workspace.

    Args:
        tool: a name of `descriptions`.
        arguments: already checked against the tool's schema.
        permit: asked within the kernel, so that no call can pass it by.

    Returns:
        Its JSON; an "error" with reason and remedy where it failed or was not permitted.

    Raises:
        UnknownName: there is no such tool.
    """
    if tool not in {d.name for d in descriptions()}:
        raise UnknownName(f"There is no tool {tool!r}.", where="name", remedy="List the tools.")
    plugin, _, function = tool.partition("-")
    kernel = Kernel()
    kernel.add_plugin(SPECIALISTS[plugin].tools(workspace), plugin)
    guard(kernel, Meter(UNBOUNDED))  # first, so that a refusal becomes JSON too

    async def permitted(
        context: FunctionInvocationContext, next: Callable[[FunctionInvocationContext], Awaitable[None]]
    ) -> None:
        await permit(context.function.fully_qualified_name)
        await next(context)

    kernel.add_filter(FilterTypes.FUNCTION_INVOCATION, permitted)
    return str(await kernel.invoke(None, KernelArguments(**arguments), function_name=function, plugin_name=plugin))
