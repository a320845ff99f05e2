from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from memory.errors import StrategyConflict
from memory.experiment import Experiment, State
from memory.outcomes import Arm, SqliteOutcomes
from memory.pseudonym import Pseudonyms
from memory.record import Origin
from memory.strategies import LEAST_SHARE, StrategyTest

AT = datetime(2025, 1, 1, tzinfo=UTC)
EVEN = Experiment("wording", "published", "reviewers", seed=1, salt="s")


Begin = Callable[..., StrategyTest]


@pytest.fixture
def begin(pseudonyms: Pseudonyms) -> Iterator[Begin]:
    """Begins an experiment on a store of its own, or on the given one."""
    stores: list[SqliteOutcomes] = []

    def make(experiment: Experiment, store: SqliteOutcomes | None = None) -> StrategyTest:
        if store is None:
            stores.append(store := SqliteOutcomes(None))
        return StrategyTest(experiment, store, pseudonyms)

    yield make
    for store in stores:
        store.close()


def fed(test: StrategyTest, difference: float, count: int, first: int = 0, site: str = "north") -> StrategyTest:
    """With `count` studies of outcomes 0.6 ± 0.2, the challenger's larger by `difference`."""
    random = np.random.default_rng([7, first])
    for number in range(first, first + count):
        arm = test.assign(f"1.2.{number}", Origin(site)).arm
        default = float(random.uniform(0.4, 0.8))
        shown = default + difference * (arm is Arm.CHALLENGER)
        shadow = default + difference if test.experiment.mode == "shadow" else None
        test.record(f"1.2.{number}", min(1.0, max(0.0, shown)), at=AT, shadow=shadow)
    return test


def test_a_study_stays_in_its_arm_and_half_of_them_are_in_each(begin: Begin) -> None:
    test = begin(EVEN)
    arms = [test.assign(f"1.2.{n}", Origin("north")) for n in range(400)]
    assert [test.assign(f"1.2.{n}", Origin("south")) for n in range(400)] == arms
    assert 160 < sum(a.arm is Arm.CHALLENGER for a in arms) < 240
    assert all("1.2." not in a.study for a in arms)
    again = begin(EVEN)
    assert [again.assign(f"1.2.{n}", Origin("north")).arm for n in range(400)] == [a.arm for a in arms]
    for other in (replace(EVEN, seed=2), replace(EVEN, salt="t"), replace(EVEN, name="other")):
        changed = begin(other)
        assert [changed.assign(f"1.2.{n}", Origin("north")).arm for n in range(400)] != [a.arm for a in arms]


@pytest.mark.parametrize("mode", ["even", "thompson", "shadow"])
@pytest.mark.parametrize(("difference", "state"), [(0.15, State.CHALLENGER), (-0.15, State.DEFAULT)])
def test_the_better_side_wins_and_the_interval_holds_the_difference(
    mode: str, difference: float, state: State, begin: Begin
) -> None:
    verdict = fed(begin(replace(EVEN, mode=mode)), difference, 300).verdict()  # type: ignore[arg-type]
    low, high = verdict.effect.interval
    assert verdict.state is state
    assert verdict.decided_after is not None
    assert 5 < verdict.decided_after <= 300
    assert low <= difference <= high
    assert math.copysign(1, verdict.effect.difference) == math.copysign(1, difference)
    assert verdict.effect.standardised is not None


def test_no_difference_stays_undecided_until_it_is_known_not_to_matter(begin: Begin) -> None:
    early = fed(begin(EVEN), 0.0, 40).verdict()
    assert (early.state, early.decided_after) == (State.UNDECIDED, None)
    late = fed(begin(replace(EVEN, mode="shadow", equivalence=0.1)), 0.0, 200).verdict()
    assert late.state is State.EQUIVALENT


def test_a_decision_stands_whatever_comes_later(begin: Begin) -> None:
    test = fed(begin(EVEN), 0.2, 200)
    decided = test.decision()
    assert decided[0] is State.CHALLENGER
    assert fed(test, -0.3, 200, first=1000).decision() == decided


def test_thompson_shows_the_better_more_often_and_never_only_one(begin: Begin) -> None:
    test = fed(begin(replace(EVEN, mode="thompson")), 0.2, 300)
    later = [test.assign(f"9.{n}", Origin("north")) for n in range(50)]
    assert {a.propensity for a in later} == {1 - LEAST_SHARE}
    assert test.assign("8.1", Origin("elsewhere")).propensity == pytest.approx(0.5)


def test_the_shadow_is_never_shown_and_needs_both_outcomes(begin: Begin) -> None:
    test = begin(replace(EVEN, mode="shadow"))
    assert {test.assign(f"1.2.{n}").arm for n in range(60)} == {Arm.DEFAULT}
    with pytest.raises(StrategyConflict, match="shadow"):
        test.record("1.2.0", 0.5, at=AT)
    with pytest.raises(StrategyConflict, match="shadow"):
        fed(begin(EVEN), 0, 1).record("1.2.0", 0.5, at=AT, shadow=0.5)


def test_strata_have_effects_of_their_own(begin: Begin) -> None:
    test = fed(begin(EVEN), 0.3, 150, site="north")
    fed(test, 0.0, 150, first=500, site="south")
    north, south = test.verdict().strata
    assert (north.stratum, south.stratum) == ("north", "south")
    assert north.interval[0] > 0 > south.interval[0]
    assert sum(north.studies) == sum(south.studies) == 150


def test_the_same_outcomes_give_the_same_verdict_after_a_restart(tmp_path: Path, begin: Begin) -> None:
    store = SqliteOutcomes(tmp_path / "s.db")
    verdict = fed(begin(replace(EVEN, mode="thompson"), store), 0.1, 120).verdict()
    store.close()
    reopened = SqliteOutcomes(tmp_path / "s.db")
    assert begin(replace(EVEN, mode="thompson"), reopened).verdict() == verdict
    with pytest.raises(StrategyConflict):
        begin(replace(EVEN, alpha=0.2, mode="thompson"), reopened)
    reopened.close()


def test_outcomes_out_of_range_or_of_nobody_are_refused(begin: Begin) -> None:
    test = fed(begin(EVEN), 0.0, 1)
    for value in (1.5, -0.1, math.nan):
        with pytest.raises(StrategyConflict, match="between 0 and 1"):
            test.record("1.2.0", value, at=AT)
    with pytest.raises(StrategyConflict, match="not assigned"):
        test.record("unknown", 0.5, at=AT)
    assert not test.record("1.2.0", 0.1, at=AT)
