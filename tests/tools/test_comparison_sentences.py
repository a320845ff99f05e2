"""Sentences hold both values, the difference, its tolerance and the way of comparing; never a diagnosis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from domain.analysis import Change
from tests.tools.comparison_phantoms import balls, outlined, shifted
from tools.comparison.change import Laid, Outlined, changes
from tools.comparison.lesion_change import compare
from tools.comparison.sentences import sentences

GROWN = Change("liver", "prior-1", "volume", 1520.0, 1357.0, "mL", 163.0, 12.01, "larger",
               "rigid registration; tolerance ±10 % (Heymsfield 1979)", ("s2", "s9"))  # fmt: skip


def test_a_change_is_one_sentence_with_both_values() -> None:
    ((text, steps),) = sentences([GROWN], {"prior-1": "2021-03"})
    assert text == (
        "Liver: volume 1520 mL now, 1357 mL in prior-1 of 2021-03, 163 mL or 12 % more: larger beyond the tolerance "
        "of ±10 % (Heymsfield 1979) (rigid registration)."
    )
    assert steps == ("s2", "s9")


def test_the_date_is_said_where_it_is_known_only() -> None:
    ((text, _),) = sentences([GROWN])
    assert "in prior-1, 163 mL" in text


def test_measurements_of_a_target_stand_together_and_the_comparison_comes_last() -> None:
    dense = replace(GROWN, name="mean", now=40.0, before=55.0, unit="[hnsf'U]", change=-15.0, percent=None,
                    state="smaller", how="rigid registration; tolerance ±10 HU (ACR)", steps=("s4", "s9"))  # fmt: skip
    ((text, steps),) = sentences([GROWN, dense])
    assert (
        "mean CT number 40 HU now, 55 HU in prior-1, 15 HU lower: smaller beyond the tolerance of ±10 HU (ACR)" in text
    )
    assert steps == ("s2", "s4", "s9")


def test_what_was_not_compared_says_why() -> None:
    refused = replace(GROWN, change=None, percent=None, state="not_comparable",
                      how="side by side: uneven slices; not compared: other method (a now, b before)")  # fmt: skip
    ((text, _),) = sentences([refused])
    assert "1357 mL in prior-1, not compared: other method (a now, b before)" in text
    assert text.endswith("(side by side: uneven slices).")


def test_equal_values_have_no_difference() -> None:
    ((text, _),) = sentences([replace(GROWN, now=1357.0, change=0.0, percent=0.0, state="stable")])
    assert "no difference: stable within the tolerance" in text


EMPTY = outlined(np.zeros((30, 40, 40), bool))
TWO = outlined(balls(((8, 10, 10), 5), ((20, 28, 28), 4)))
ONE = outlined(balls(((8, 10, 10), 5)))


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        (TWO, ONE, "lesion 2: volume 0.514 mL, new: nothing was outlined there in prior-1"),
        (ONE, TWO, "lesion 2 of prior-1: nothing is outlined any more, volume 0.514 mL in prior-1"),
        (ONE, EMPTY, "new: nothing was outlined there in prior-1"),
        (EMPTY, ONE, "nothing is outlined any more"),
    ],
    ids=["one more", "one less", "first", "last"],
)
def test_lesions_that_come_and_go(now: Outlined, before: Outlined, said: str) -> None:
    texts = [text for text, _ in sentences(compare(now, before, shifted()).changes)]
    assert any(said in text for text in texts), texts


@pytest.mark.parametrize(
    "laid", [shifted(), Laid("prior-1", None, "CR images are not registered")], ids=["laid", "aside"]
)
def test_no_sentence_diagnoses(laid: Laid) -> None:
    found = [*changes(TWO, ONE, laid), *compare(ONE, TWO, laid).changes, *compare(ONE, EMPTY, laid).changes]
    words = " ".join(text for text, _ in sentences(found)).lower()
    assert not any(word in words for word in ("progress", "response", "remission", "metasta", "malignan", "recurren"))
