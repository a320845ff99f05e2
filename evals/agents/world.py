"""A world: the study, priors, record, models and faults around a question. The format is told in worlds.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from domain.history import DocumentKind
from evals.agents.likeness import resolved
from evals.agents.reading import CaseInvalid, one_of, only_keys, parsed, words

WORLDS = Path(__file__).with_name("worlds.yaml")
MODELS = ("medimageparse", "medimageinsight", "cxrreportgen")
FAULTS = ("down", "slow", "garbage once")
TOOLS = (
    "study-describe",
    "prompts-craft",
    "segmentation-segment",
    "segmentation-refine",
    "chest-report",
    "features-classify",
    "quality-assess",
    "measurement-measure",
    "comparison-compare",
    "history-search",
    "evidence-lookup",
    "results-recall",
    "report-compose",
    "delivery-request",
    "dialogue-ask",
    "dialogue-refuse",
)
"""Every tool that the planner has."""
UNNAMED = "Roe^Jordan"
"""Who the patient of a world is that names none."""
_LARGEST_RADIUS = 0.4


@dataclass(frozen=True)
class WorldSeries:
    """One series. Spacing is None where the file carries none; the last four are its other tags of free text."""

    modality: str
    body_part: str
    view: str
    description: str
    slices: int
    rows: int
    columns: int
    pixel_spacing_mm: float | None
    slice_spacing_mm: float | None
    colour: bool = False
    image_type: tuple[str, ...] = ()
    source_format: str = "DICOM"
    protocol: str = ""
    contrast: str = ""
    scanner: str = ""
    institution: str = ""


@dataclass(frozen=True)
class WorldPrior:
    """An earlier study of the same patient, of one series on a grid of 64 × 64."""

    date: date
    modality: str
    body_part: str
    description: str
    slices: int
    pixel_spacing_mm: float | None
    slice_spacing_mm: float | None


@dataclass(frozen=True)
class WorldDocument:
    """One entry of the patient's record."""

    id: str
    kind: DocumentKind
    title: str
    dated: date
    text: str


@dataclass(frozen=True)
class World:
    """What exists around a question.

    Attributes:
        sex, birth_year, patient: of the patient; "" and None for a file without one, where `identified` is False.
            `patient` is the name as DICOM writes it.
        referrer: the referring physician's name.
        series, priors: "series-1" and "prior-1" are the first of each; priors are newest first.
        finds, prior_finds: target to radius as a fraction of the image's width; 0 or absent outlines nothing.
        drafts: sentences of the chest report model.
        faults: tool or model to one of FAULTS.
    """

    name: str
    identified: bool
    sex: str
    birth_year: int | None
    date: date | None
    description: str
    series: tuple[WorldSeries, ...]
    models: tuple[str, ...]
    priors: tuple[WorldPrior, ...] = ()
    history: tuple[WorldDocument, ...] = ()
    finds: Mapping[str, float] = field(default_factory=dict)
    prior_finds: Mapping[str, float] = field(default_factory=dict)
    drafts: tuple[str, ...] = ()
    faults: Mapping[str, str] = field(default_factory=dict)
    patient: str = ""
    referrer: str = ""

    @property
    def series_names(self) -> tuple[str, ...]:
        """As the planner sees them."""
        return tuple(f"series-{number}" for number, _ in enumerate(self.series, 1))

    @property
    def prior_names(self) -> tuple[str, ...]:
        """As the planner sees them, newest first."""
        return tuple(f"prior-{number}" for number, _ in enumerate(self.priors, 1))


@cache
def load_worlds() -> Mapping[str, World]:
    """All worlds by name. Raises CaseInvalid."""
    return read_worlds(WORLDS)


def read_worlds(path: Path) -> Mapping[str, World]:
    """The worlds of one file by name. Raises CaseInvalid."""
    written = parsed(path)
    return MappingProxyType({name: _world(name, resolved(name, written)) for name in written})


_KEYS = {each.name for each in fields(World)} - {"name", "identified", "sex", "birth_year"} | {"patient"}


def _world(name: str, raw: object) -> World:
    given = only_keys(raw, _KEYS, name)
    patient = only_keys(given.pop("patient") or {}, ("sex", "birth_year", "name"), name)
    world = World(
        name=name,
        identified=bool(patient),
        sex=patient.get("sex", ""),
        birth_year=patient.get("birth_year"),
        patient=patient.get("name", UNNAMED) if patient else "",
        referrer=given.get("referrer", ""),
        date=given["date"],
        description=given["description"],
        series=tuple(_part(WorldSeries, each, name) for each in given["series"]),
        models=tuple(one_of(each, MODELS, "model", name) for each in given["models"]),
        priors=tuple(_part(WorldPrior, each, name) for each in given["priors"]),
        history=tuple(_document(each, name) for each in given["history"]),
        finds=_radii(given["finds"], name),
        prior_finds=_radii(given.get("prior_finds", {}), name),
        drafts=words(given.get("drafts"), name),
        faults={
            one_of(key, TOOLS + MODELS, "tool or model", name): one_of(value, FAULTS, "fault", name)
            for key, value in given.get("faults", {}).items()
        },
    )
    _require(bool(world.series), "no series", name)
    _require(
        [each.date for each in world.priors] == sorted((each.date for each in world.priors), reverse=True),
        "priors are not newest first",
        name,
    )
    _require(len({each.id for each in world.history}) == len(world.history), "history ids repeat", name)
    return world


_Part = TypeVar("_Part", WorldSeries, WorldPrior)


def _part(kind: type[_Part], raw: object, where: str) -> _Part:
    given: dict[str, Any] = only_keys(raw, (each.name for each in fields(kind)), where)
    if "image_type" in given:
        given["image_type"] = words(given["image_type"], where)
    try:
        return kind(**given)
    except TypeError as error:
        raise CaseInvalid(f"{kind.__name__}: {error}.", where=where) from error


def _document(raw: object, where: str) -> WorldDocument:
    given = only_keys(raw, (each.name for each in fields(WorldDocument)), where)
    given["kind"] = DocumentKind(one_of(given["kind"], [kind.value for kind in DocumentKind], "kind", where))
    return WorldDocument(**given)


def _radii(raw: Mapping[str, float], where: str) -> Mapping[str, float]:
    for target, radius in raw.items():
        _require(target == target.lower(), f"target {target!r} is not lower case", where)
        _require(0 <= radius <= _LARGEST_RADIUS, f"radius of {target} is outside 0–{_LARGEST_RADIUS}", where)
    return MappingProxyType(dict(raw))


def _require(holds: bool, fault: str, where: str) -> None:
    if not holds:
        raise CaseInvalid(f"{fault[0].upper()}{fault[1:]}.", where=where)
