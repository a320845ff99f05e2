"""The words of a question as they were meant: dictation, compounds and typing mistakes set right."""

from __future__ import annotations

from functools import lru_cache

from prompts.question.compounds import split_compounds
from prompts.question.dictation import dashed, heard
from prompts.question.short_sides import with_sides
from prompts.question.spelling import corrected
from prompts.words import Word, words


@lru_cache(maxsize=512)
def worded(text: str) -> tuple[Word, ...]:
    """The words of a text; each has the place of what was written for it."""
    return with_sides(corrected(split_compounds(heard(words(dashed(text))))))
