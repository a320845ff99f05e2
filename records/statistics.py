"""Counts over analyses, reviews and feedback, for the page of operations. No patient appears in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.review import Action
from records.analysis_tables import FeedbackRow, ReviewRow
from records.audit import Attempt, AuditLedger
from records.tables import AnalysisRow

MONTHS = 12
"""That feedback is counted back."""


@dataclass(frozen=True)
class Statistics:
    """What became of drafts.

    Attributes:
        by_status: analyses. reviews: acts by kind.
        reviewed: analyses that a person acted on. edited: of these, those with a corrected sentence.
        feedback: (month, kind) → how much. targets: feedback by what it is about, most first.
    """

    by_status: Mapping[str, int]
    reviews: Mapping[str, int]
    reviewed: int
    edited: int
    feedback: Mapping[tuple[str, str], int]
    targets: Mapping[str, int]


class StatisticsRecords:
    """Reads them; every call is audited."""

    def __init__(self, audit: AuditLedger) -> None:
        self._audit = audit

    async def read(self, access: AccessContext) -> Statistics:
        """Over everything on record."""
        return await self._audit.guard(access, Attempt("statistics.read", "installation", ""), _read)


def _read(session: Session) -> Statistics:
    by_status = session.execute(select(AnalysisRow.status, func.count()).group_by(AnalysisRow.status))
    acts = session.execute(select(ReviewRow.action, func.count()).group_by(ReviewRow.action))
    reviewed = session.scalar(select(func.count(func.distinct(ReviewRow.analysis_id)))) or 0
    edits = select(ReviewRow.analysis_id, ReviewRow.edited).where(
        ReviewRow.action.in_([Action.START.value, Action.EDIT.value])
    )
    edited = {analysis_id for analysis_id, names in session.execute(edits) if names}
    feedback: Counter[tuple[str, str]] = Counter()
    targets: Counter[str] = Counter()
    for at, kind, target in session.execute(select(FeedbackRow.at, FeedbackRow.kind, FeedbackRow.target)):
        feedback[at.strftime("%Y-%m"), kind] += 1
        if target:
            targets[target] += 1
    months = sorted({month for month, _ in feedback})[-MONTHS:]
    return Statistics(
        by_status={str(status): int(count) for status, count in by_status},
        reviews={str(action): int(count) for action, count in acts},
        reviewed=reviewed,
        edited=len(edited),
        feedback={key: count for key, count in sorted(feedback.items()) if key[0] in months},
        targets=dict(targets.most_common(20)),
    )
