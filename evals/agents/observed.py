"""What a planner did with a case: the tools it called, with which effective arguments, and what it said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Observed:
    """One run of one case by one solver.

    Attributes:
        tools: names in the order in which the calls ended.
        repeated: calls with the same tool and arguments as an earlier one.
        targets: canonical texts of prompts that were sent or refused as unanswerable, by series name.
        prior, action, topic: of the calls that have such an argument; "" without one.
        labels, kinds: likewise.
        outcome: "answer", "ask" or "refuse"; "" where nothing could be parsed.
        about: what was missing, or why it was refused.
        approvals: effects that a person was asked to approve, in all turns so far: "sign", "deliver pacs".
        numbers: measurements of the turn, "liver volume 1234 mL".
        unsupported: sentences of the text that no tool result supports.
        failed: tools whose last call failed.
        usage: tokens and cost of the chat model.
        earlier: the turns before, oldest first.
    """

    tools: tuple[str, ...] = ()
    repeated: int = 0
    targets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    prior: str = ""
    action: str = ""
    topic: str = ""
    labels: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    outcome: str = ""
    about: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    text: str = ""
    unsupported: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    seconds: float = 0.0
    usage: Mapping[str, float] = field(default_factory=dict)
    earlier: tuple[Observed, ...] = ()
