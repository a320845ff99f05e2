"""What a reader says is wrong with an outline, and what is to be changed for the next one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from agents.routing.cues import folded_text, group_finder
from domain.analysis import Complaint
from prompts.data import read_yaml, strings
from prompts.words import words

_QUOTED = re.compile(r"(?<!\w)[\"“„«»'‘](?P<words>[^\"“”„«»'\n]{2,60})[\"“”«»'’](?!\w)")


@dataclass(frozen=True)
class Complained:
    """One complaint.

    Attributes:
        what: of the outline.
        change: "prompt", "window", "slices", "model" or "choice", "" when any will do; to: its value, "" when not told.
    """

    what: Complaint
    change: str = ""
    to: str = ""


@cache
def _groups(kind: str) -> Mapping[str, re.Pattern[str]]:
    return group_finder("complaints", kind)


@cache
def complaint_words(name: str) -> frozenset[str]:
    """A class of folded words: "into", "parts", "several", "shows" or "polite"; the file says what each is."""
    return frozenset(strings(read_yaml("intents/complaints.yaml")[name]))


def speaks_of(name: str, folded: str) -> bool:
    """Whether a folded text speaks of an outline as the file's group says."""
    return _groups("about")[name].search(folded) is not None


def complaint_of(text: str) -> Complained:
    """What the words complain of; POOR where they only want another try."""
    folded = folded_text(text)
    change = next((name for name, pattern in _groups("change").items() if pattern.search(folded)), "")
    what = next((name for name, pattern in _groups("what").items() if pattern.search(folded)), Complaint.POOR)
    return Complained(Complaint(what), change, _value(change, text, folded))


def whose_outline(text: str) -> str:
    """The words without what an outline runs into: "the liver leaks into the stomach" is about the liver."""
    for word in words(text):
        before = text[: word.start]
        if (
            word.folded in complaint_words("into")
            and _groups("what")["too_large"].search(folded_text(text))
            and before.strip()
        ):
            return before
    return text


def _value(change: str, text: str, folded: str) -> str:
    if change == "window":
        return next((name for name, pattern in _groups("windows").items() if pattern.search(folded)), "")
    if change == "prompt":
        quoted = _QUOTED.search(text[:600])
        return quoted["words"].strip() if quoted else ""
    return ""
