"""Typing mistakes in long anatomical words, set right against the lexicon's vocabulary."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache, lru_cache

from prompts.cues import ROLES, cues
from prompts.data import FOLDER
from prompts.lexicon import lexicon
from prompts.question.sounds import sound
from prompts.words import Word, singulars

SHORTEST = 5
"""Letters of the shortest vocabulary word that a mistake may stand for."""

CLIPPED = 3
"""Letters of the shortest name without vowels."""
_ACRONYMS = frozenset({"cns", "bls", "dsc", "rds", "plr", "crd", "clc"})
_VOWELS = re.compile("[aeiouy]")
_DOUBLED = re.compile(r"(.)\1")

LONG = 8
"""From so many letters on two mistakes may be made in a word; in one letter less or two if it sounds the same."""

MOST_CORRECTIONS = 300
"""Different unknown words of one text that are looked up, so that work stays bounded."""

_SPELLABLE_CUES = frozenset(
    (
        *("segment", "measure", "outline", "without", "evidence", "bilateral", "exclude", "excluding", "except"),
        *("volume", "volumes", "diameter", "compare", "instead", "please"),
    )
)


def corrected(written: tuple[Word, ...]) -> tuple[Word, ...]:
    """The same words, with a mistyped term replaced by the only vocabulary word near it."""
    result, looked_up = list(written), 0
    right: dict[str, str] = {}
    for place, word in enumerate(written):
        folded = word.folded
        if folded not in right:
            clipped = without_vowels().get(folded)
            if clipped is not None and not (is_word(folded) or word.raw.isupper()):
                right[folded] = clipped
            elif looked_up >= MOST_CORRECTIONS or len(folded) < SHORTEST - 1 or not folded.isalpha() or is_word(folded):
                continue
            else:
                looked_up += 1
                right[folded] = nearest(folded) or folded
        if right[folded] != folded:
            result[place] = replace(word, folded=right[folded])
    return tuple(result)


@lru_cache(maxsize=8192)
def is_word(folded: str) -> bool:
    """Whether a folded word is one that is known here, or the plural of one."""
    known = _understood()
    return folded in known or any(s in known for s in singulars(folded)) or _with_pronoun(folded)


def _with_pronoun(folded: str) -> bool:
    """ "Mídelo", "segméntala": a Spanish verb of a request with what it is said of."""
    return any(folded.endswith(p) and cues().roles.get((folded[: -len(p)],)) for p in ("lo", "la", "los", "las"))


@cache
def without_vowels() -> dict[str, str]:
    """Clipped names, as notes have them: "lng" for lung, "hrt" for heart; none that may stand for two structures."""
    found: dict[str, set[str]] = {}
    for word in lexicon().names.vocabulary:
        if word.isalpha() and len(word) >= SHORTEST - 1 and lexicon().names.get((word,)) is not None:
            clipped = _DOUBLED.sub(r"\1", word[0] + _VOWELS.sub("", word[1:]))
            clipped += word[-1] * (word[-1] == "y")  # "kdny"
            short = _organ(word) and len(word) <= SHORTEST + 1 and clipped not in _ACRONYMS
            least = CLIPPED if short else SHORTEST  # "cvt", "dsc" mean something else
            if len(clipped) >= least and clipped != word and not _VOWELS.search(clipped.removesuffix("y")):
                found.setdefault(clipped, set()).add(word)
    return {
        clipped: min(names, key=lambda w: (len(w), w))
        for clipped, names in found.items()
        if len({_meaning(w) for w in names}) == 1
    }


def _organ(word: str) -> bool:
    concept = lexicon().names.get((word,))
    return concept is not None and concept.kind == "organ"


@cache
def terms() -> frozenset[str]:
    """Words of the lexicon's terms that are long enough to be told from a mistake."""
    vocabulary = lexicon().names.vocabulary | lexicon().adjectives.vocabulary | cues().signs.vocabulary
    return frozenset(w for w in vocabulary if len(w) >= SHORTEST and w.isalpha())


@lru_cache(maxsize=4096)
def nearest(folded: str) -> str | None:
    """The vocabulary word within one mistake (two in a long word, or one that sounds alike); None without a single one.

    Of words equally near those of the same concept count as one, and one that sounds alike counts more.
    """
    best: list[str] = []
    limit, own, letters = (2 if len(folded) >= SHORTEST + 1 else 1), sound(folded), _letters(folded)
    for word, bits in _candidates(folded, own):
        most = limit if len(folded) >= LONG or sound(word) == own else min(limit, 1)
        if abs(len(word) - len(folded)) > most or (letters ^ bits).bit_count() > 2 * most:
            continue
        distance = mistakes(folded, word, most)
        if distance > most:
            continue
        if distance < limit:
            best, limit = [word], distance
        else:
            best.append(word)
    return _single(best, own, folded)


def _single(best: list[str], own: str, typed: str) -> str | None:
    if len({_meaning(word) for word in best}) > 1:
        best = [word for word in best if sound(word) == own]
        best = [word for word in best if word.startswith(typed)] or best
    return best[0] if best and len({_meaning(word) for word in best}) == 1 else None


def _meaning(word: str) -> str:
    concept = lexicon().names.get((word,))
    return concept.text if concept is not None else word


def _candidates(folded: str, own: str) -> tuple[tuple[str, int], ...]:
    starts = _by_start().get(folded[0], ())
    return (*starts, *(c for c in _by_sound().get(own, ()) if c[0][0] != folded[0]))


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


def _letters(word: str) -> int:
    """The letters of a word as bits: words with many different ones are not compared."""
    bits = 0
    for letter in word:
        bits |= 1 << (ord(letter) & 63)
    return bits


@cache
def _by_start() -> dict[str, tuple[tuple[str, int], ...]]:
    return _grouped({word: word[0] for word in terms() | _SPELLABLE_CUES})


@cache
def _by_sound() -> dict[str, tuple[tuple[str, int], ...]]:
    return _grouped({word: sound(word) for word in terms()})


def _grouped(keys: dict[str, str]) -> dict[str, tuple[tuple[str, int], ...]]:
    groups: dict[str, list[tuple[str, int]]] = {}
    for word in sorted(keys):
        groups.setdefault(keys[word], []).append((word, _letters(word)))
    return {key: tuple(found) for key, found in groups.items()}


@cache
def _understood() -> frozenset[str]:
    common = (FOLDER / "common_words.txt").read_text(encoding="utf-8").split()
    cue_terms = [cues().roles, cues().symptom, cues().measurements, cues().prior, cues().modality]
    cue_terms += [cues().examination, cues().indication]
    cue_words = {w for each in cue_terms for w in each.vocabulary} | cues().not_imaging.vocabulary
    cue_words |= cues().not_imaging_alone.vocabulary
    sets = cues().filler | cues().stop | cues().not_a_structure | cues().compound_heads
    names = lexicon().names.vocabulary | lexicon().adjectives.vocabulary | cues().signs.vocabulary
    return frozenset({*common, *sets, *names, *cue_words, *ROLES})
