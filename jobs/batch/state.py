"""What a batch tells whoever watches it: how far it is, what runs now. Numbers and pseudonyms, never a name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.ports import RunEvent
from jobs.scheduling.expected import Expected


@dataclass(frozen=True)
class RunningStudy:
    """A study that this process works on.

    Attributes:
        number: in the batch; None for a job of somebody else's that came first.
        patient: pseudonym.
        step: "agent/tool model" of the step under way.
    """

    number: int | None
    patient: str
    step: str
    seconds: float


@dataclass(frozen=True)
class BatchState:
    """How far a batch is.

    Attributes:
        total: studies. ended: those that are through, `failed` ones too.
        waiting: studies that wait for a model or a database; waits_for: what for.
        expected: seconds to go.
    """

    total: int
    ended: int = 0
    failed: int = 0
    refused: int = 0
    waiting: int = 0
    waits_for: str = ""
    running: Sequence[RunningStudy] = ()
    per_hour: float | None = None
    expected: Expected | None = None
    stopping: bool = False


class BatchWatcher(Protocol):
    """Shows a batch."""

    def found(self, files: int, studies: int) -> None:
        """So much was found by now."""

    def state(self, state: BatchState) -> None:
        """How far it is; called about twice a second."""

    def say(self, sentence: str) -> None:
        """Something that a person should read."""


class Silence:
    """Shows nothing."""

    def found(self, files: int, studies: int) -> None:
        """Nothing."""

    def state(self, state: BatchState) -> None:
        """Nothing."""

    def say(self, sentence: str) -> None:
        """Nothing."""


def step_name(event: RunEvent) -> str:
    """ "agent/tool model" of a step's event; no inputs, which may say more than a terminal should."""
    data = event.data
    return " ".join(f"{data.get('agent', '')}/{data.get('tool', '')} {data.get('model', '')}".split())
