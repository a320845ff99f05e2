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


def test_planner_says_what_is_data_and_leaves_room_for_its_specialists() -> None:
    assert load("planner").variables == {"specialists"}
    assert "<data-" in load("planner").text
    assert "{{" not in load("planner").text
    assert "liver" in load("planner").render(specialists="- liver")


def test_files_of_a_folder_have_its_name_in_front() -> None:
    assert load("specialists/report").sha256 == hashes()["specialists/report.md"]
    assert "specialists/report" in names()


@pytest.mark.parametrize("name", ["nothing", "../domain/errors", "planner.md", ""])
def test_unknown_names_fail(name: str) -> None:
    with pytest.raises(KeyError, match="no prompt file"):
        load(name)
    assert name not in names()
