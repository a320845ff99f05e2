"""Published guidance that a claim may lean on, as a pluggable source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Guidance:
    """One recommendation in our own words, with where it was published.

    Attributes:
        guidance_id: stable, e.g. "fleischner-2017-solid-6-8".
        topic: e.g. "incidental pulmonary nodule".
        applies: to whom, in words.
        recommendation: what it says, in our own words, numbers with units.
        source: citation with year. year: of the publication, for telling how old it is.
    """

    guidance_id: str
    topic: str
    applies: str
    recommendation: str
    source: str
    year: int


class EvidenceLookup(Protocol):
    """A source of guidance: the built-in table, or a hospital's own library."""

    @property
    def name(self) -> str:
        """What answers, for the record."""

    async def lookup(self, question: str, *, limit: int = 3) -> Sequence[Guidance]:
        """What fits a question without identity, best first; empty when nothing does."""
