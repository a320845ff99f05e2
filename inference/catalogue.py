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
from inference.volume_models import LocalVolumeModel, VolumeModel

_FILE = Path(__file__).with_name("catalogue.json")
CONTRACT = "MedImageParse 2D"


@dataclass(frozen=True)
class CatalogueRow:
    """What a reader should know about a model before believing it.

    Attributes:
        available: it can be asked in this set-up.
    """

    name: str
    contract: str
    modalities: tuple[str, ...]
    targets: tuple[str, ...]
    licence: str
    intended_use: str
    research_use: str
    available: bool = True


Model = SegmentationModel | VolumeModel


@dataclass(frozen=True)
class Candidate:
    """A model that may answer, with what is known of the target and why it stands where it stands."""

    model: Model
    known: KnownTarget | None
    reason: str


class Catalogue:
    """The models of this set-up, configured endpoints before embedded models.

    The caller asks the first candidate, and on a failure the next one, and records why.

    Args:
        endpoints, embedded: models of single images.
        volumes, embedded_volumes: models that take a whole series at once.
    """

    def __init__(
        self,
        endpoints: Sequence[SegmentationModel],
        embedded: Sequence[SegmentationModel] = (),
        *,
        volumes: Sequence[VolumeModel] = (),
        embedded_volumes: Sequence[VolumeModel] = (),
    ) -> None:
        self._endpoints = tuple(endpoints)
        self._embedded = tuple(embedded)
        self._volumes = tuple(volumes)
        self._embedded_volumes = tuple(embedded_volumes)

    @property
    def models(self) -> tuple[Model, ...]:
        """All models, in the order of preference."""
        return (*self._endpoints, *self._volumes, *self._embedded, *self._embedded_volumes)

    def rows(self) -> tuple[CatalogueRow, ...]:
        """One row for each different model; after them those that could be configured."""
        here = {row.name: row for row in map(row_of, self.models)}
        return (*here.values(), *(row for row in described() if row.name not in here))

    def candidates(
        self, modality: str, target: str, region: str = "", *, volumetric: bool = False
    ) -> tuple[Candidate, ...]:
        """Models to ask, best first: endpoints that know the target, other endpoints, embedded models that know it.

        Args:
            volumetric: the images are a volume with even slices in the patient, as models of volumes need.
        """
        ordered = _known_first(self._endpoints, modality, target, region)
        local = _known_first(self._embedded, modality, target, region)
        if volumetric:
            ordered += _known_first(self._volumes, modality, target, region)
            local += _known_first(self._embedded_volumes, modality, target, region)
        return (*ordered, *(c for c in local if c.known))

    def select(
        self, modality: str, target: str, region: str = "", *, volumetric: bool = False
    ) -> tuple[Candidate, ...]:
        """`candidates`, of which there is at least one.

        Raises:
            ModelUnavailable: no model here answers this.
        """
        found = self.candidates(modality, target, region, volumetric=volumetric)
        if not found:
            raise unavailable(modality, target)
        return found


def unavailable(modality: str, target: str) -> ModelUnavailable:
    """The error that says what to configure."""
    return ModelUnavailable(
        f"{target.casefold()!r} on {modality} is not available on this machine; configure an endpoint.",
        remedy="Set MEDIMAGE_MODELS__MEDIMAGEPARSE__ENDPOINTS to a MedImageParse endpoint.",
    )


def _known_first(models: Iterable[Model], modality: str, target: str, region: str) -> list[Candidate]:
    asked = [model for model in models if model.accepts(modality, target)]
    candidates = [Candidate(model, model.known(modality, target, region), "") for model in asked]
    candidates.sort(key=lambda candidate: candidate.known is None)
    return [Candidate(c.model, c.known, _reason(c.model, c.known)) for c in candidates]


def _reason(model: Model, known: KnownTarget | None) -> str:
    kind = "embedded model" if isinstance(model, EmbeddedModel | LocalVolumeModel) else "configured endpoint"
    if known is None:
        return f"{kind} {model.identity.name}; the target is not among its evaluated ones"
    if known.published_dice is None:
        return f"{kind} {model.identity.name}; the target is one of its own"
    return (
        f"{kind} {model.identity.name}; published mean Dice {known.published_dice:.3f} on {known.cases} images "
        f"({known.modality}, {known.site})"
    )


def row_of(model: Model) -> CatalogueRow:
    """The facts about a model; one that is in no table has only its name.

    MedImageParse's targets are its published ones: it takes any text.
    """
    if isinstance(model, EmbeddedModel | LocalVolumeModel):
        card = model.card
        return CatalogueRow(
            card.name,
            card.contract,
            card.modalities,
            tuple(card.targets),
            card.licence,
            card.intended_use,
            str(_facts()["embedded_research_use"]),
        )
    found = next((row for row in _facts()["models"] if row["name"] == model.identity.name), None)
    if found is not None:
        names = tuple(sorted({known.target for known in all_targets()})) if isinstance(model, MedImageParse) else ()
        return CatalogueRow(targets=names, **{**found, "modalities": tuple(found["modalities"])})
    unknown = "Not stated."
    return CatalogueRow(model.identity.name, CONTRACT, (), (), unknown, unknown, unknown)


def described() -> tuple[CatalogueRow, ...]:
    """Microsoft's models whose contracts are described here, as if none were configured."""
    rows = _facts()["models"]
    return tuple(
        CatalogueRow(targets=(), available=False, **{**row, "modalities": tuple(row["modalities"])}) for row in rows
    )


@cache
def _facts() -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(_FILE.read_text("utf-8"))
    return facts
