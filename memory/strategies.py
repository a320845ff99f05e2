"""Two prompt strategies, compared on the studies that come in: assignment, outcomes, and a verdict at any time.

Assignment is by a salted hash of the study: stable, and unknown to whoever chooses the study. In "even" mode both
have half; in "thompson" mode the challenger's share is the probability that it is better (Thompson 1933; outcomes of
0–1 count as fractions of a success in Beta posteriors), kept between 0.2 and 0.8, because the test needs both. In
"shadow" mode the default is shown, the challenger runs on the same study unseen, and the pair is compared.

The difference challenger - default is estimated study by study. With p the probability of the arm that was drawn and
m the mean of the stratum's earlier outcomes, ±(x - m)/p has the difference as its expectation, given the past, for
every p and m that were known before (inverse propensity weights with a control variate; Waudby-Smith et al. 2024,
"Anytime-valid off-policy inference for contextual bandits", arXiv:2210.10768). `memory.sequential` bets on it, one
side for each strategy at α/2 each: whichever wins wrongly does so with probability α at most in all, however often
one looks. It assumes that when a study is reviewed does not depend on its arm: do not show reviewers the arm.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from statistics import fmean, variance

from memory.beta import Tally, probability_greater
from memory.errors import StrategyConflict
from memory.experiment import Effect, Experiment, State, Verdict
from memory.outcomes import Arm, Assignment, OutcomeStore, Trial
from memory.pseudonym import Pseudonyms
from memory.record import UNKNOWN, Origin
from memory.sequential import Wealth, confidence_sequence

LEAST_SHARE = 0.2


@dataclass(frozen=True)
class _Step:
    """A trial as the test sees it: an increment whose expectation is the difference, and its bound."""

    trial: Trial
    increment: float
    bound: float


class StrategyTest:
    """One experiment on a store. Not safe between threads; several processes may each have one on the same store.

    Raises:
        StrategyConflict: the store has another definition under the name.
        MemoryUnavailable: the store fails; from every method.
    """

    def __init__(self, experiment: Experiment, store: OutcomeStore, pseudonyms: Pseudonyms) -> None:
        self.experiment = experiment
        self._store = store
        self._pseudonyms = pseudonyms
        self._steps: list[_Step] = []
        self._tallies: dict[tuple[str, Arm], Tally] = {}
        self._challenger, self._default = Wealth(), Wealth()
        self._decided: tuple[State, int] | None = None
        store.define(experiment.name, json.dumps(asdict(experiment), sort_keys=True))

    def assign(self, study_uid: str, origin: Origin = UNKNOWN) -> Assignment:
        """The arm of a study; the same at every call. In shadow mode always the default."""
        study = self._pseudonyms.of("study", study_uid)
        kept = self._store.assignment(self.experiment.name, study)
        if kept is not None:
            return kept
        stratum = self.experiment.stratum(origin)
        share = self._share(stratum)
        arm = Arm.CHALLENGER if self._draw(study, stratum) < share else Arm.DEFAULT
        return self._store.assign(Assignment(self.experiment.name, study, stratum, arm, share))

    def record(self, study_uid: str, value: float, *, at: datetime, shadow: float | None = None) -> bool:
        """Take a study's final outcome, 0–1; False when it has one already (the first counts).

        Args:
            shadow: the unseen challenger's outcome; given in shadow mode and in no other.

        Raises:
            StrategyConflict: not assigned, out of range, or `shadow` does not fit the mode.
        """
        if (shadow is not None) != (self.experiment.mode == "shadow"):
            raise StrategyConflict(
                "A second outcome is given in shadow mode, and in no other.",
                where=self.experiment.name,
                remedy="Give both outcomes of the study, or one.",
            )
        if not all(math.isfinite(v) and 0 <= v <= 1 for v in (value, shadow) if v is not None):
            raise StrategyConflict("An outcome lies between 0 and 1.", where="value", remedy="Scale it to 0-1.")
        return self._store.record(self.experiment.name, self._pseudonyms.of("study", study_uid), value, shadow, at)

    def decision(self) -> tuple[State, int | None]:
        """The side that has won and after how many studies; UNDECIDED, None as long as none has. Never changes back."""
        self._catch_up()
        return self._decided or (State.UNDECIDED, None)

    def verdict(self) -> Verdict:
        """Where the experiment stands, with effects over all and by stratum."""
        state, after = self.decision()
        effect = self.effect()
        low, high = effect.interval
        if state is State.UNDECIDED and max(abs(low), abs(high)) < self.experiment.equivalence:
            state = State.EQUIVALENT
        strata = sorted({s.trial.stratum for s in self._steps})
        by_stratum = (self._effect(n, [s for s in self._steps if s.trial.stratum == n]) for n in strata)
        return Verdict(
            state=state,
            studies=len(self._steps),
            decided_after=after,
            e_challenger=self._challenger.peak,
            e_default=self._default.peak,
            effect=effect,
            strata=tuple(by_stratum),
        )

    def effect(self) -> Effect:
        """The difference over all strata; its `stratum` is "all"."""
        self._catch_up()
        return self._effect("all", self._steps)

    def _share(self, stratum: str) -> float:
        """The challenger's probability of being drawn, from outcomes so far."""
        if self.experiment.mode == "shadow":
            return 0.0
        if self.experiment.mode == "even":
            return 0.5
        self._catch_up()
        better = probability_greater(self._tally(stratum, Arm.CHALLENGER), self._tally(stratum, Arm.DEFAULT))
        return min(1 - LEAST_SHARE, max(LEAST_SHARE, better))

    def _draw(self, study: str, stratum: str) -> float:
        """Uniform in [0, 1), from seed, salt, stratum and study."""
        key = json.dumps([self.experiment.name, self.experiment.seed, self.experiment.salt, stratum, study])
        return int.from_bytes(hashlib.sha256(key.encode()).digest()[:7], "big") / 2**56

    def _catch_up(self) -> None:
        after = self._steps[-1].trial.seq if self._steps else 0
        for trial in self._store.trials(self.experiment.name, after):
            step = self._step(trial)
            self._steps.append(step)
            self._challenger.add(step.increment, step.bound)
            self._default.add(-step.increment, step.bound)
            key = trial.stratum, trial.arm
            self._tallies[key] = self._tallies.get(key, Tally()).and_(trial.value)
            self._decide()

    def _step(self, trial: Trial) -> _Step:
        if trial.shadow is not None:
            return _Step(trial, trial.shadow - trial.value, 1.0)
        expected = self._expected(trial.stratum)
        sign, probability = (1, trial.propensity) if trial.arm is Arm.CHALLENGER else (-1, 1 - trial.propensity)
        increment = sign * (trial.value - expected) / probability
        bound = max(expected, 1 - expected) / min(trial.propensity, 1 - trial.propensity)
        return _Step(trial, increment, bound)

    def _decide(self) -> None:
        needed = 2.0 / self.experiment.alpha
        for state, wealth in ((State.CHALLENGER, self._challenger), (State.DEFAULT, self._default)):
            if self._decided is None and wealth.peak >= needed:
                self._decided = state, len(self._steps)

    def _expected(self, stratum: str) -> float:
        """Mean of the stratum's outcomes before this one, with one of 0.5 in front so that it exists from the start."""
        both = [self._tally(stratum, arm) for arm in Arm]
        return (0.5 + sum(t.successes for t in both)) / (1.0 + sum(t.trials for t in both))

    def _tally(self, stratum: str, arm: Arm) -> Tally:
        return self._tallies.get((stratum, arm), Tally())

    def _effect(self, stratum: str, steps: Sequence[_Step]) -> Effect:
        default = [s.trial.value for s in steps if s.trial.arm is Arm.DEFAULT]
        challenger = [s.trial.value for s in steps if s.trial.arm is Arm.CHALLENGER]
        if self.experiment.mode == "shadow":
            challenger = [s.trial.shadow for s in steps if s.trial.shadow is not None]
        increments = [s.increment for s in steps]
        return Effect(
            stratum=stratum,
            studies=(len(default), len(challenger)),
            means=(_mean(default), _mean(challenger)),
            difference=_mean(increments),
            standardised=_cohen(default, challenger),
            interval=confidence_sequence(increments, [s.bound for s in steps], self.experiment.alpha),
        )


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else math.nan


def _cohen(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Difference of the means over the pooled standard deviation; None where there is none."""
    if len(one) < 2 or len(other) < 2:
        return None
    freedom = len(one) + len(other) - 2
    pooled = ((len(one) - 1) * variance(one) + (len(other) - 1) * variance(other)) / freedom
    return (fmean(other) - fmean(one)) / math.sqrt(pooled) if pooled > 0 else None
