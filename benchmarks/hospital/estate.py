"""What the hospital has: workers, and endpoints by model. And what a day's load would need on average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil

from benchmarks.hospital.arrivals import HOUR_S, Study
from benchmarks.hospital.models import MODELS, Limits

STAT_SLOTS = 1
"""Reserved slots of a worker."""


@dataclass(frozen=True)
class Fleet:
    """Endpoints of a model; `instances` of them all together, at least one each."""

    endpoints: int = 1
    instances: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.endpoints <= self.instances:
            raise ValueError("an endpoint has one instance at least")

    def split(self) -> list[int]:
        """Instances of each endpoint."""
        least, more = divmod(self.instances, self.endpoints)
        return [least + (number < more) for number in range(self.endpoints)]


@dataclass(frozen=True)
class Estate:
    """What there is.

    Attributes:
        general, reserved: slots of each worker. cores: of each worker.
    """

    workers: int
    fleets: Mapping[str, Fleet]
    general: int = 8
    reserved: int = STAT_SLOTS
    cores: int = 2
    limits: Limits = field(default_factory=Limits)

    @property
    def instances(self) -> int:
        """GPUs."""
        return sum(fleet.instances for fleet in self.fleets.values())

    def with_fleet(self, model: str, fleet: Fleet) -> Estate:
        """With other endpoints of a model."""
        return replace(self, fleets={**self.fleets, model: fleet})


@dataclass(frozen=True)
class Demanded:
    """What an hour's studies ask for, on average a second.

    Attributes:
        studies: that come. cores: that are busy. slots: that are taken.
        busy: by model, calls in flight. sent: by model, bytes a second. asked: by model, requests a second.
    """

    studies: float
    cores: float
    slots: float
    busy: Mapping[str, float]
    sent: Mapping[str, float]
    asked: Mapping[str, float]


def busiest(studies: Sequence[Study], latency: float = 1.0) -> Demanded:
    """The hour with most studies, research batches aside.

    Args:
        latency: factor on every model's.
    """
    hours: dict[int, list[Study]] = {}
    for study in studies:
        if study.priority.value != "RESEARCH":
            hours.setdefault(int(study.arrival // HOUR_S), []).append(study)
    if not hours:
        hours[0] = list(studies)
    return demanded(max(hours.values(), key=len), HOUR_S, latency)


def demanded(studies: Sequence[Study], seconds: float, latency: float = 1.0) -> Demanded:
    """What studies ask for that come within so many seconds."""
    busy, sent, asked = (dict.fromkeys(MODELS, 0.0) for _ in range(3))
    cores = 0.0
    for study in studies:
        cores += study.kind.cpu_s
        for call in study.kind.calls:
            busy[call.model] += latency * MODELS[call.model].mean_s
            sent[call.model] += call.up + call.down
            asked[call.model] += 1
    for table in (busy, sent, asked):
        for name in table:
            table[name] /= seconds
    cores /= seconds
    return Demanded(len(studies) / seconds, cores, cores + sum(busy.values()), busy, sent, asked)


@dataclass(frozen=True)
class Tightness:
    """How much of what there is the busiest hour takes on average: above 1 the hour cannot be served in time."""

    workers: float = 0.9
    models: float = 0.8


def sized(load: Demanded, tight: Tightness, base: Estate) -> Estate:
    """Workers and endpoints for a load; slots, cores and limits are those of `base`.

    An endpoint more wherever bytes or requests ask for it, and two at least where a second instance is needed anyway:
    then one may be out of order.
    """
    slots = load.slots / (base.general * tight.workers)
    workers = max(1, ceil(max(slots, load.cores / (base.cores * tight.workers))))
    fleets = {name: fleet_for(name, load, tight.models, base.limits) for name in MODELS}
    return replace(base, workers=workers, fleets=fleets)


def fleet_for(model: str, load: Demanded, tight: float, limits: Limits) -> Fleet:
    """Endpoints and instances of one model."""
    instances = max(1, ceil(load.busy[model] / (MODELS[model].at_once * tight)))
    shares = (load.sent[model] / limits.bytes_per_s, load.asked[model] / limits.requests_per_s)
    endpoints = max(1, min(2, instances), *(ceil(share / tight) for share in shares))
    return Fleet(endpoints, max(instances, endpoints))
