"""Fixed replies of the built-in planner, as data."""

from __future__ import annotations

from functools import cache
from string import Template
from typing import Any

from prompts.data import read_yaml


@cache
def _replies() -> dict[str, Any]:
    return read_yaml("replies.yaml")


def ask(missing: str, **facts: str) -> str:
    """The question back for what is missing."""
    return Template(_replies()["ask"][missing]).substitute(facts)


def refuse(reason: str, **facts: str) -> str:
    """The refusal for a reason."""
    return Template(_replies()["refuse"][reason]).substitute(facts)


def greeting() -> str:
    """The answer to a greeting."""
    return str(_replies()["greeting"])


def capabilities(specialists: frozenset[str]) -> str:
    """What the offered specialists can do."""
    words = _replies()["capabilities"]
    rows = [f"- {text}" for name, text in words.items() if name in specialists]
    return "\n".join([words["head"], *rows, words["tail"]])
