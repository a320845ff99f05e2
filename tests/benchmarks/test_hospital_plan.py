"""Plans keep their targets and waste little; autoscaling loses nothing; what is counted is counted on the product."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from benchmarks.hospital import needs as needed
from benchmarks.hospital.__main__ import main
from benchmarks.hospital.arrivals import Mix, day
from benchmarks.hospital.day import Day, Death, Scene, sharing
from benchmarks.hospital.estate import Estate, Fleet, Tightness, busiest, sized
from benchmarks.hospital.measure import measure
from benchmarks.hospital.models import MODELS, PARSE3D
from benchmarks.hospital.plan import MOST, Planner, Targets
from benchmarks.hospital.scaling import Autoscaler, past
from benchmarks.hospital.tally import Price, totals

MIX = Mix(8000, batch=False)


def test_a_plan_keeps_its_targets_and_leaves_room() -> None:
    planner = Planner(MIX, Estate(1, {}), Targets())
    plan = planner.search()
    assert not plan.missed
    estate, load = plan.estate, plan.load
    assert load.cores <= MOST * estate.workers * estate.cores
    assert load.slots <= MOST * estate.workers * estate.general
    for name, fleet in estate.fleets.items():
        assert load.busy[name] <= MOST * fleet.instances * MODELS[name].at_once
        assert load.sent[name] <= MOST * fleet.endpoints * estate.limits.bytes_per_s


def test_a_harder_target_needs_no_less() -> None:
    easy = Planner(MIX, Estate(1, {}), Targets()).search().estate
    hard = Planner(MIX, Estate(1, {}), Targets(stat=40, urgent=40, routine=40)).search().estate
    assert hard.instances >= easy.instances
    assert hard.workers >= easy.workers


def test_a_target_that_cannot_be_met_is_said_to_be_missed() -> None:
    plan = Planner(MIX, Estate(1, {}), Targets(stat=0.1)).search()
    assert any("STAT result" in miss for miss in plan.missed)


def test_slower_models_need_more_of_them_and_no_more_cores() -> None:
    mix = Mix(50_000, batch=False)
    usual, slow = (Planner(mix, Estate(1, {}), Targets(), latency=factor).at(0.8).estate for factor in (1.0, 2.0))
    assert slow.fleets[PARSE3D].instances > usual.fleets[PARSE3D].instances
    assert slow.fleets[PARSE3D].endpoints == usual.fleets[PARSE3D].endpoints
    assert slow.workers == usual.workers
    assert slow.general > usual.general


def test_bytes_ask_for_endpoints_and_latency_for_instances() -> None:
    load = busiest(day(Mix(20_000, batch=False)))
    estate = sized(load, Tightness(), Estate(1, {}))
    unlimited = sized(load, Tightness(), Estate(1, {}, limits=replace(estate.limits, bytes_per_s=1e12)))
    assert estate.fleets[PARSE3D].endpoints >= 2
    assert unlimited.fleets[PARSE3D].endpoints <= 2
    assert unlimited.fleets[PARSE3D].instances <= estate.fleets[PARSE3D].instances


@pytest.mark.parametrize(("endpoints", "instances"), [(1, 1), (3, 7), (4, 4)])
def test_instances_are_spread_over_endpoints(endpoints: int, instances: int) -> None:
    split = Fleet(endpoints, instances).split()
    assert sum(split) == instances
    assert max(split) - min(split) <= 1


def test_an_endpoint_without_an_instance_cannot_be() -> None:
    with pytest.raises(ValueError, match="one instance"):
        Fleet(2, 1)


def test_autoscaling_loses_nothing_and_passes_no_limit() -> None:
    mix = Mix(6000, sites=3)
    load = busiest(day(mix))
    estate = replace(sized(load, Tightness(0.95, 0.8), Estate(1, {}, 2)), workers=2)
    one = Day(Scene(mix, estate, limits=sharing(mix.sites), deaths=(Death(10.5),)))
    scaler = Autoscaler(one, past(mix), load)
    found = totals(one.run(), Price())
    assert scaler.changes > 0
    assert (found.lost, found.failed, found.done) == (0, 0, mix.studies)
    assert all(fleet.over == 0 for fleet in found.models.values())
    assert found.steps == sum(2 + len(study.kind.calls) for study in one.studies)
    # What was given up is not paid for.
    assert len({worker.number for worker in one.crew.workers}) > 2
    assert found.worker_hours < 24 * len(one.crew.workers)


def test_a_forecast_knows_night_from_noon() -> None:
    demand = past(Mix(5000))
    assert demand.expect(10).mean > 3 * demand.expect(4).mean


def test_needs_grow_with_the_studies() -> None:
    studies = day(Mix(1000))
    one, ten = (needed.needs(studies, count / 40_000, 2, count) for count in (1000, 10_000))
    assert ten.artifacts_bytes == pytest.approx(10 * one.artifacts_bytes)
    assert ten.statements_a_study == one.statements_a_study


def test_statements_of_a_job_are_those_that_the_product_sends() -> None:
    counted = asyncio.run(measure(jobs=4, steps=3))
    for told, found in (
        (needed.ENQUEUE, counted.enqueue),
        (needed.CLAIM, counted.claim),
        (needed.REPORT, counted.report),
        (needed.FINISH, counted.finish),
        (needed.WORKFLOW, counted.workflow),
        (needed.STEP, counted.step),
    ):
        # Enough to notice when the product changes; not so much that a statement more is a failure.
        assert found == pytest.approx(told, rel=0.5, abs=2)


def test_the_command_plans(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--plan", "4000"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in (*MODELS, "workers", "database", "storage", "latency"))


def test_a_plan_is_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--plan", "2000", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["missed"] == []
