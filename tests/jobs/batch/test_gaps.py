"""What a model did not answer is known by study and by reason, and by nothing else that makes an analysis partial."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from jobs.batch.gaps import KINDS, OTHER, Gaps, gaps_of
from records.analyses import AnalysisRecord

DOWN = {"id": "s3", "model": "MedImageParse@7", "ok": False, "error": "here: The endpoint rests; try in 29 s."}
GOOD = {"id": "s4", "model": "MedImageParse@7", "ok": True, "error": ""}
PLAN = {"id": "s5", "model": "", "ok": False, "error": "It could not be measured."}


def record(status: str, *steps: dict[str, Any]) -> AnalysisRecord:
    when = datetime(2026, 3, 1, tzinfo=UTC)
    return AnalysisRecord("a", "1.2", "|P", status, when, "liver", "RESEARCH", {"steps": list(steps)})


@pytest.mark.parametrize(
    ("status", "steps", "gaps"),
    [
        ("partial", (GOOD, DOWN, DOWN), (DOWN["error"],)),
        ("partial", (GOOD, PLAN), ()),
        ("partial", (), ()),
        ("draft", (DOWN, GOOD), ()),  # another model answered
        ("in_review", (DOWN,), ()),  # somebody looks at it
        ("partial", ({**DOWN, "error": ""},), ("no answer",)),
    ],
)
def test_a_gap_is_a_model_that_gave_no_answer(status: str, steps: Any, gaps: tuple[str, ...]) -> None:
    assert gaps_of(record(status, *steps)) == gaps


def test_studies_are_added_up_by_reason_whatever_the_seconds() -> None:
    gaps = Gaps()
    for seconds in range(50):
        gaps.add((f"The endpoint rests; try in {seconds} s.", "The key was refused."))
    gaps.add(())
    gaps.add(("The key was refused.",))
    assert gaps.studies == 51
    assert list(gaps.reasons.items()) == [("The key was refused.", 51), ("The endpoint rests; try in some s.", 50)]


def test_no_number_of_reasons_fills_the_memory() -> None:
    gaps = Gaps()
    for number in range(1000):
        gaps.add((f"reason {number}",))
    assert len(gaps.reasons) == KINDS + 1
    assert next(iter(gaps.reasons.items())) == (OTHER, 1000 - KINDS)
