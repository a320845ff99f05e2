"""Sides that contradict each other, and a side that stands for what was named before."""

from __future__ import annotations

import re

from agents.routing.grammar import grammar
from prompts.cues import cues
from prompts.lexicon import lexicon
from prompts.question.understanding import understand
from prompts.words import PUNCTUATION, words

REACH = 4
"""Words between a structure with a side and another side ("right kidney on the left side")."""

_ONTO = frozenset(
    {"on", "to", "in", "auf", "der", "the", "a", "la", "el", "side", "seite", "lado", "en", "del", "patients"}
)

_UNTOLD = re.compile(
    r"\b(?:on|of|at|to) (?:the|his|her) (?!left\b|right\b|both\b|each\b|either\b)[a-z]+ side\b"
    r"|\bside (?:of (?:interest|the)|that|where|with)\b|\b(?:contralateral|opposite) side\b"
    r"|\b(?:opposite|contralateral)(?: one)?$"
    r"|\b(?:betroffene|schmerzhafte|kranke|andere|gleiche|operierte|gesunde)[nr]? seite\b"
    r"|\blado (?:afectado|doloroso|contrario|opuesto|malo|operado|enfermo)\b"
)


def conflicting(text: str) -> bool:
    """Whether one structure gets both sides: "left right kidney", "right kidney on the left side"."""
    row = _sides(text)
    for place, (side, _) in enumerate(row):
        if not side:
            continue
        for other, (again, _) in enumerate(row[place + 1 : place + 2 + REACH], place + 1):
            between = [word for _, word in row[place + 1 : other]]
            if again and again != side and (not between or (between[-1] in _ONTO and _one_structure(between))):
                return True
            if again:
                break
    return False


def untold(text: str) -> bool:
    """Whether a side is pointed at and not said: "the kidney on the painful side", "the lung opposite"."""
    return _UNTOLD.search(" ".join(w.folded for w in words(text))) is not None


def _one_structure(between: list[str]) -> bool:
    if "|" in between:
        return False
    nouns = [w for w in between if w not in _ONTO]
    if not nouns:
        return "lado" in between
    return lexicon().named(" ".join(nouns)) is not None


def _sides(text: str) -> list[tuple[str, str]]:
    """(side, word) of each word; punctuation and coordinators end the row with a side of their own."""
    row: list[tuple[str, str]] = []
    for word in words(text):
        if word.folded in PUNCTUATION or word.folded in grammar().coordinators or word.folded in {"or", "oder", "o"}:
            row.append(("", "|"))
            continue
        role = cues().roles.get((word.folded,))
        row.append((role if role in {"left", "right"} else "", word.folded))
    return row


def side_of_earlier(text: str, questions: tuple[str, ...], found: tuple[str, ...]) -> str:
    """The target of "and the left one?": the last paired structure that was asked for, on this side; "" without one."""
    sides = {side for side, _ in _sides(text) if side}
    if len(sides) != 1:
        return ""
    asked = [t for q in reversed(questions) for t in reversed(understand(q).targets)]
    paired = [t.concept.text for t in asked if t.concept is not None and t.concept.paired]
    paired += [name.split(" ", 1)[1] for name in reversed(found) if name.split(" ", 1)[0] in {"left", "right"}]
    return f"{sides.pop()} {paired[0]}" if paired else ""
