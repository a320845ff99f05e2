"""Every specialist is a row, a plugin with typed tools, and a prompt file that names each of them."""

from __future__ import annotations

import pytest

from agents.registry import SPECIALISTS
from agents.tools_server import descriptions


@pytest.mark.parametrize("name", sorted(SPECIALISTS))
def test_a_specialist_tells_of_all_its_tools(name: str) -> None:
    row = SPECIALISTS[name]
    tools = [d for d in descriptions() if d.name.startswith(f"{name}-")]
    assert row.name == name
    assert tools
    for tool in tools:
        assert f"`{tool.name}`" in row.instructions
        assert tool.description
        assert set(tool.schema["required"]) <= set(tool.schema["properties"])
        assert all(p.get("type") for p in tool.schema["properties"].values())


def test_a_planner_of_8k_context_has_room_for_its_work() -> None:
    """Instructions and schemas of all specialists leave 2,400 of 8,000 tokens, by an estimate on the safe side."""
    from agents.context import tokens
    from prompts.library import load

    text = load("planner").render(specialists="\n".join(r.instructions for r in SPECIALISTS.values()))
    schemas = [{"name": d.name, "description": d.description, "parameters": d.schema} for d in descriptions()]
    assert tokens(text) + tokens(schemas) < 5600
