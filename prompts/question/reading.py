"""What a reading of a text finds: mentions of structures, and what it says of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from prompts.lexicon import Concept


class Polarity(StrEnum):
    """What a text says of a structure."""

    ASKED = "asked"
    LEFT_OUT = "left out"
    ABSENT = "absent"
    KNOWN = "known"
    PAST = "past"


NEGATED = frozenset({Polarity.LEFT_OUT, Polarity.ABSENT})
"""What is not wanted, or said not to be there."""


@dataclass(frozen=True)
class Mention:
    """A structure that a text names.

    Attributes:
        sides: of a paired structure, empty when the text names none.
        start, end: place in the text, in characters.
        words: its words.
        measurements: what a sign asks to be measured.
    """

    concept: Concept
    polarity: Polarity
    sides: tuple[str, ...]
    start: int
    end: int
    words: tuple[int, int]
    in_lexicon: bool = True
    measurements: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """Characters of a text that ask for something that no image shows; `requested` when a verb asks for it."""

    start: int
    end: int
    what: str
    requested: bool = True


@dataclass(frozen=True)
class Reading:
    """What a text names.

    Attributes:
        requests: words after which the object of a request stands, with the cue's role.
        covered: words that a term explains.
    """

    mentions: tuple[Mention, ...]
    not_imaging: tuple[Place, ...]
    requests: tuple[tuple[int, str], ...]
    covered: frozenset[int]
