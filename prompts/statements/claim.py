"""The nouns of a reading: what is claimed of a structure, where it is named, and the cues around it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Stance(StrEnum):
    """What a sentence claims of a structure.

    EMPTY: a model outlined nothing of it. KEPT_OPEN: it is not ruled out. UNDONE: something about it could not be
    done. ASKED: it is what is looked for. UNCLEAR: something is denied, and not plainly the structure.
    """

    AFFIRMED = "affirmed"
    POSSIBLE = "possible"
    DENIED = "denied"
    EMPTY = "empty"
    KEPT_OPEN = "kept open"
    PAST = "past"
    ASKED = "asked"
    UNDONE = "undone"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class Mention:
    """A structure that a sentence names.

    Attributes:
        name: canonical text. kind: of the lexicon; "adjective" for a site named by one ("hepatic").
        start, end: place in the words.
        sides: "left", "right".
        within: index of the mention that it is said to lie in; None without.
    """

    name: str
    kind: str
    start: int
    end: int
    sides: frozenset[str] = frozenset()
    stance: Stance = Stance.AFFIRMED
    within: int | None = None


@dataclass(frozen=True)
class Cue:
    """A phrase with a role at its words."""

    role: str
    start: int
    end: int
