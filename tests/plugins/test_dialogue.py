"""`dialogue-ask` and `dialogue-refuse`: a fixed vocabulary, few words, no identity, kept as the turn's reply."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.study import IngestedStudy
from plugins.dialogue import LONGEST, MISSING, REASONS, DialoguePlugin, NothingSaid
from plugins.workspace import Reply, UnknownName, Workspace
from tests.plugins.rooms import room, slice_study


@pytest.fixture(scope="module")
def study() -> IngestedStudy:
    return slice_study()


@pytest.fixture
def workspace(study: IngestedStudy) -> Workspace:
    return room(study)


async def ask(workspace: Workspace, missing: str, text: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(await DialoguePlugin(workspace).ask(missing, text))
    return said


async def refuse(workspace: Workspace, reason: str, text: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(await DialoguePlugin(workspace).refuse(reason, text))
    return said


@pytest.mark.parametrize("missing", MISSING)
async def test_a_question_back_is_the_turns_reply(workspace: Workspace, missing: str) -> None:
    said = await ask(workspace, missing, "Which  kidney\ndo you mean?")
    (step,) = workspace.runner.steps
    assert said == {"step": step.step_id, "kind": "ask", "about": missing, "text": "Which kidney do you mean?"}
    assert workspace.reply == Reply("ask", missing, "Which kidney do you mean?", step.step_id)
    assert (step.agent, step.tool, step.inputs) == ("dialogue", "ask", {"about": missing})


@pytest.mark.parametrize("reason", REASONS)
async def test_a_refusal_is_the_turns_reply(workspace: Workspace, reason: str) -> None:
    await refuse(workspace, reason, "That is not for me.")
    assert workspace.reply is not None
    assert (workspace.reply.kind, workspace.reply.about) == ("refuse", reason)


@pytest.mark.parametrize("word", ["", "patient", "Target", "treatment"])
async def test_other_words_are_no_reason(workspace: Workspace, word: str) -> None:
    with pytest.raises(UnknownName, match="target, side"):
        await ask(workspace, word, "What?")
    if word not in REASONS:
        with pytest.raises(UnknownName, match="not_imaging"):
            await refuse(workspace, word, "No.")
    assert workspace.reply is None
    assert workspace.runner.steps == []


async def test_identity_is_not_said_back(workspace: Workspace) -> None:
    said = await refuse(workspace, "identity", "Jane Doe, MRN4711, born 03.04.1950, cannot be named.")
    kept = json.dumps([said, workspace.runner.steps[0].inputs]) + str(workspace.reply)
    for identity in ("Jane", "Doe", "4711", "1950"):
        assert identity not in kept


@pytest.mark.parametrize("text", ["word " * 400, "x" * 2000], ids=["words", "one word"])
async def test_it_is_short(workspace: Workspace, text: str) -> None:
    said = (await ask(workspace, "question", text))["text"]
    assert LONGEST / 2 < len(said) <= LONGEST
    assert said.endswith("word…" if " " in text else "x…")


async def test_it_is_something(workspace: Workspace) -> None:
    with pytest.raises(NothingSaid):
        await ask(workspace, "target", " \n ")
    assert workspace.reply is None


async def test_two_parts_of_one_question_are_both_answered_once(workspace: Workspace) -> None:
    await refuse(workspace, "treatment", "Doses are for a physician.")
    await ask(workspace, "side", "Which side?")
    await ask(workspace, "side", "Which side?")
    assert workspace.reply == Reply("refuse", "treatment", "Doses are for a physician.\nWhich side?", "s1")
    workspace.ask("The left one.")
    assert workspace.reply is None
