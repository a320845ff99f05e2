"""The comparison of strategies on simulated outcomes: how often the better one is found, how fast, and false wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import median
from typing import Literal

from evals.memory_arms import World
from memory.experiment import Experiment, State
from memory.outcomes import Arm, Assignment, Trial
from memory.pseudonym import Pseudonyms
from memory.record import Origin
from memory.strategies import StrategyTest

AT = datetime(2025, 1, 1, tzinfo=UTC)
Mode = Literal["even", "thompson", "shadow"]


class ListOutcomes:
    """`OutcomeStore` in lists, for many short experiments; the tests compare it with the SQLite file."""

    def __init__(self) -> None:
        self._assigned: dict[tuple[str, str], Assignment] = {}
        self._trials: list[tuple[str, Trial, datetime]] = []
        self._seen: set[tuple[str, str]] = set()

    def define(self, experiment: str, definition: str) -> None:
        """One experiment only."""

    def assignment(self, experiment: str, study: str) -> Assignment | None:
        """See `OutcomeStore.assignment`."""
        return self._assigned.get((experiment, study))

    def assign(self, assignment: Assignment) -> Assignment:
        """See `OutcomeStore.assign`."""
        return self._assigned.setdefault((assignment.experiment, assignment.study), assignment)

    def record(self, experiment: str, study: str, value: float, shadow: float | None, at: datetime) -> bool:
        """See `OutcomeStore.record`."""
        if (experiment, study) in self._seen:
            return False
        self._seen.add((experiment, study))
        one = self._assigned[experiment, study]
        trial = Trial(len(self._trials) + 1, one.stratum, one.arm, one.propensity, value, shadow)
        self._trials.append((experiment, trial, at))
        return True

    def trials(self, experiment: str, after: int = 0) -> Sequence[Trial]:
        """See `OutcomeStore.trials`."""
        return [trial for name, trial, _ in self._trials[after:] if name == experiment]


@dataclass(frozen=True)
class Race:
    """Many seeds of one world.

    Attributes:
        challenger, default: seeds that ended with a win of that side.
        covered: seeds whose confidence sequence holds the true difference at the end.
        median_studies: to the decision; infinite when fewer than half of the seeds decided.
        shown: mean share of studies that the challenger was shown in.
    """

    world: World
    mode: Mode
    seeds: int
    studies: int
    challenger: int
    default: int
    covered: int
    median_studies: float
    shown: float


def race(world: World, mode: Mode, *, seeds: int, studies: int) -> Race:
    """Every seed to the first decision, looked at after every study."""
    experiment = Experiment("simulated", "default", "challenger", mode=mode)
    ends = [_run(world, replace(experiment, seed=seed), seed, studies) for seed in range(seeds)]
    return Race(
        world=world,
        mode=mode,
        seeds=seeds,
        studies=studies,
        challenger=sum(state is State.CHALLENGER for state, *_ in ends),
        default=sum(state is State.DEFAULT for state, *_ in ends),
        covered=sum(covered for *_, covered, _ in ends),
        median_studies=median(after for _, after, *_ in ends),
        shown=sum(shown for *_, shown in ends) / seeds,
    )


def _run(world: World, experiment: Experiment, seed: int, studies: int) -> tuple[State, float, bool, float]:
    test = StrategyTest(experiment, ListOutcomes(), Pseudonyms(b"evaluation only, no secret"))
    shown = total = 0
    for study, site, default, challenger in world.studies(seed, studies):
        arm = test.assign(study, Origin(site)).arm
        shown, total = shown + (arm is Arm.CHALLENGER), total + 1
        value = challenger if arm is Arm.CHALLENGER else default
        test.record(study, value, at=AT, shadow=challenger if experiment.mode == "shadow" else None)
        if test.decision()[0] is not State.UNDECIDED:
            break
    state, after = test.decision()
    low, high = test.effect().interval
    return state, after if after is not None else float("inf"), low <= world.difference <= high, shown / total
