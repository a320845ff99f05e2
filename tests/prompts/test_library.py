"""Prompts are files: strict variables, stable hashes."""

from __future__ import annotations

from hashlib import sha256

import pytest

from prompts.data import FOLDER
from prompts.library import hashes, load, names


@pytest.mark.parametrize("name", ["planner_question"])
def test_a_prompt_renders_with_all_its_variables_only(name: str) -> None:
    prompt = load(name)
    values = {v: f"<{v}>" for v in prompt.variables}
    text = prompt.render(**values)
    assert prompt.variables
    assert all(value in text for value in values.values())
    assert "${" not in text
    first = next(iter(values))
    with pytest.raises(KeyError, match=first):
        prompt.render(**{k: v for k, v in values.items() if k != first})
    with pytest.raises(KeyError, match="surplus"):
        prompt.render(**values, surplus="x")


def test_values_are_not_templates_themselves() -> None:
    assert "${question} $x" in load("planner_question").render(question="${question} $x")


def test_hashes_are_of_the_files() -> None:
    assert {"planner.md", "lexicon.yaml", "protocols.yaml", "question_cues.yaml"} <= hashes().keys()
    assert hashes()["planner.md"] == load("planner").sha256 == sha256((FOLDER / "planner.md").read_bytes()).hexdigest()


def test_planner_names_its_tools() -> None:
    tools = (
        "study-describe",
        "prompts-craft",
        "segmentation-segment",
        "quality-assess",
        "measurement-measure",
        "report-compose",
    )
    assert load("planner").variables == frozenset()
    assert "<data-" in load("planner").text
    assert "{{" not in load("planner").text
    places = [load("planner").text.index(f"`{tool}`") for tool in tools]
    assert places == sorted(places)


@pytest.mark.parametrize("name", ["nothing", "../domain/errors", "planner.md", ""])
def test_unknown_names_fail(name: str) -> None:
    with pytest.raises(KeyError, match="no prompt file"):
        load(name)
    assert name not in names()
