"""Sides without their noun: "the right kidney, not the left", "left, not right kidney"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from prompts.question.items import Item
from prompts.question.reading import NEGATED, Mention

_SIDES = frozenset({"left", "right", "both"})
_GOVERNED = frozenset({"concept", "adjective", "sign", "word", "inert"})
"""Roles of what a side before them belongs to ("no left sided weakness")."""

REACH = 12
"""Words between a paired structure and a side that may still mean it."""


def stands_alone(row: tuple[Item, ...], at: int) -> bool:
    """Whether the side before item `at` has no noun after it, but "one" or nothing."""
    for place in range(at, min(at + REACH, len(row))):
        role = row[place].role
        if role in {"and", "or"}:
            return not _side_follows(row, place + 1)
        if role not in _SIDES and role != "filler":
            return role not in _GOVERNED
    return True


def _side_follows(row: tuple[Item, ...], at: int) -> bool:
    following = next((item.role for item in row[at : at + REACH] if item.role != "filler"), "")
    return following in _SIDES


def last_paired(mentions: Sequence[Mention], word: int) -> int | None:
    """Place of the last paired structure within reach of a word."""
    for place in range(len(mentions) - 1, -1, -1):
        if word - mentions[place].words[1] > REACH:
            return None
        if mentions[place].concept.paired:
            return place
    return None


def without(mention: Mention, sides: tuple[str, ...]) -> Mention | None:
    """A wanted structure less some of its sides: "kidneys except the left one" is the right kidney; None for none."""
    if mention.polarity in NEGATED:
        return mention
    left = tuple(side for side in (mention.sides or ("left", "right")) if side not in sides)
    return replace(mention, sides=left) if left else None
