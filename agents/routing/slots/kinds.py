"""Which part of a patient's record a clause asks for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from re import Pattern

from agents.routing.cues import folded_text, group_finder


@cache
def _kinds() -> Mapping[str, Pattern[str]]:
    return group_finder("kinds")


def kinds_of(text: str) -> tuple[str, ...]:
    """Values of `domain.history.DocumentKind` that a clause names; () for all."""
    folded = folded_text(text)
    return tuple(kind for kind, pattern in _kinds().items() if pattern.search(folded))
