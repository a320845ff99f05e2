"""A conversation that fits: the question and the newest results stay, what matters least goes first."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agents.context import LEFT_OUT, SHORT, fitted, tokens

SYSTEM = {"role": "system", "content": "You plan the analysis of one study."}
ABOUT_LIVER = [
    {"role": "user", "content": "How large is the liver of this patient? " + "x" * 300},
    {"role": "assistant", "content": "The liver measures 1500 mL [m1, s3]. " + "y" * 300},
]
ABOUT_HEART = [
    {"role": "user", "content": "And the heart, is it enlarged? " + "z" * 300},
    {"role": "assistant", "content": "Its area is 90 mm² [m2, s4]. " + "w" * 300},
]
QUESTION = {"role": "user", "content": "Is the liver larger than in the prior study?"}


def tool(text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": "c", "content": text}


def test_without_a_limit_nothing_is_left_out() -> None:
    messages = [SYSTEM, *ABOUT_LIVER, QUESTION, tool("r" * 10_000)]
    assert fitted(messages, [], 0) == messages
    assert fitted(messages, [], 100_000) == messages


def test_the_earlier_turn_that_has_least_to_do_with_the_question_goes_first() -> None:
    messages = [SYSTEM, *ABOUT_LIVER, *ABOUT_HEART, QUESTION]
    kept = fitted(messages, [], tokens(messages) - 50)
    assert kept == [SYSTEM, *ABOUT_LIVER, QUESTION]


def test_old_results_are_shortened_before_the_newest() -> None:
    old, new = tool('{"step":"s1",' + "a" * 5000), tool('{"step":"s2",' + "b" * 5000)
    messages = [SYSTEM, QUESTION, old, new]
    kept = fitted(messages, [], tokens(messages) - 1000)
    assert kept[:2] == [SYSTEM, QUESTION]
    assert kept[2]["content"] == old["content"][:SHORT] + LEFT_OUT
    assert kept[3] == new


def test_tools_take_their_part_of_the_limit() -> None:
    messages = [SYSTEM, *ABOUT_HEART, QUESTION]
    limit = tokens(messages) + 10
    assert fitted(messages, [], limit) == messages
    assert fitted(messages, [{"name": "n" * 600}], limit) == [SYSTEM, QUESTION]


@given(st.lists(st.text(max_size=2000), max_size=6), st.integers(1, 4000))
def test_the_instructions_and_the_question_always_stay_whole(results: list[str], limit: int) -> None:
    messages = [SYSTEM, *ABOUT_LIVER, QUESTION, *(tool(r) for r in results)]
    kept = fitted(messages, [], limit)
    assert kept[0] == SYSTEM
    assert QUESTION in kept
    assert [m["role"] for m in kept].count("tool") == len(results)
    assert len(json.dumps(kept)) <= len(json.dumps(messages)) + len(results) * 4 * len(LEFT_OUT)
