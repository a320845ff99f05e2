"""Other wordings of a target, for a second try when the first result is poor."""

from __future__ import annotations

from prompts.question.understanding import AskedTarget
from prompts.words import phrase

MOST = 4
SHORTEST = 5
"""Letters of the shortest synonym that is worth a try; abbreviations mean little to an image model."""


def alternatives(target: AskedTarget) -> tuple[str, ...]:
    """The published wording, then synonyms in full words, with the side in front; none outside the lexicon."""
    concept = target.concept
    if concept is None:
        return ()
    published = (concept.table[0],) if concept.table else ()
    spoken = (s for s in concept.synonyms if len(s) >= SHORTEST and s.isascii() and _english(s))
    side = target.side if concept.paired else ""
    found = (f"{side} {text}".strip() for text in (concept.text, *published, *spoken))
    return tuple(dict.fromkeys(t for t in found if t.lower() != target.text.lower()))[:MOST]


def _english(text: str) -> bool:
    """Synonyms of several words; single ones may be of another language."""
    return len(phrase(text)) > 1
