from __future__ import annotations

import pytest

from domain.mask import Outcome
from memory.errors import StrategyConflict
from memory.experiment import Experiment, outcome_value
from memory.outcomes import Arm
from memory.record import Origin

PLACE = Origin("north", "Siemens", "Force")


def test_an_outcome_weighs_the_reviewer_over_qa() -> None:
    assert outcome_value(Outcome.PASS, dice=0.8) == pytest.approx(0.75 * 0.8 + 0.25)
    assert outcome_value(None, dice=0.8, edited_share=0.4) == pytest.approx(0.7)
    assert outcome_value(Outcome.REJECT, edited_share=0.0) == pytest.approx(0.75)
    assert outcome_value(Outcome.PASS) is None
    assert outcome_value(Outcome.REVIEW, qa_only=True) == 0.5
    with pytest.raises(ValueError, match="dice"):
        outcome_value(None, dice=1.4)


@pytest.mark.parametrize(("strata", "stratum"), [("none", ""), ("site", "north"), ("scanner", "north|Siemens Force")])
def test_strata(strata: str, stratum: str) -> None:
    assert Experiment("e", "a", "b", strata=strata).stratum(PLACE) == stratum  # type: ignore[arg-type]


def test_arms_have_names_and_a_senseless_definition_is_refused() -> None:
    assert Experiment("e", "a", "b").arm(Arm.CHALLENGER) == "b"
    for wrong in ({"alpha": 0.0}, {"challenger": "a"}, {"equivalence": 1.0}, {"name": ""}):
        with pytest.raises(StrategyConflict):
            Experiment(**{"name": "e", "default": "a", "challenger": "b", **wrong})  # type: ignore[arg-type]
