"""Which part of a patient's record a clause asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from re import Pattern

from agents.routing.cues import folded_text, group_finder

_PURPOSE = re.compile(
    r"\b(?:for|into|für|para)\s+(?:the|a|an|my|our|his|her|their|den|das|die|meinen|unseren|el|la|los|mi)\s+(?:[\w-]+\s+){0,2}?"
    r"(?:letter|form|report|note|notes|board|meeting|round|trial|study|file|chart|record|handover|clinic|arztbrief|brief"
    r"|befund|bogen|akte|carta|informe|historia|hoja)\b",
    re.IGNORECASE,
)
"""What something is wanted for: "the volume for the referral letter" asks for no letter."""


@cache
def _kinds() -> Mapping[str, Pattern[str]]:
    return group_finder("kinds")


@lru_cache(maxsize=256)
def kinds_of(text: str) -> tuple[str, ...]:
    """Values of `domain.history.DocumentKind` that a clause names; () for all."""
    folded = folded_text(text)
    return tuple(kind for kind, pattern in _kinds().items() if pattern.search(folded))


def without_purpose(text: str) -> str:
    """The words without what the answer is wanted for."""
    return _PURPOSE.sub(" ", text)
