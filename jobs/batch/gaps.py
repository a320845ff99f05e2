"""Partial analyses of a batch: what a model did not answer, by study and added up, so that it can be asked again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from domain.analysis import Status
from records.analyses import AnalysisRecord

REMEDY = "When the model answers again, repeat these studies with --retry-failed."
KINDS = 20
"""Reasons that are told apart in a summary."""
OTHER = "other reasons"
_SECONDS = re.compile(r"\d+(\.\d+)? s\b")


def gaps_of(record: AnalysisRecord) -> tuple[str, ...]:
    """Why models gave no answer in an analysis that is partial for it, each reason once; empty for any other.

    One that a person has looked at is partial no more. One that is partial for another cause, such as a plan that was
    not carried out, would come to the same once more.
    """
    if record.status != Status.PARTIAL.value:
        return ()
    steps = record.document.get("steps", ())
    failed = (step for step in steps if step.get("model") and not step.get("ok", True))
    return tuple(dict.fromkeys(str(step.get("error", "")) or "no answer" for step in failed))


class Gaps:
    """Counts studies by the reason that models did not answer; in bounded memory, however many there are."""

    def __init__(self) -> None:
        self.studies = 0
        self._reasons: Counter[str] = Counter()

    def add(self, reasons: tuple[str, ...]) -> None:
        """A study; without reasons it has no gap."""
        self.studies += bool(reasons)
        for reason in {_SECONDS.sub("some s", reason) for reason in reasons}:
            known = reason in self._reasons or len(self._reasons) < KINDS
            self._reasons[reason if known else OTHER] += 1

    @property
    def reasons(self) -> Mapping[str, int]:
        """Reason → studies, the most frequent first."""
        return dict(self._reasons.most_common())


def rows_of(reasons: Mapping[str, int]) -> list[dict[str, Any]]:
    """For programs."""
    return [{"reason": reason, "studies": studies} for reason, studies in reasons.items()]
