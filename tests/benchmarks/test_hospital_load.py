"""The load of the simulated hospital is what its sources say."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.hospital.arrivals import HOUR_S, Mix, day
from benchmarks.hospital.casemix import KINDS, ORDERED, SHARES
from benchmarks.hospital.curves import HOURLY, Patients, sites, volumes
from benchmarks.hospital.curves import SHARES as PATIENTS
from domain.study import Priority

EMERGENCY = HOURLY[Patients.EMERGENCY]


def test_emergency_arrivals_have_the_published_shape() -> None:
    assert sum(EMERGENCY[9:18]) / sum(EMERGENCY) == pytest.approx(0.6, abs=0.03)
    assert EMERGENCY.index(max(EMERGENCY)) in (10, 11)
    assert min(EMERGENCY) in EMERGENCY[3:6]


def test_a_day_s_busiest_hour_has_a_tenth_of_it() -> None:
    hours = Counter(int(study.arrival // HOUR_S) for study in day(Mix(20_000, batch=False)))
    assert 0.08 < max(hours.values()) / hours.total() < 0.15


def test_ct_is_done_out_of_hours_too() -> None:
    ct = [study.arrival / HOUR_S for study in day(Mix(20_000, batch=False)) if study.kind.name == "CT"]
    assert sum(not 8 <= hour < 17 for hour in ct) / len(ct) == pytest.approx(0.40, abs=0.06)


def test_modalities_are_those_of_a_country() -> None:
    kinds = Counter(study.kind.name for study in day(Mix(20_000, batch=False)))
    films = kinds["chest film"] + kinds["other film"]
    assert 0.5 < films / kinds.total() < 0.62
    assert kinds["ultrasound"] > kinds["CT"] > kinds["MR"]
    assert kinds["ultrasound"] / kinds["MR"] == pytest.approx(912 / 324, rel=0.2)


def test_shares_add_up() -> None:
    assert sum(PATIENTS.values()) == pytest.approx(1)
    for patients in Patients:
        assert sum(SHARES[patients]) == pytest.approx(1)
        assert len(SHARES[patients]) == len(KINDS)
        assert sum(ORDERED[patients]) == pytest.approx(1)


@pytest.mark.parametrize("studies", [1, 7, 1000, 12_345])
@pytest.mark.parametrize("count", [1, 3, 9])
def test_sites_share_all_studies(studies: int, count: int) -> None:
    assert sum(volumes(sites(count), studies).values()) == studies
    assert len(day(Mix(studies, count))) == studies


def test_research_comes_at_night_all_at_once_and_is_never_urgent() -> None:
    research = [study for study in day(Mix(2000)) if study.priority is Priority.RESEARCH]
    assert len(research) == 200
    assert {study.arrival for study in research} == {HOUR_S}


def test_some_routine_orders_are_raised_by_their_indication() -> None:
    # Outpatients are never ordered STAT: what is STAT at a centre that has no others was raised.
    stat = [s for s in day(Mix(20_000)) if s.waiting.site == "outpatient-1" and s.priority is Priority.STAT]
    assert stat


def test_a_window_is_a_part_of_the_same_day() -> None:
    whole = [s.arrival for s in day(Mix(3000)) if 9 * HOUR_S <= s.arrival < 10 * HOUR_S]
    assert [s.arrival for s in day(Mix(3000, window=(9, 10)))] == whole


def test_a_hospital_may_order_everything_stat() -> None:
    clinical = [s.priority for s in day(Mix(10_000, stat=0.65)) if s.priority is not Priority.RESEARCH]
    assert clinical.count(Priority.STAT) / len(clinical) == pytest.approx(0.65, abs=0.02)
