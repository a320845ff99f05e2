"""What every rule of the policy makes: a request of a clause, and a question back about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from agents.routing.reading import Read
from agents.routing.request import Intent, Request, Situation


@dataclass(frozen=True)
class Context:
    """What a clause is resolved in.

    Attributes:
        analysed: an analysis exists, or an earlier clause of this message makes one.
        named: an earlier clause of this message names what it is about.
    """

    situation: Situation
    analysed: bool
    named: bool = False


def request_of(clause: Read, intent: Intent | None = None, **slots: Any) -> Request:
    """A request in a clause's words, with the intent that the clause has unless another is given."""
    return replace(Request(intent or clause.intent, clause.text, confidence=clause.confidence), **slots)


def ask_for(clause: Read, missing: str) -> Request:
    """A question back about what is missing."""
    return request_of(clause, Intent.ASK, about=missing)
