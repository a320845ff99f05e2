"""Bodies about how the installation does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from domain.study import Priority
from jobs.scaling_figures import EndpointFigures, Figures
from records.job_workers import Seen
from records.queue_figures import QueueFigures
from records.statistics import Statistics


class QueueView(BaseModel):
    """Jobs of one priority that wait."""

    priority: Priority
    waiting: int
    oldest_wait_s: float
    paused: bool


class WorkerView(BaseModel):
    """One process that works on jobs."""

    worker_id: str
    host: str
    version: str
    slots: int
    quiet_s: float = Field(description="Since its last heartbeat.")
    draining: bool


class QuotaView(BaseModel):
    """What a day may use of an endpoint, all workers together."""

    kind: str = Field(examples=["requests", "cost"])
    used: float
    limit: float
    alerted: float = Field(description="The highest share of the limit that was told; 0 for none.")


class EndpointView(BaseModel):
    """One endpoint since this process started; limits and quotas over all workers."""

    name: str
    requests: int
    failures: int
    retries: int
    cache_hits: int
    cost: float = Field(description="In the currency of the configured prices.")
    p50_s: float | None = Field(description="Of answers; null before the first.")
    p95_s: float | None
    in_flight: int | None = Field(description="Null where limits are not shared.")
    limit: int | None
    waiting: int | None
    quotas: list[QuotaView]


class MonthOfFeedback(BaseModel):
    """Feedback of one month and kind."""

    month: str = Field(examples=["2026-11"])
    kind: str
    count: int


class Count(BaseModel):
    """How many of something."""

    name: str
    count: int


class OperationsView(BaseModel):
    """Everything at one moment."""

    queues: list[QueueView]
    running: int
    per_hour: float = Field(description="Jobs that ended, over the last ten minutes.")
    arriving_per_hour: float
    mean_s: float | None = Field(description="Of an undisturbed run; null without one.")
    advised_workers: int | None = Field(description="To work off the queue; null where nothing is known.")
    workers: list[WorkerView]
    endpoints: list[EndpointView]
    analyses: list[Count] = Field(description="By status.")
    reviews: list[Count] = Field(description="Acts of reviewers.")
    reviewed: int = Field(description="Analyses that a person acted on.")
    edited: int = Field(description="Of these, with a corrected sentence or impression.")
    feedback: list[MonthOfFeedback]
    feedback_targets: list[Count]


def operations_view(
    queue: QueueFigures,
    paused: frozenset[Priority],
    workers: tuple[Seen, ...],
    traffic: Mapping[str, Mapping[str, Any]],
    figures: Figures | None,
    statistics: Statistics,
) -> OperationsView:
    """The wire form."""
    shared = figures.endpoints if figures is not None else {}
    return OperationsView(
        queues=[
            QueueView(
                priority=priority,
                waiting=queue.waiting.get(priority, 0),
                oldest_wait_s=queue.oldest_wait_s(priority),
                paused=priority in paused,
            )
            for priority in Priority
        ],
        running=queue.running,
        per_hour=3600 * queue.per_s,
        arriving_per_hour=3600 * queue.arrivals_per_s,
        mean_s=queue.mean_s,
        advised_workers=figures.advised_workers if figures is not None else None,
        workers=[_worker(seen) for seen in workers],
        endpoints=[_endpoint(name, traffic.get(name, {}), shared.get(name)) for name in sorted({*traffic, *shared})],
        analyses=_counts(statistics.by_status),
        reviews=_counts(statistics.reviews),
        reviewed=statistics.reviewed,
        edited=statistics.edited,
        feedback=[MonthOfFeedback(month=month, kind=kind, count=n) for (month, kind), n in statistics.feedback.items()],
        feedback_targets=_counts(statistics.targets),
    )


def _worker(seen: Seen) -> WorkerView:
    facts = seen.facts
    return WorkerView(
        worker_id=facts.worker_id,
        host=facts.host,
        version=facts.version,
        slots=facts.slots,
        quiet_s=seen.quiet_s,
        draining=seen.draining,
    )


def _endpoint(name: str, counters: Mapping[str, Any], shared: EndpointFigures | None) -> EndpointView:
    latency = counters.get("latency", {})
    known = bool(latency.get("count"))
    quotas = shared.quota.items() if shared is not None else ()
    return EndpointView(
        name=name,
        requests=counters.get("requests", 0),
        failures=counters.get("failures", 0),
        retries=counters.get("retries", 0),
        cache_hits=counters.get("cache_hits", 0),
        cost=counters.get("cost", 0.0),
        p50_s=latency["p50_s"] if known else None,
        p95_s=latency["p95_s"] if known else None,
        in_flight=shared.in_flight if shared is not None else None,
        limit=shared.limit if shared is not None else None,
        waiting=shared.waiting if shared is not None else None,
        quotas=[QuotaView(kind=kind, used=q.used, limit=q.limit, alerted=q.alerted) for kind, q in quotas],
    )


def _counts(found: Mapping[str, int]) -> list[Count]:
    return [Count(name=name, count=count) for name, count in found.items()]
