"""Gauges of queue, workers and endpoints, as `jobs.scaling_figures` knows them: what an autoscaler reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from domain.study import Priority
from jobs.scaling_figures import Figures

GAUGES = {
    "medimage_queue_depth": "Queued jobs.",
    "medimage_oldest_wait_seconds": "Wait of the oldest queued job.",
    "medimage_jobs_running": "Jobs under way.",
    "medimage_throughput_per_second": "Jobs that ended, a second, of late.",
    "medimage_arrivals_per_second": "Jobs that came, a second, of late.",
    "medimage_workers": "Workers that live and take jobs.",
    "medimage_recommended_workers": "Workers that would keep up.",
    "medimage_endpoint_in_flight": "Calls in flight, all workers together.",
    "medimage_endpoint_waiting": "Calls that wait for the endpoint, all workers together.",
    "medimage_endpoint_limit": "Calls in flight that the endpoint allows.",
    "medimage_quota_used_ratio": "Used share of the day's quota.",
    "medimage_recommended_instances": "Instances that would keep up, where they can be scaled.",
}
"""Every gauge with what it means."""


class ScalingCollector(Collector):
    """The figures of one moment as Prometheus families."""

    def __init__(self, figures: Figures, instances: Mapping[str, int] | None = None) -> None:
        self._figures = figures
        self._instances = instances or {}

    def collect(self) -> Iterator[Metric]:
        """One family a gauge."""
        queue, endpoints = self._figures.queue, self._figures.endpoints
        yield _by("priority", "medimage_queue_depth", {p.value: queue.waiting.get(p, 0) for p in Priority})
        yield _by("priority", "medimage_oldest_wait_seconds", {p.value: queue.oldest_wait_s(p) for p in Priority})
        yield _one("medimage_jobs_running", queue.running)
        yield _one("medimage_throughput_per_second", queue.per_s)
        yield _one("medimage_arrivals_per_second", queue.arrivals_per_s)
        yield _one("medimage_workers", self._figures.workers)
        yield _one("medimage_recommended_workers", self._figures.advised_workers)
        limited = {name: endpoint for name, endpoint in endpoints.items() if endpoint.limit}
        yield _by("endpoint", "medimage_endpoint_in_flight", {name: e.in_flight for name, e in limited.items()})
        yield _by("endpoint", "medimage_endpoint_waiting", {name: e.waiting for name, e in limited.items()})
        yield _by("endpoint", "medimage_endpoint_limit", {name: e.limit for name, e in limited.items()})
        quota = GaugeMetricFamily(
            "medimage_quota_used_ratio", GAUGES["medimage_quota_used_ratio"], labels=["endpoint", "kind"]
        )
        for name, endpoint in endpoints.items():
            for kind, share in endpoint.quota.items():
                quota.add_metric([name, kind], share)
        yield quota
        yield _by("endpoint", "medimage_recommended_instances", self._instances)


def _one(name: str, value: float) -> Metric:
    return GaugeMetricFamily(name, GAUGES[name], value=value)


def _by(label: str, name: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, GAUGES[name], labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
