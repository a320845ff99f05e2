"""A question to the feedback memory, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass

from memory.record import UNKNOWN, Feedback, FeedbackKind, Origin
from memory.relevance import Relevance


@dataclass(frozen=True)
class Sought:
    """What to look for.

    Attributes:
        region: only feedback of this region or of none; "" takes any.
        kinds: only these; empty takes all.
        question: the user's words; embedded here, never kept.
    """

    modality: str
    target: str = ""
    region: str = ""
    question: str = ""
    origin: Origin = UNKNOWN
    kinds: tuple[FeedbackKind, ...] = ()

    @property
    def text(self) -> str:
        """What its meaning is taken from."""
        return ". ".join(part for part in (f"{self.region} {self.target}".strip(), self.question) if part)


@dataclass(frozen=True)
class Recalled:
    """Feedback, and how much it has to say."""

    feedback: Feedback
    relevance: Relevance

    @property
    def score(self) -> float:
        """0–1."""
        return self.relevance.score


@dataclass(frozen=True)
class Counts:
    """Records by family of modalities, (active, revoked); `unread` lie in collections of other embedders."""

    by_family: dict[str, tuple[int, int]]
    unread: int
