"""A hospital's day keeps its promises: nothing lost, nothing twice, no limit passed, STAT at once, and repeatable."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache

import pytest

from benchmarks.hospital.__main__ import main, outage, targets
from benchmarks.hospital.arrivals import DAY_S, HOUR_S, Mix, day
from benchmarks.hospital.day import Day, Death, Outage, Scene, sharing
from benchmarks.hospital.estate import Estate, Tightness, busiest, sized
from benchmarks.hospital.models import CXR, PARSE, PARSE3D, Faults
from benchmarks.hospital.rules import RULES
from benchmarks.hospital.tally import Price, Totals, totals
from domain.study import Priority
from jobs.scheduling.policy import Choice, Slot, choose
from jobs.workers.attempt import Patience

MIX = Mix(3000)
TROUBLE = Faults(0.02, 0.02, 0.002)


def scene(rule: str = "product", *, tight: float = 0.95, mix: Mix = MIX, general: int = 1, **more: object) -> Scene:
    estate = sized(busiest(day(mix)), Tightness(tight, 0.8), Estate(1, {}, general))
    outages, deaths = (Outage(PARSE), Outage(CXR, 9, 10)), (Death(2.0), Death(10.5))
    estate = replace(estate, workers=max(2, estate.workers))
    made = Scene(mix, estate, rule, sharing(mix.sites), TROUBLE, outages=outages, deaths=deaths)
    return replace(made, **more)  # type: ignore[arg-type]


@cache
def played(rule: str) -> Totals:
    return totals(Day(scene(rule)).run(), Price())


@pytest.mark.parametrize("rule", list(RULES))
def test_with_all_that_goes_wrong_every_study_has_one_result(rule: str) -> None:
    found = played(rule)
    assert found.lost == 0
    assert found.failed == 0
    assert found.done == found.studies == MIX.studies
    assert sum(line.studies for line in found.lines) == MIX.studies


@pytest.mark.parametrize("rule", list(RULES))
def test_no_endpoint_is_asked_more_than_it_allows(rule: str) -> None:
    assert [fleet.over for fleet in played(rule).models.values()] == [0] * 4


def test_outages_deaths_and_faults_do_happen() -> None:
    found = played("product")
    assert found.resumed > 0
    assert found.parked > 0
    assert sum(fleet.retries for fleet in found.models.values()) > 0
    assert {"429", "500", "503", "time-out"} == {name for f in found.models.values() for name in f.failed}


def test_counts_are_conserved() -> None:
    found = played("product")
    # A start for each study, each time that one waited, and each one that was taken over.
    assert found.claims == found.studies + found.parked + found.resumed
    # Every step is on record once: preparation, calls, the end.
    assert found.steps == sum(2 + len(study.kind.calls) for study in day(MIX))
    for fleet in found.models.values():
        assert sum(fleet.failed.values()) >= fleet.retries


def test_at_every_moment_slots_calls_and_promises_are_kept() -> None:
    one = Day(scene(mix=Mix(800)))
    estate = one.scene.estate
    while not one.over and one.clock.step():
        waiting = one.crew.lines.waiting
        # STAT waits only where no slot of any living worker may take it, anything else only without a general one.
        assert not (waiting[Priority.STAT] and one.crew.free_for_stat)
        assert not (len(one.crew.lines) and one.crew.free_general)
        for worker in one.crew.open_workers:
            slots = Counter(worker.running.values())
            assert slots[Slot.GENERAL] + worker.general == estate.general
            assert slots[Slot.RESERVED] + worker.reserved == estate.reserved
            assert all(study.priority is Priority.STAT for study, s in worker.running.items() if s is Slot.RESERVED)
        for pool in one.pools.values():
            assert all(0 <= route.limiter.in_flight <= route.limiter.concurrency for route in pool.routes)


def test_stat_starts_within_a_second_where_a_reserved_slot_is_free() -> None:
    late: list[float] = []
    quiet = scene(deaths=())
    one = Day(quiet)
    free_before = True
    known: dict[str, bool] = {}
    queue = one.crew.queue

    def watched(study: object) -> None:
        nonlocal free_before
        free_before = any(worker.reserved > 0 and worker.open for worker in one.crew.workers)
        known[study.waiting.job_id] = free_before  # type: ignore[attr-defined]
        queue(study)  # type: ignore[arg-type]

    one.crew.queue = watched  # type: ignore[method-assign]
    one.run()
    for study in one.studies:
        if study.priority is Priority.STAT and known[study.waiting.job_id] and not study.waits:
            late.append(study.started - study.arrival)
    assert len(late) > 100
    assert max(late) <= 1.0


def test_the_product_s_rule_is_the_one_that_workers_ask() -> None:
    assert RULES["product"].pick is choose
    chosen: list[Choice] = []
    one = Day(scene(mix=Mix(300)), watch=chosen.append).run()
    assert len(chosen) == one.claims


def test_a_seed_is_a_day() -> None:
    first, again, other = (totals(Day(scene(mix=Mix(500, seed=seed))).run(), Price()) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_the_work_is_the_same_under_every_rule() -> None:
    assert played("product").steps == played("fifo").steps == played("strict").steps


def test_in_a_tight_day_the_rule_keeps_stat_quick_and_starves_nobody() -> None:
    mix = Mix(6000, stat=0.3)
    found = {}
    for rule in RULES:
        found[rule] = totals(Day(scene(rule, tight=1.4, mix=mix, outages=(), deaths=())).run(), Price())
    start = {
        (rule, priority): line.start for rule in RULES for priority in Priority if (line := found[rule].line(priority))
    }
    assert start["fifo", Priority.STAT].p99 > 10 * start["product", Priority.STAT].p99
    assert 10 * start["product", Priority.STAT].p95 < start["strict", Priority.STAT].p95
    assert start["product", Priority.RESEARCH].longest < DAY_S


def test_a_worker_s_death_costs_seconds_not_the_study() -> None:
    one = Day(scene(outages=(), deaths=(Death(1.1),), faults=Faults(0, 0, 0))).run()
    assert one.resumed > 0
    again = [study for study in one.studies if study.attempt > 1]
    assert len(again) == one.resumed
    assert all(study.results == 1 for study in again)


def test_while_the_only_endpoint_is_down_jobs_wait_and_give_their_slots_back() -> None:
    one = Day(scene(outages=(Outage(PARSE3D, 11, 30),), faults=Faults(0, 0, 0), deaths=()))
    waited = []
    while not one.over and one.clock.step():
        if 11.2 * HOUR_S < one.clock.now < 11.4 * HOUR_S:
            waited.append(one.crew.running)
    assert one.parked > 0
    assert one.lost == 0
    assert min(waited) < 2 * one.scene.estate.workers


def test_an_outage_is_over_for_all_when_the_model_answers_one() -> None:
    one = Day(scene(outages=(Outage(PARSE3D, 11, 30),), faults=Faults(0, 0, 0), deaths=()))
    during, after = [], []
    while not one.over and one.clock.step():
        if 11.3 * HOUR_S < one.clock.now < 11.5 * HOUR_S:
            during.append(one.waiting_for_models)
        elif one.clock.now > 11.5 * HOUR_S + Patience().probe_s + 120:
            after.append(one.waiting_for_models)
    assert max(during) > 1
    assert after
    assert max(after) == 0


def test_the_command_prints_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--studies", "400"]) == 0
    printed = capsys.readouterr().out
    assert all(rule in printed for rule in RULES)
    assert "failed / lost or done twice" in printed


def test_json_is_all_that_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    import json

    assert main(["--studies", "300", "--policy", "product", "--json", "--outage", "none"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["days"]
    assert found["done"] == 300


def test_outages_and_targets_are_read() -> None:
    assert outage("none") == ()
    assert outage("CXRReportGen@9+5") == (Outage(CXR, 9.0, 5.0),)
    assert targets("stat=30").stat == 30
    for wrong in ("x@1+1", "CXRReportGen@a+1"):
        with pytest.raises(Exception, match=r"model|MODEL"):
            outage(wrong)
    with pytest.raises(Exception, match="stat_start"):
        targets("never=1")
