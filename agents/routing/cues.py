"""Cue phrases of the intents (prompts/intents/cues.yaml), as patterns over folded words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from prompts.data import read_yaml, strings
from prompts.words import PUNCTUATION, fold, words

GAP = r"(?:[^ ]+ ){0,4}?"
"""Up to four words; bounded, so that matching stays linear in the text."""

_TOKEN = re.compile(r"[()|?^$…#@]|[^\s()|?^$…#@]+")


@dataclass(frozen=True)
class Phrases:
    """The cues of one label; patterns match `folded_text`."""

    sure: re.Pattern[str] | None
    hint: re.Pattern[str] | None


def folded_text(text: str) -> str:
    """Folded words, each with a space after it, one space in front, punctuation left out."""
    return " " + "".join(f"{w.folded} " for w in words(text) if w.folded not in PUNCTUATION)


@cache
def cue_phrases() -> Mapping[str, Phrases]:
    """Label ("find", "recall/models") → its phrases, read once."""
    raw = read_yaml("intents/cues.yaml")
    return {label: Phrases(any_of(own.get("sure", [])), any_of(own.get("hint", []))) for label, own in raw.items()}


def compiled(phrase: str) -> str:
    """A phrase of cues.yaml as a regular expression.

    Raises:
        ValueError: unbalanced brackets.
    """
    if phrase.count("(") != phrase.count(")"):
        raise ValueError(f"cues.yaml: unbalanced brackets in {phrase!r}")
    return "".join(_part(token) for token in _TOKEN.findall(phrase))


def group_finder(name: str, *path: str) -> Mapping[str, re.Pattern[str]]:
    """Patterns of the groups of phrases in a file of prompts/intents, from the mapping at `path` in it."""
    raw = read_yaml(f"intents/{name}.yaml")
    for step in path:
        raw = raw[step]
    found = ((group, any_of(phrases)) for group, phrases in raw.items() if isinstance(phrases, list))
    return {group: pattern for group, pattern in found if pattern is not None}


def _part(token: str) -> str:
    fixed = {
        "(": "(?:",
        ")": ")",
        "|": "|",
        "?": "?",
        "^": "^ ",
        "$": "$",
        "…": GAP,
        "#": r"\d[^ ]* ",
        "@": r"(?:19|20)\d\d ",
    }
    if token in fixed:
        return fixed[token]
    stem = token.endswith("*")
    literal = re.escape(fold(token.rstrip("*")))
    return rf"(?:{literal}{'[^ ]*' if stem else ''} )"


def any_of(phrases: object) -> re.Pattern[str] | None:
    """A pattern that finds any of some phrases in a `folded_text`; None of none."""
    texts = strings(phrases)
    if not texts:
        return None
    each = (compiled(t) if t.lstrip().startswith("^") else rf"(?<= ){compiled(t)}" for t in texts)
    return re.compile("|".join(f"(?:{e})" for e in each))
