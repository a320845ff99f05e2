"""Targets that nobody named: those of a protocol, and those that a number is measured from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from prompts.lexicon import lexicon
from prompts.protocols import Protocol
from prompts.question.understanding import AskedTarget, Question

HEART_SIZE = ("heart", "left lung", "right lung")
"""What the cardiothoracic ratio is measured from on a frontal chest radiograph (Danzer 1919)."""


@dataclass(frozen=True)
class Wanted:
    """A target, the text that is sent for it, and why."""

    target: AskedTarget
    text: str
    reason: str


def of_protocol(protocol: Protocol, question: Question) -> list[Wanted]:
    """A protocol's targets but those that the question excludes, on any side."""
    reason = f"protocol {protocol.name} ({protocol.level}; {protocol.basis})"
    excluded = {*question.excluded}
    return [_default(name, reason) for name in protocol.targets if not {name, name.split(" ", 1)[-1]} & excluded]


def for_heart_size(question: Question, wanted: Sequence[Wanted], modality: str, view: str) -> list[Wanted]:
    """What the cardiothoracic ratio needs, when a frontal radiograph is asked for it or for the heart's size.

    An outline of the heart alone is an outline of the heart alone.
    """
    frontal = lexicon().family(modality) == "XR" and view.upper() not in {"LL", "RL", "LAT", "LATERAL"}
    heart = any(w.target.text == "heart" for w in wanted if not w.reason.startswith("protocol"))
    asks = "cardiothoracic_ratio" in question.measurements or (heart and bool(question.measurements))
    if not frontal or not asks:
        return []
    needed = (name for name in HEART_SIZE if name not in question.excluded)
    return [_default(name, "needed for the cardiothoracic ratio") for name in needed]


def _default(name: str, reason: str) -> Wanted:
    return Wanted(_canonical(name), name, reason)


def _canonical(name: str) -> AskedTarget:
    concept, side = lexicon().concepts.get(name), ""
    if concept is None:
        side, _, base = name.partition(" ")
        concept = lexicon().concepts[base]
    return AskedTarget(name, side, concept.kind, concept.category.value, True, "", concept)
