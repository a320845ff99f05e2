"""Figures of a queue on record, what follows from them, and how Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

from api.metrics.scaling import GAUGES, ScalingCollector
from domain.access import AccessContext
from domain.ports import JobState
from domain.study import Order, Priority
from inference.transport.allotment import Terms, Wanted
from inference.transport.shared_limits import StoredLimits
from jobs.scaling import Scalable, foreseen, recommended
from jobs.scaling_figures import EndpointFigures, Figures, ScalingFigures, instances_of
from jobs.scaling_forecast import ArrivalForecast, Forecast
from jobs.scheduling.demand import Bounds
from records.audit import AuditLedger
from records.database import Database
from records.endpoint_limits import EndpointLimitRecords
from records.endpoint_quotas import EndpointQuotaRecords
from records.job_rows import NewJob
from records.job_signals import JobSignals
from records.job_tables import JobRow
from records.job_workers import JobWorkers, WorkerFacts
from records.jobs import JobRecords
from records.queue_figures import QueueFigures, queue_figures

NOW = datetime(2031, 3, 1, 12, tzinfo=UTC)


class Clock:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return NOW.timestamp()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def audit(database: Database) -> AuditLedger:
    return AuditLedger(database, Clock(), b"a key for tests")


def new_job(name: str, priority: Priority) -> NewJob:
    return NewJob(name, f"a-{name}", "1.2.3", AccessContext("u", "|P1"), Order(), priority, priority)


def set_job(database: Database, job_id: str, **values: object) -> None:
    database.transact_now(
        lambda session: session.execute(update(JobRow).where(JobRow.job_id == job_id).values(**values))
    )


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


async def filled(audit: AuditLedger) -> None:
    jobs = JobRecords(audit, Clock())
    priorities = [Priority.STAT] * 2 + [Priority.ROUTINE] * 8 + [Priority.RESEARCH] * 5
    await jobs.enqueue_all([new_job(f"j{number}", priority) for number, priority in enumerate(priorities)])
    set_job(audit.database, "j0", queued=ago(30))
    set_job(audit.database, "j2", queued=ago(3000), created=ago(3000))
    for number in range(3, 7):
        set_job(audit.database, f"j{number}", state=JobState.DONE.value, finished=ago(60 * number), seconds=20.0)
    set_job(audit.database, "j7", state=JobState.RUNNING.value)
    set_job(audit.database, "j8", state=JobState.DONE.value, finished=ago(7200), seconds=1000.0)


def exported(figures: Figures, instances: dict[Scalable, int]) -> dict[tuple[str, ...], float]:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ScalingCollector(figures, instances))
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
    }


async def test_figures_of_a_queue(audit: AuditLedger) -> None:
    await filled(audit)
    figures = await queue_figures(audit.database, NOW)
    assert figures.waiting == {Priority.STAT: 2, Priority.ROUTINE: 2, Priority.RESEARCH: 5}
    assert (figures.depth, figures.running, figures.ended) == (9, 1, 4)
    assert figures.oldest_wait_s(Priority.STAT) == 30
    assert figures.oldest_wait_s(Priority.ROUTINE) == 3000
    assert figures.oldest_wait_s(Priority.URGENT) == 0
    assert figures.mean_s == pytest.approx(20)
    assert figures.arrived == 14, "j2 came long ago"


async def test_an_empty_queue_has_figures_too(audit: AuditLedger) -> None:
    figures = await queue_figures(audit.database, NOW)
    assert (figures.depth, figures.per_s, figures.mean_s) == (0, 0.0, None)


async def test_prometheus_reads_every_gauge(audit: AuditLedger) -> None:
    await filled(audit)
    set_job(audit.database, "j0", created=ago(3 * 3600))
    workers = JobWorkers(audit, Clock(), JobSignals(audit.database))
    await workers.beat(WorkerFacts("w", "h", 1, "b", "v", 2))
    limits = StoredLimits(EndpointLimitRecords(audit.database))
    await limits.acquire('MedImageParse ("a\\b")', Terms(8), Wanted("w", 3, (0, 0, 1, 0), 1, 1))
    quotas = EndpointQuotaRecords(audit)
    await quotas.add("other", NOW.date(), {"requests": 25}, {"requests": 100}, (0.2, 1.0))
    await quotas.add("other", NOW.date() - timedelta(days=1), {"requests": 90}, {"requests": 100}, (1.0,))
    forecast = ArrivalForecast(audit.database, Clock(), read_s=30)
    scaling = ScalingFigures(workers, Clock(), limits=limits, quotas=quotas, forecast=forecast, target_s=10)
    figures = await scaling.now()
    found = exported(figures, {Scalable("other", "blue", 1, 8): 3})
    assert {name for name, *_ in found} == set(GAUGES)
    assert found["medimage_queue_depth", "STAT"] == 2
    assert found["medimage_queue_depth", "URGENT"] == 0
    assert found["medimage_oldest_wait_seconds", "STAT"] == 30
    assert found["medimage_forecast_arrivals", "mean"] == 0, "nothing came in the last two whole hours"
    assert found["medimage_forecast_workers",] == 1
    assert found["medimage_endpoint_in_flight", 'MedImageParse ("a\\b")'] == 3
    assert found["medimage_endpoint_limit", 'MedImageParse ("a\\b")'] == 8
    assert found["medimage_quota_used_ratio", "other", "requests"] == 0.25
    assert found["medimage_quota_used", "other", "requests"] == 25
    assert found["medimage_quota_left", "other", "requests"] == 75
    assert found["medimage_quota_alert_ratio", "other", "requests"] == 0.2
    assert found["medimage_instances", "other"] == 3
    assert found["medimage_recommended_instances", "other"] == 2, "nothing is in flight there: fewer, by half"
    assert found["medimage_forecast_instances", "other"] == 1
    assert found["medimage_workers",] == 1
    # 10 jobs of 20 s in 10 s are 20 busy slots and what comes besides, at 80 % load and 2 slots a worker.
    assert found["medimage_recommended_workers",] == 13
    assert await scaling.now() is figures, "read again only after some seconds"
    await scaling.aclose()


def figures_of(depth: int, ended: int, arrived: int = 0) -> QueueFigures:
    return QueueFigures(NOW, {Priority.ROUTINE: depth}, {}, 0, ended, arrived, 10.0, 600)


def test_instances_follow_queue_and_throughput() -> None:
    bounds, busy = Bounds(1, 8, load=1.0), EndpointFigures(8, 8, waiting=4)
    assert instances_of(figures_of(0, 60), busy, 4, bounds) == 1
    assert instances_of(figures_of(90, 60, 60), busy, 2, bounds, target_s=900) == 4, "keeps up with 2, 2 for the queue"
    assert instances_of(figures_of(100_000, 60), busy, 2, bounds) == 8
    assert instances_of(figures_of(500, 0), busy, 2, bounds) == 2, "nothing was measured"
    assert instances_of(figures_of(0, 0), busy, 0, bounds) == 1


def test_what_is_expected_is_provided_for_before_it_comes() -> None:
    """Instances take minutes to begin."""
    busy, of = EndpointFigures(8, 8), Scalable("e", "blue", 1, 16)
    calm = Figures(figures_of(0, 60, 60), {"e": busy}, 1, 1, 1)
    rush = Figures(calm.queue, calm.endpoints, 1, 1, 1, Forecast(mean=1200, high=1440, weeks=4), 5)
    # 60 jobs in 10 min keep 2 busy instances busy: 180 an hour each; at 80 % load 1,440 need 10.
    assert foreseen(rush, {of: 2}) == {"e": 10}
    assert recommended(rush, {of: 2}) == {"e": 4}, "twofold at most at a time"
    assert recommended(calm, {of: 2}) == {"e": 3}
    assert foreseen(calm, {of: 2}) == {}
    unmeasured = Figures(figures_of(5, 0), {}, 1, 1, 1, rush.forecast)
    assert foreseen(unmeasured, {of: 2}) == {}
