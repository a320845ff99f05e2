"""The studies of a day, in the order in which they come. The same seed gives the same day, whatever serves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.hospital import casemix
from benchmarks.hospital.casemix import KINDS, Kind
from benchmarks.hospital.curves import BATCH_HOUR, HOURLY, Patients, Site, sites, volumes
from domain.study import Priority
from jobs.scheduling.policy import Waiting
from jobs.scheduling.priority import urgency

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
CALLS = max(len(kind.calls) for kind in KINDS)
_PRIORITIES = tuple(Priority)


@dataclass(slots=True, eq=False)
class Study:
    """One study and its job.

    Attributes:
        luck: standard normal for each call's latency, so that the work is the same under every rule.
        waiting: as the scheduler sees it.
        attempt: how often it was started; the fencing token of all that runs for it.
        stage: steps that are on record: 0 nothing, 1 prepared, then one for each call.
        waits: how often what it needs was down. woken: it was started last because a model answered somebody.
    """

    arrival: float
    priority: Priority
    kind: Kind
    luck: tuple[float, ...]
    waiting: Waiting
    attempt: int = 0
    stage: int = 0
    waits: int = 0
    woken: bool = False
    started: float = -1.0
    results: int = 0
    failed: bool = False


@dataclass(frozen=True)
class Mix:
    """What a day is made of.

    Attributes:
        stat: share of STAT among clinical orders; None takes the mix of `casemix`.
        batch: the nightly research batch comes; else its studies do not exist.
        window: hours of the day of which studies are wanted; planning looks at the busiest ones alone.
    """

    studies: int = 1000
    sites: int = 6
    seed: int = 1
    stat: float | None = None
    batch: bool = True
    window: tuple[float, float] = (0.0, 24.0)


def day(mix: Mix) -> list[Study]:
    """All studies, oldest first."""
    where = sites(mix.sites)
    parts = [
        _of(site, patients, count, mix, number)
        for number, (site, patients, count) in enumerate(_counts(where, mix.studies))
        if count and (mix.batch or patients is not Patients.RESEARCH)
    ]
    rows = [row for part in parts for row in part]
    rows.sort(key=lambda row: row[0])
    return [
        Study(at, priority, kind, luck, Waiting(priority, at, str(number), site, number))
        for number, (at, priority, kind, luck, site) in enumerate(rows)
    ]


_Row = tuple[float, Priority, Kind, tuple[float, ...], str]


def _counts(where: Sequence[Site], studies: int) -> list[tuple[Site, Patients, int]]:
    counts = volumes(where, studies)
    return [(site, patients, counts.get((site.name, patients), 0)) for site in where for patients in Patients]


def _of(site: Site, patients: Patients, count: int, mix: Mix, number: int) -> list[_Row]:
    """Studies of one kind of patient at one site, in no order."""
    chance = np.random.default_rng((mix.seed, number))
    at = _times(chance, patients, count, site.shift_h)
    kinds = chance.choice(len(KINDS), count, p=np.array(casemix.SHARES[patients]))
    ordered = chance.choice(len(_PRIORITIES), count, p=_ordered(patients, mix.stat))
    hidden = chance.random(count) < casemix.HIDDEN
    luck = chance.standard_normal((count, CALLS))
    start, end = (hour * HOUR_S for hour in mix.window)
    wanted = (at >= start) & (at < end)
    columns = (column[wanted].tolist() for column in (at, kinds, ordered, hidden, luck))
    return [
        (time, _priority(_PRIORITIES[order], secret), KINDS[kind], tuple(draws), site.name)
        for time, kind, order, secret, draws in zip(*columns, strict=True)
    ]


def _times(chance: np.random.Generator, patients: Patients, count: int, shift_h: float) -> NDArray[np.float64]:
    """Seconds of the day: by the hour's weight, and evenly within it; a shifted day wraps round midnight."""
    if patients is Patients.RESEARCH:
        return np.full(count, BATCH_HOUR * HOUR_S)
    weights = np.array(HOURLY[patients])
    hours = chance.choice(24, count, p=weights / weights.sum())
    return np.asarray((hours + chance.random(count) + shift_h) % 24 * HOUR_S)


def _ordered(patients: Patients, stat: float | None) -> NDArray[np.float64]:
    shares = np.array(casemix.ORDERED[patients])
    if stat is not None and patients is not Patients.RESEARCH:
        rest = shares[1:] / shares[1:].sum()
        shares = np.array([stat, *(rest * (1 - stat))])
    return shares


@lru_cache
def _priority(ordered: Priority, hidden: bool) -> Priority:
    """What the product makes of an order."""
    indication = casemix.HIDDEN_INDICATION if hidden and ordered is Priority.ROUTINE else ""
    return urgency(casemix.CODES[ordered], indication).priority
