"""A study keeps its arm, its prompt's reason says which, and only reviews that compare something count."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import pytest

from domain.ports import Wording
from memory.outcomes import SqliteOutcomes
from memory.prompt_experiments import AdviceExperiment, definition
from memory.pseudonym import Pseudonyms
from memory.record import Origin, Setting

HERE = Origin("north", "Siemens", "Force")
DEFAULT, CANDIDATE = Wording("liver"), Wording("whole liver", None, "Because reviews say so.", ("fb-1",))


def made(mode: str, pseudonyms: Pseudonyms) -> AdviceExperiment:
    assert mode in ("ab", "shadow")
    return AdviceExperiment("ab" if mode == "ab" else "shadow", SqliteOutcomes(None), pseudonyms)


def test_half_are_asked_as_advised_and_stay_so(pseudonyms: Pseudonyms) -> None:
    experiment = made("ab", pseudonyms)
    shown = {n: experiment.shown(f"1.2.{n}", HERE, DEFAULT, CANDIDATE) for n in range(60)}
    arms = Counter(w.arm for w in shown.values())
    assert set(arms) == {"baseline", "candidate"}
    assert 15 < arms["candidate"] < 45
    for number, wording in shown.items():
        assert experiment.shown(f"1.2.{number}", HERE, DEFAULT, CANDIDATE) == wording
        assert wording.prompt == ("whole liver" if wording.arm == "candidate" else "liver")
        assert f"prompt-advice-ab: {wording.arm}" in wording.reason
        assert wording.evidence == ("fb-1",)


def test_a_review_counts_once_and_for_studies_that_took_part_only(pseudonyms: Pseudonyms, now: datetime) -> None:
    experiment = made("ab", pseudonyms)
    reason = f"asked for; {experiment.shown('1.2.1', HERE, DEFAULT, CANDIDATE).reason}"
    assert not experiment.record("1.2.9", reason, 0.9, at=now)  # never assigned
    assert not experiment.record("1.2.1", "asked for", 0.9, at=now)  # another target of the study
    assert not experiment.record("1.2.1", f"{reason} and more", 0.9, at=now)  # words of a question
    assert experiment.record("1.2.1", reason, 0.9, at=now)
    assert not experiment.record("1.2.1", reason, 0.1, at=now)
    verdict = experiment.verdict()
    assert verdict.studies == 1
    assert [e.stratum for e in verdict.strata] == ["north|Siemens Force"]


def test_a_shadow_shows_the_default_and_counts_pairs(pseudonyms: Pseudonyms, now: datetime) -> None:
    experiment = made("shadow", pseudonyms)
    wording = experiment.shown("1.2.1", HERE, DEFAULT, CANDIDATE)
    assert (wording.prompt, wording.arm) == ("liver", "baseline")
    assert "'whole liver'" in wording.reason
    tried = Setting("Whole liver")
    assert not experiment.record("1.2.1", wording.reason, 0.5, at=now)
    assert not experiment.record("1.2.1", wording.reason, 0.5, at=now, tried=Setting("entire liver"), tried_value=0.9)
    assert experiment.record("1.2.1", wording.reason, 0.5, at=now, tried=tried, tried_value=0.9)
    assert experiment.verdict().effect.difference == pytest.approx(0.4)


def test_modes_are_experiments_of_their_own(pseudonyms: Pseudonyms, now: datetime) -> None:
    store = SqliteOutcomes(None)
    half, shadow = AdviceExperiment("ab", store, pseudonyms), AdviceExperiment("shadow", store, pseudonyms)
    reason = half.shown("1.2.1", HERE, DEFAULT, CANDIDATE).reason
    assert half.record("1.2.1", reason, 1.0, at=now)
    assert (half.verdict().studies, shadow.verdict().studies) == (1, 0)
    assert definition("ab").name != definition("shadow").name
