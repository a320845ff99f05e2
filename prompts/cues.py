"""The words around a target that say what is wanted with it (question_cues.yaml)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from prompts.data import read_yaml, strings
from prompts.terms import Terms
from prompts.words import fold, phrase

ROLES = (
    "inert",
    "correction",
    "instead",
    "rule_out",
    "outline",
    "leave_out",
    "exclude",
    "absent",
    "left_out_after",
    "past_after",
    "known_after",
    "known",
    "history",
    "both",
    "left",
    "right",
    "assess",
    "but",
)
"""Roles of cue phrases; where a phrase stands under two, the earlier one counts."""


@dataclass(frozen=True)
class Sign:
    """A word that is no structure but asks for some, with numbers ("cardiomegaly")."""

    name: str
    targets: tuple[str, ...]
    measurements: tuple[str, ...]


@dataclass(frozen=True)
class NotImaging:
    """A thing that no image shows; `what` says what it is instead."""

    what: str


@dataclass(frozen=True)
class General:
    """A short name that says what is meant only with the examination: "fluid", "gland".

    Attributes:
        means: concepts of the lexicon, the first that is shown counts.
    """

    name: str
    means: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Cues:
    """All cues; word sets are folded.

    Attributes:
        general: short names that are said of many things: what they mean, for the first that an examination shows.
        examination: words that name an examination together with an organ.
        projection: those of them that say how an image is taken.
        examination_regions: concepts that are the region of an examination named with them.
        indication: complaints and wishes that a protocol answers.
        not_imaging_alone: what no image shows, in a text that says nothing else.
    """

    roles: Terms[str]
    signs: Terms[Sign]
    general: Terms[General]
    not_imaging: Terms[NotImaging]
    measurements: Terms[str]
    count: Terms[str]
    prior: Terms[str]
    modality: Terms[str]
    region: Terms[str]
    symptom: Terms[str]
    examination: Terms[str]
    projection: frozenset[str]
    examination_regions: frozenset[str]
    indication: Terms[str]
    not_imaging_alone: Terms[NotImaging]
    filler: frozenset[str]
    joining: Terms[str]
    stop: frozenset[str]
    not_a_structure: frozenset[str]
    compound_heads: frozenset[str]
    capitals_only: frozenset[str]


@cache
def cues() -> Cues:
    """The cues, read once."""
    raw = read_yaml("question_cues.yaml")
    return Cues(
        roles=_terms({role: raw[role] for role in ROLES}),
        signs=_signs(raw["signs"]),
        general=_general(raw["general"]),
        not_imaging=_not_imaging(raw["not_imaging"]),
        measurements=_terms(raw["measurements"]),
        count=_terms({"count": raw["count"]}),
        prior=_terms({"prior": raw["prior"]}),
        modality=_terms(raw["modality"]),
        region=_terms(raw["region"]),
        symptom=_terms({"symptom": raw["symptom"]}),
        examination=_terms({"examination": raw["examination"]}),
        projection=_folded(raw["projection"]),
        examination_regions=frozenset(strings(raw["examination_regions"])),
        indication=_terms({name: raw[name] for name in ("indication", "overview")}),
        not_imaging_alone=_not_imaging(raw["not_imaging_alone"]),
        filler=_folded(raw["filler"]),
        joining=_terms({"joining": raw["joining"]}),
        stop=_folded(raw["stop"]),
        not_a_structure=_folded(raw["not_a_structure"]),
        compound_heads=_folded(raw["compound_heads"]),
        capitals_only=_folded(raw["capitals_only"]),
    )


def _folded(values: object) -> frozenset[str]:
    return frozenset(w for value in strings(values) for w in (phrase(value) or (fold(value),)))


def _terms(groups: Mapping[str, object]) -> Terms[str]:
    terms: Terms[str] = Terms()
    for name, texts in groups.items():
        terms.add(strings(texts), name)
    return terms


def _signs(raw: Mapping[str, Mapping[str, object]]) -> Terms[Sign]:
    terms: Terms[Sign] = Terms()
    for name, entry in raw.items():
        terms.add(strings(entry["say"]), Sign(name, strings(entry["targets"]), strings(entry["measurements"])))
    return terms


def _general(raw: Mapping[str, Mapping[str, object]]) -> Terms[General]:
    terms: Terms[General] = Terms()
    for name, entry in raw.items():
        terms.add(strings(entry["say"]), General(name, strings(entry["means"])))
    return terms


def _not_imaging(raw: Mapping[str, object]) -> Terms[NotImaging]:
    terms: Terms[NotImaging] = Terms()
    for what, texts in raw.items():
        terms.add(strings(texts), NotImaging(what))
    return terms
