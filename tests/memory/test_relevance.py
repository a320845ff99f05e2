from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.study import Patient
from memory.intake import admit
from memory.pseudonym import Pseudonyms
from memory.record import Origin, Submission
from memory.relevance import WEIGHTS, Relevance, relevance


def test_the_parts_are_what_the_formula_says(
    submission: Callable[..., Submission], patient: Patient, pseudonyms: Pseudonyms
) -> None:
    kept = admit(submission(), patient, "1.2", pseudonyms)
    found = relevance(
        kept,
        cosine=0.85,
        floor=0.7,
        target="Liver tumor",
        origin=Origin("NORTH", "siemens", "Edge"),
        now=datetime(2025, 6, 15, tzinfo=UTC) + timedelta(days=365),
    )
    assert found == Relevance(pytest.approx(0.5), 1.0, pytest.approx(0.5), 1.0, 0.5)
    assert found.score == pytest.approx(0.45 * 0.5 + 0.25 + 0.10 * 0.5 + 0.10 + 0.10 * 0.5)


def test_unknown_places_are_never_the_same(
    submission: Callable[..., Submission], patient: Patient, pseudonyms: Pseudonyms, now: datetime
) -> None:
    kept = admit(submission(origin=Origin()), patient, "1.2", pseudonyms)
    found = relevance(kept, cosine=0.0, floor=0.7, target="", origin=Origin(), now=now)
    assert (found.meaning, found.target, found.site, found.scanner) == (0.0, 0.0, 0.0, 0.0)


@given(st.tuples(*[st.floats(0, 1)] * 5))
def test_a_score_lies_between_0_and_1(parts: tuple[float, float, float, float, float]) -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)
    assert 0.0 <= Relevance(*parts).score <= 1.0 + 1e-9
