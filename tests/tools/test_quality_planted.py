"""How many wrong masks QA catches, and how many right ones it doubts. Run with -s for the table.

A mask is caught when QA does not let it pass. "alone" judges it by itself; "beside others" with the correct masks of
the other targets of the series, as in a run that asks for several organs. Sections without an orientation have no
place to check, so there a wrong organ is caught beside others only, and a sided target always goes to review.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

from domain.mask import Outcome
from tests.tools.planted import cases, known, planted
from tools.quality import assess


@dataclass
class Rate:
    tried: int = 0
    alone: int = 0
    beside: int = 0

    @property
    def caught_alone(self) -> float:
        return self.alone / self.tried

    @property
    def caught_beside(self) -> float:
        return self.beside / self.tried


Rates = dict[tuple[str, bool], Rate]


@pytest.fixture(scope="module")
def rates(data: Path) -> Rates:
    found: Rates = defaultdict(Rate)
    for case in cases(data):
        for item in planted(case):
            facts = known(item.mask)
            rate = found[item.kind, case.oriented]
            rate.tried += 1
            verdict = assess(item.mask, case.volume, known=facts)
            rate.alone += verdict.outcome is not Outcome.PASS
            if verdict.outcome is Outcome.PASS:  # what is caught alone is caught beside others: they only add doubts
                verdict = assess(item.mask, case.volume, known=facts, others=item.others)
            rate.beside += verdict.outcome is not Outcome.PASS
    _print(found)
    return found


def _print(rates: Rates) -> None:
    sys.stdout.write(f"\n{'kind':14}{'images':18}{'masks':>6}{'alone':>8}{'beside others':>15}\n")
    for (kind, oriented), rate in sorted(rates.items()):
        images = "oriented" if oriented else "no orientation"
        sys.stdout.write(f"{kind:14}{images:18}{rate.tried:6}{rate.caught_alone:8.1%}{rate.caught_beside:15.1%}\n")


def total(rates: Rates, kind: str) -> Rate:
    parts = [rate for (name, _), rate in rates.items() if name == kind]
    return Rate(*(sum(getattr(part, field) for part in parts) for field in ("tried", "alone", "beside")))


@pytest.mark.parametrize("kind", ["inverted", "empty", "whole image"])
def test_technical_failures_are_caught(rates: Rates, kind: str) -> None:
    assert total(rates, kind).caught_alone >= 0.98


def test_swapped_sides_are_caught(rates: Rates) -> None:
    assert total(rates, "side swapped").caught_alone >= 0.9


def test_wrong_organs_are_caught(rates: Rates) -> None:
    assert rates["wrong organ", True].caught_alone >= 0.8
    assert total(rates, "wrong organ").caught_beside >= 0.95


def test_shifted_masks_are_caught(rates: Rates) -> None:
    assert total(rates, "shifted").caught_alone >= 0.7
    assert total(rates, "shifted").caught_beside >= 0.85


def test_correct_masks_mostly_pass(rates: Rates) -> None:
    assert total(rates, "correct").caught_beside <= 0.1
    assert rates["correct", True].caught_beside <= 0.05
