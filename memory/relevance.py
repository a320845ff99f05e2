"""How much a piece of feedback has to say to a question: five parts of 0–1, weighed into a score of 0–1.

    score = 0.45 meaning + 0.25 target + 0.10 recency + 0.10 site + 0.10 scanner

    meaning  (cosine - floor) / (1 - floor), cut to 0–1; the floor is the embedder's cosine of unrelated texts
    target   1 for the same target, else 0
    recency  2^(-age / 365 days), from the middle of the month that is kept
    site     1 for the same site, else 0
    scanner  1 for the same model, 0.5 for another of the same manufacturer, else 0

The weights are a judgement, not fitted: what is meant and asked for outweighs where it comes from.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from memory.record import Feedback, Origin

WEIGHTS = {"meaning": 0.45, "target": 0.25, "recency": 0.10, "site": 0.10, "scanner": 0.10}
HALF_LIFE_DAYS = 365.0


@dataclass(frozen=True)
class Relevance:
    """The parts, each 0–1."""

    meaning: float
    target: float
    recency: float
    site: float
    scanner: float

    @property
    def score(self) -> float:
        """0–1."""
        return sum(weight * float(getattr(self, part)) for part, weight in WEIGHTS.items())


def relevance(
    feedback: Feedback, *, cosine: float, floor: float, target: str, origin: Origin, now: datetime
) -> Relevance:
    """The parts for feedback whose text has this cosine to the question's."""
    return Relevance(
        meaning=min(1.0, max(0.0, (cosine - floor) / (1 - floor))),
        target=float(bool(target) and feedback.target == target.lower()),
        recency=_recency(feedback.month, now),
        site=float(_same(feedback.origin.site, origin.site)),
        scanner=_scanner(feedback.origin, origin),
    )


def _recency(month: str, now: datetime) -> float:
    middle = datetime.strptime(f"{month}-15", "%Y-%m-%d").replace(tzinfo=UTC)
    return float(2 ** (-max(0.0, (now - middle).days) / HALF_LIFE_DAYS))


def _scanner(one: Origin, other: Origin) -> float:
    if not _same(one.manufacturer, other.manufacturer):
        return 0.0
    return 1.0 if _same(one.scanner, other.scanner) else 0.5


def _same(one: str, other: str) -> bool:
    return bool(one) and one.casefold() == other.casefold()
