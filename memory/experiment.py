"""What a comparison of two prompt strategies is: its definition, a study's outcome, and the verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from domain.mask import Outcome
from memory.errors import StrategyConflict
from memory.outcomes import Arm
from memory.record import Origin

QA_VALUE = {Outcome.PASS: 1.0, Outcome.REVIEW: 0.5, Outcome.REJECT: 0.0}
REVIEWER_WEIGHT = 0.75
"""Judgement: what the reviewer changed says more than what our own QA thought."""


@dataclass(frozen=True)
class Experiment:
    """Two strategies and how they are compared; fixed once it has begun.

    Attributes:
        alpha: probability of any wrong win.
        equivalence: a difference smaller than this does not matter.
        seed, salt: of the assignment.
        strata: what gets a share and a mean of its own.
    """

    name: str
    default: str
    challenger: str
    mode: Literal["even", "thompson", "shadow"] = "even"
    alpha: float = 0.05
    equivalence: float = 0.02
    seed: int = 0
    salt: str = ""
    strata: Literal["none", "site", "scanner"] = "site"

    def __post_init__(self) -> None:
        if not self.name or not 0 < self.alpha < 1 or not 0 <= self.equivalence < 1 or self.default == self.challenger:
            raise StrategyConflict(
                "An experiment has a name, two different strategies, 0 < alpha < 1 and 0 <= equivalence < 1.",
                where=self.name or "name",
                remedy="Correct its definition.",
            )

    def arm(self, arm: Arm) -> str:
        """The strategy of an arm."""
        return self.challenger if arm is Arm.CHALLENGER else self.default

    def stratum(self, origin: Origin) -> str:
        """Where a study counts."""
        if self.strata == "none":
            return ""
        return origin.site if self.strata == "site" else f"{origin.site}|{origin.manufacturer} {origin.scanner}".strip()


class State(StrEnum):
    """What is known."""

    UNDECIDED = "undecided"
    CHALLENGER = "challenger better"
    DEFAULT = "default better"
    EQUIVALENT = "no difference that matters"


@dataclass(frozen=True)
class Effect:
    """Difference challenger - default of outcomes (0–1).

    Attributes:
        studies: default, challenger; the same studies in shadow mode.
        means: observed, default and challenger.
        difference: unbiased under unequal shares, unlike the difference of the means.
        standardised: the means' difference over the pooled standard deviation (Cohen's d); None for fewer than two.
        interval: confidence sequence; right at all times with probability 1 - α, for a constant difference.
    """

    stratum: str
    studies: tuple[int, int]
    means: tuple[float, float]
    difference: float
    standardised: float | None
    interval: tuple[float, float]


@dataclass(frozen=True)
class Verdict:
    """Where the experiment stands.

    Attributes:
        decided_after: studies at the first decision for a side, None without one.
        e_challenger, e_default: largest wealth of the bets on each side; a side wins at 2/α.
        strata: each at 1 - α by itself: descriptions, no decisions.
    """

    state: State
    studies: int
    decided_after: int | None
    e_challenger: float
    e_default: float
    effect: Effect
    strata: tuple[Effect, ...]


def outcome_value(
    qa: Outcome | None, *, dice: float | None = None, edited_share: float | None = None, qa_only: bool = False
) -> float | None:
    """0–1 for one study: 0.75 of the reviewer's part and 0.25 of QA's (pass 1, review 0.5, reject 0).

    Args:
        dice: the model's mask against the signed one.
        edited_share: 0–1 of the draft's sentences that the reviewer changed.
        qa_only: let QA alone count; else a study without a reviewer's part has no outcome yet (None).
    """
    parts = [p for p in (dice, None if edited_share is None else 1.0 - edited_share) if p is not None]
    if not all(math.isfinite(p) and 0.0 <= p <= 1.0 for p in parts):
        raise ValueError("dice and edited_share lie between 0 and 1")
    reviewer = sum(parts) / len(parts) if parts else None
    if reviewer is None:
        return QA_VALUE[qa] if qa is not None and qa_only else None
    return reviewer if qa is None else REVIEWER_WEIGHT * reviewer + (1 - REVIEWER_WEIGHT) * QA_VALUE[qa]
