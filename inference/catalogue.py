"""Which models are there, what they are for, and which to ask first for a target.

Facts about MedImageParse are rows of `catalogue.json`; those of embedded models come from their cards.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from domain.errors import ModelUnavailable
from domain.model import KnownTarget
from domain.ports import SegmentationModel
from inference.local.in_process import EmbeddedModel
from inference.medimageparse import MedImageParse
from inference.targets import all_targets

_FILE = Path(__file__).with_name("catalogue.json")
CONTRACT = "MedImageParse 2D"


@dataclass(frozen=True)
class CatalogueRow:
    """What a reader should know about a model before believing it."""

    name: str
    contract: str
    modalities: tuple[str, ...]
    targets: tuple[str, ...]
    licence: str
    intended_use: str
    research_use: str


@dataclass(frozen=True)
class Candidate:
    """A model that may answer, with what is known of the target and why it stands where it stands."""

    model: SegmentationModel
    known: KnownTarget | None
    reason: str


class Catalogue:
    """The models of this set-up, configured endpoints before embedded models.

    The caller asks the first candidate, and on a failure the next one, and records why.
    """

    def __init__(self, endpoints: Sequence[SegmentationModel], embedded: Sequence[SegmentationModel] = ()) -> None:
        self._endpoints = tuple(endpoints)
        self._embedded = tuple(embedded)

    @property
    def models(self) -> tuple[SegmentationModel, ...]:
        """All models, in the order of preference."""
        return (*self._endpoints, *self._embedded)

    def rows(self) -> tuple[CatalogueRow, ...]:
        """One row for each different model."""
        return tuple({row.name: row for row in map(row_of, self.models)}.values())

    def candidates(self, modality: str, target: str, region: str = "") -> tuple[Candidate, ...]:
        """Models to ask, best first: endpoints that know the target, other endpoints, embedded models that know it."""
        ordered = [*_known_first(self._endpoints, modality, target, region)]
        ordered += [c for c in _known_first(self._embedded, modality, target, region) if c.known]
        return tuple(ordered)

    def select(self, modality: str, target: str, region: str = "") -> tuple[Candidate, ...]:
        """`candidates`, of which there is at least one.

        Raises:
            ModelUnavailable: no model here answers this.
        """
        found = self.candidates(modality, target, region)
        if not found:
            raise ModelUnavailable(
                f"{target.casefold()!r} on {modality} is not available on this machine; configure an endpoint.",
                remedy="Set MEDIMAGE_MODELS__MEDIMAGEPARSE__ENDPOINTS to a MedImageParse endpoint.",
            )
        return found


def _known_first(models: Iterable[SegmentationModel], modality: str, target: str, region: str) -> list[Candidate]:
    asked = [model for model in models if model.accepts(modality, target)]
    candidates = [Candidate(model, model.known(modality, target, region), "") for model in asked]
    candidates.sort(key=lambda candidate: candidate.known is None)
    return [Candidate(c.model, c.known, _reason(c.model, c.known)) for c in candidates]


def _reason(model: SegmentationModel, known: KnownTarget | None) -> str:
    kind = "embedded model" if isinstance(model, EmbeddedModel) else "configured endpoint"
    if known is None:
        return f"{kind} {model.identity.name}; the target is not among its evaluated ones"
    if known.published_dice is None:
        return f"{kind} {model.identity.name}; the target is one of its own"
    return (
        f"{kind} {model.identity.name}; published mean Dice {known.published_dice:.3f} on {known.cases} images "
        f"({known.modality}, {known.site})"
    )


def row_of(model: SegmentationModel) -> CatalogueRow:
    """The facts about a model; one that is in no table has only its name.

    MedImageParse's targets are its published ones: it takes any text.
    """
    if isinstance(model, EmbeddedModel):
        card = model.card
        return CatalogueRow(
            card.name,
            CONTRACT,
            card.modalities,
            tuple(card.targets),
            card.licence,
            card.intended_use,
            str(_facts()["embedded_research_use"]),
        )
    if isinstance(model, MedImageParse):
        facts = next(row for row in _facts()["models"] if row["name"] == model.identity.name)
        names = tuple(sorted({known.target for known in all_targets()}))
        return CatalogueRow(targets=names, **{**facts, "modalities": tuple(facts["modalities"])})
    unknown = "Not stated."
    return CatalogueRow(model.identity.name, CONTRACT, (), (), unknown, unknown, unknown)


@cache
def _facts() -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(_FILE.read_text("utf-8"))
    return facts
