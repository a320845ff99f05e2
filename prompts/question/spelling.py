"""Typing mistakes in long anatomical words, set right against the lexicon's vocabulary."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, lru_cache

from prompts.cues import ROLES, cues
from prompts.data import FOLDER
from prompts.lexicon import lexicon
from prompts.words import Word, singulars

SHORTEST = 5
"""Letters of the shortest vocabulary word that a mistake may stand for."""

MOST_CORRECTIONS = 300
"""Different unknown words of one text that are looked up, so that work stays bounded."""


def corrected(written: tuple[Word, ...]) -> tuple[Word, ...]:
    """The same words, with a mistyped term replaced by the only vocabulary word near it."""
    result, looked_up = list(written), 0
    known = _understood()
    right: dict[str, str] = {}
    for place, word in enumerate(written):
        folded = word.folded
        if folded not in right:
            if (
                looked_up >= MOST_CORRECTIONS
                or len(folded) < SHORTEST - 1
                or not folded.isalpha()
                or _is_word(folded, known)
            ):
                continue
            looked_up += 1
            right[folded] = nearest(folded) or folded
        if right[folded] != folded:
            result[place] = replace(word, folded=right[folded])
    return tuple(result)


def _is_word(folded: str, known: frozenset[str]) -> bool:
    return folded in known or any(s in known for s in singulars(folded))


@lru_cache(maxsize=4096)
def nearest(folded: str) -> str | None:
    """The vocabulary word within one mistake (two from eight letters on); None without a single nearest."""
    best, tied, limit = None, False, 2 if len(folded) >= 8 else 1
    for word in _by_start().get(folded[0], ()):
        if abs(len(word) - len(folded)) > limit:
            continue
        distance = mistakes(folded, word, limit)
        if distance > limit:
            continue
        if distance < limit:
            best, tied, limit = word, False, distance
        else:
            tied, best = best is not None, best or word
    return None if tied else best


def mistakes(one: str, other: str, limit: int) -> int:
    """Optimal string alignment distance: letters left out, added, changed or swapped; `limit` + 1 for more."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        above, row = row, [i]
        for j, b in enumerate(other, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
        before = above
    return row[-1]


@cache
def _terms() -> frozenset[str]:
    vocabulary = lexicon().names.vocabulary | lexicon().adjectives.vocabulary | cues().signs.vocabulary
    return frozenset(w for w in vocabulary if len(w) >= SHORTEST and w.isalpha())


@cache
def _by_start() -> dict[str, tuple[str, ...]]:
    starts: dict[str, list[str]] = {}
    for word in sorted(_terms() | _spellable_cues()):
        starts.setdefault(word[0], []).append(word)
    return {start: tuple(found) for start, found in starts.items()}


def _spellable_cues() -> frozenset[str]:
    return frozenset(
        ("segment", "measure", "outline", "without", "evidence", "bilateral", "exclude", "excluding", "except")
    )


@cache
def _understood() -> frozenset[str]:
    common = (FOLDER / "common_words.txt").read_text(encoding="utf-8").split()
    cue_terms = [cues().roles, cues().symptom, cues().measurements, cues().prior, cues().modality]
    cue_terms += [cues().examination, cues().indication]
    cue_words = {w for terms in cue_terms for w in terms.vocabulary} | cues().not_imaging.vocabulary
    cue_words |= cues().not_imaging_alone.vocabulary
    sets = cues().filler | cues().stop | cues().not_a_structure | cues().compound_heads
    names = lexicon().names.vocabulary | lexicon().adjectives.vocabulary | cues().signs.vocabulary
    return frozenset({*common, *sets, *names, *cue_words, *ROLES})
