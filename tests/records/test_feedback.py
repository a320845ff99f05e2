"""That feedback was given: once, on an analysis that is there, seen by work on its patient only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import AnalysisNotFound, PatientLockViolation
from records.audit import Attempt
from records.feedback import FeedbackRecords, GivenFeedback, keep_feedback
from tests.records.drafts import MINE, THEIRS, Desk, desk_with_draft


@pytest.fixture
async def desk(tmp_path: Path, database_url: str) -> AsyncIterator[Desk]:
    desk = await desk_with_draft(tmp_path, database_url)
    yield desk
    desk.database.close()


async def test_feedback_is_on_record_once(desk: Desk) -> None:
    given = GivenFeedback("k1", "a1", "mask_correction", "liver", "reader", desk.clock.now())
    later = replace(given, feedback_id="k2", kind="accepted", replaces="k1")
    attempt = Attempt("feedback.add", "analysis", "a1", "mask_correction")
    for one in (given, replace(given, given_by="another"), later):
        await desk.audit.guard(MINE, attempt, lambda session, one=one: keep_feedback(session, one))
    kept = FeedbackRecords(desk.audit)
    assert list(await kept.of_analysis(MINE, "a1")) == [given, later]
    with pytest.raises(PatientLockViolation):
        await kept.of_analysis(THEIRS, "a1")
    with pytest.raises(AnalysisNotFound):
        await kept.of_analysis(MINE, "a9")
