"""When studies come, by kind of patient, and which patients a site has.

No hourly table of imaging orders is published openly, so the hourly weights below are drawn here. They are held
(by tests) to what is published:

- Emergency: close to 60 % of attendances arrive from 9 to 18 h, and the pattern is stable over years (HSCIC, England,
  March 2012 to February 2013: healthcareleadernews.com/news/most-ae-attendances-in-work-hours). The top is between 10
  and 12 h (NHS Digital, Hospital Accident and Emergency Activity 2019/20, of Mondays). The second top in
  the evening that Karas saw (JACEP 1977, doi:10.1016/s0361-1124(77)80241-4) is a shoulder here.
- All of a hospital: 10.1 % of a day's images come in the busiest hour, single days have an hour of 15 % (Wilson and
  Smith, Proc. SPIE 2165, 1994, doi:10.1117/12.174369).
- 40 % of CT is done outside 8 to 17 h of weekdays (Carroll, Acad Radiol 2003, doi:10.1016/s1076-6332(03)00381-7).

Assumptions: inpatients are imaged before the morning's rounds (portable films at 5 to 7 h) and in the afternoon;
outpatients by appointment, 7 to 19 h; research is queued by a nightly job, all at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Patients(StrEnum):
    """Kinds of patients, as far as the hour of their imaging differs."""

    EMERGENCY = "emergency"
    INPATIENT = "inpatient"
    OUTPATIENT = "outpatient"
    RESEARCH = "research"


HOURLY: Mapping[Patients, Sequence[float]] = {
    Patients.EMERGENCY: (
        *(2.0, 1.6, 1.4, 1.2, 1.1, 1.2, 1.6, 2.6, 4.2, 6.6, 7.4, 7.3),
        *(6.9, 6.6, 6.3, 6.1, 6.0, 5.9, 5.6, 5.4, 4.8, 3.8, 2.8, 2.1),
    ),
    Patients.INPATIENT: (
        *(1.2, 1.0, 1.0, 1.5, 2.8, 6.5, 6.8, 5.5, 6.5, 7.5, 8.0, 7.5),
        *(5.5, 6.5, 7.0, 6.5, 5.0, 3.5, 2.5, 2.0, 1.8, 1.6, 1.4, 1.3),
    ),
    Patients.OUTPATIENT: (
        *(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.5, 9.5, 12.5, 13.0, 12.0),
        *(6.5, 9.5, 11.5, 10.0, 6.5, 3.0, 1.5, 1.0, 0.0, 0.0, 0.0, 0.0),
    ),
}
"""Weights of the hours 0 to 23. RESEARCH has none: it comes at `BATCH_HOUR`."""
BATCH_HOUR = 1.0

SHARES: Mapping[Patients, float] = {
    Patients.EMERGENCY: 0.30,
    Patients.INPATIENT: 0.20,
    Patients.OUTPATIENT: 0.40,
    Patients.RESEARCH: 0.10,
}
"""Of a day's studies. An assumption: a group of hospitals with its outpatient centres."""


@dataclass(frozen=True)
class Site:
    """A hospital or centre.

    Attributes:
        size: relative to other sites.
        patients: how much of a kind it has, relative to its size.
        shift_h: its day begins so much later.
    """

    name: str
    size: float
    patients: Mapping[Patients, float]
    shift_h: float = 0.0


_TYPES: Sequence[tuple[str, float, Mapping[Patients, float]]] = (
    ("university", 3.0, {Patients.EMERGENCY: 1.0, Patients.INPATIENT: 1.5, Patients.OUTPATIENT: 0.7}),
    ("district", 1.5, {Patients.EMERGENCY: 1.3, Patients.INPATIENT: 0.8, Patients.OUTPATIENT: 0.8}),
    ("outpatient", 1.0, {Patients.EMERGENCY: 0.0, Patients.INPATIENT: 0.0, Patients.OUTPATIENT: 2.0}),
    ("community", 0.7, {Patients.EMERGENCY: 1.2, Patients.INPATIENT: 0.6, Patients.OUTPATIENT: 1.0}),
)
_SHIFTS_H = (0.0, 0.0, -0.5, 0.5)


def sites(count: int) -> list[Site]:
    """So many sites of four types in turn; later ones of a type are smaller. All types are assumptions."""
    if count < 1:
        raise ValueError("at least one site")
    made = []
    for number in range(count):
        name, size, patients = _TYPES[number % len(_TYPES)]
        turn = number // len(_TYPES)
        made.append(Site(f"{name}-{turn + 1}", size / (1 + turn / 2), patients, _SHIFTS_H[number % len(_SHIFTS_H)]))
    return made


def volumes(of: Sequence[Site], studies: int) -> dict[tuple[str, Patients], int]:
    """Studies by site and kind of patient; they add up to `studies`. Research belongs to the first site."""
    wanted: dict[tuple[str, Patients], float] = {}
    for patients, share in SHARES.items():
        weights = {site.name: site.size * site.patients.get(patients, 0.0) for site in of}
        total = sum(weights.values())
        if patients is Patients.RESEARCH or total == 0:
            weights, total = {of[0].name: 1.0}, 1.0
        for name, weight in weights.items():
            wanted[name, patients] = studies * share * weight / total
    counts = {key: int(value) for key, value in wanted.items()}
    rest = sorted(wanted, key=lambda key: (counts[key] - wanted[key], key))
    for key in rest[: studies - sum(counts.values())]:
        counts[key] += 1
    return counts
