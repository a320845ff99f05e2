"""What a text affirms of structures with a side, for comparing it with where outlines lie."""

from __future__ import annotations

from prompts.statements.reading import Stance, read
from prompts.statements.text import sentences


def sided(text: str) -> tuple[tuple[str, str], ...]:
    """(canonical target, "left" or "right") of each structure that a text affirms, or calls possible, on one side."""
    found: list[tuple[str, str]] = []
    for sentence in sentences(text):
        for mention in read(sentence).mentions:
            if mention.stance in {Stance.AFFIRMED, Stance.POSSIBLE, Stance.KEPT_OPEN} and len(mention.sides) == 1:
                found += [(mention.name, side) for side in mention.sides]
    return tuple(dict.fromkeys(found))
