"""`/operations`: queues, workers, endpoints, quotas, and what became of drafts."""

from __future__ import annotations

from fastapi import APIRouter

from api.operations.schemas import OperationsView, operations_view
from api.problems import problems
from api.services import Given
from records.job_signals import JobSignals
from records.job_workers import JobWorkers
from records.queue_figures import queue_figures
from records.statistics import StatisticsRecords

router = APIRouter(prefix="/operations", tags=["operations"])


@router.get("", summary="How the installation does", responses=problems(503))
async def read_operations(services: Given) -> OperationsView:
    """At this moment. Counters of endpoints are of this process; `/metrics` of each process gives its own."""
    database = services.audit.database
    crew = JobWorkers(services.audit, services.clock, JobSignals(database))
    return operations_view(
        await queue_figures(database, services.clock.now()),
        await services.queue.paused(),
        await crew.seen(),
        services.traffic(),
        await services.scaling.now() if services.scaling is not None else None,
        await StatisticsRecords(services.audit).read(services.nobody),
    )
