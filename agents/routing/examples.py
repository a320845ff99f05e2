"""Example utterances of each intent (prompts/intents/<intent>.yaml), written from clinical practice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from agents.routing.masking import of_example
from agents.routing.request import Intent
from prompts.data import read_yaml, strings

ONE_GROUP = "any"
"""Group of an intent that has only one."""


@dataclass(frozen=True)
class Label:
    """An intent, and which kind of it: a topic of RECALL, a reason of REFUSE, a kind of HISTORY."""

    intent: Intent
    group: str = ""

    def __str__(self) -> str:
        return f"{self.intent.value}/{self.group}" if self.group else self.intent.value


@dataclass(frozen=True)
class Example:
    """One utterance; its structures are masked as in `masking`."""

    text: str
    label: Label


@cache
def shipped_examples() -> Sequence[Example]:
    """All examples, read once, in the order of the intents and of their files."""
    return tuple(
        Example(of_example(text), Label(intent, "" if group == ONE_GROUP else group))
        for intent in Intent
        if intent is not Intent.ASK
        for group, texts in read_yaml(f"intents/{intent.value}.yaml").items()
        for text in strings(texts)
    )
