"""Gauges of queue, workers and endpoints, as `jobs.scaling_figures` knows them: what an autoscaler reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from domain.study import Priority
from jobs.scaling import Scalable, foreseen, recommended
from jobs.scaling_figures import EndpointFigures, Figures, QuotaFigures

GAUGES = {
    "medimage_queue_depth": "Queued jobs.",
    "medimage_oldest_wait_seconds": "Wait of the oldest queued job.",
    "medimage_jobs_running": "Jobs under way.",
    "medimage_throughput_per_second": "Jobs that ended, a second, in the last ten minutes.",
    "medimage_arrivals_per_second": "Jobs that came, a second, in the last ten minutes.",
    "medimage_forecast_arrivals": "Jobs expected in the next hour: mean, and the upper end of 95 of 100 such hours.",
    "medimage_workers": "Workers that live and take jobs.",
    "medimage_recommended_workers": "Workers that would keep up with queue and arrivals.",
    "medimage_forecast_workers": "Workers that would keep up with the next hour's upper end.",
    "medimage_endpoint_in_flight": "Calls in flight, all workers together.",
    "medimage_endpoint_waiting": "Calls that wait for the endpoint, all workers together.",
    "medimage_endpoint_limit": "Calls in flight that the endpoint allows.",
    "medimage_quota_used": "What the day has used of its quota.",
    "medimage_quota_left": "What the day's quota has left.",
    "medimage_quota_used_ratio": "Used share of the day's quota.",
    "medimage_quota_alert_ratio": "Highest share of the day's quota that an alert told of.",
    "medimage_instances": "Instances that an endpoint has, where they may be scaled.",
    "medimage_recommended_instances": "Instances that it should have now.",
    "medimage_forecast_instances": "Instances that would keep up with the next hour's upper end.",
}
"""Every gauge with what it means."""

_QUOTAS: Mapping[str, Callable[[QuotaFigures], float]] = {
    "medimage_quota_used": lambda quota: quota.used,
    "medimage_quota_left": lambda quota: quota.left,
    "medimage_quota_used_ratio": lambda quota: quota.ratio,
    "medimage_quota_alert_ratio": lambda quota: quota.alerted,
}


class ScalingCollector(Collector):
    """The figures of one moment as Prometheus families.

    Args:
        instances: that endpoints have, of those that may be scaled.
    """

    def __init__(self, figures: Figures, instances: Mapping[Scalable, int] | None = None) -> None:
        self._figures = figures
        self._instances = instances or {}

    def collect(self) -> Iterator[Metric]:
        """One family a gauge."""
        yield from self._of_queue()
        yield from self._of_workers()
        yield from _of_limits(self._figures.endpoints)
        yield from _of_quotas(self._figures.endpoints)
        has = {of.endpoint: present for of, present in self._instances.items()}
        yield _by("endpoint", "medimage_instances", has)
        yield _by("endpoint", "medimage_recommended_instances", recommended(self._figures, self._instances))
        yield _by("endpoint", "medimage_forecast_instances", foreseen(self._figures, self._instances))

    def _of_queue(self) -> Iterator[Metric]:
        queue, forecast = self._figures.queue, self._figures.forecast
        yield _by("priority", "medimage_queue_depth", {p.value: queue.waiting.get(p, 0) for p in Priority})
        yield _by("priority", "medimage_oldest_wait_seconds", {p.value: queue.oldest_wait_s(p) for p in Priority})
        yield _one("medimage_jobs_running", queue.running)
        yield _one("medimage_throughput_per_second", queue.per_s)
        yield _one("medimage_arrivals_per_second", queue.arrivals_per_s)
        if forecast is not None:
            yield _by("bound", "medimage_forecast_arrivals", {"mean": forecast.mean, "high": forecast.high})

    def _of_workers(self) -> Iterator[Metric]:
        yield _one("medimage_workers", self._figures.workers)
        yield _one("medimage_recommended_workers", self._figures.advised_workers)
        if self._figures.forecast is not None:
            yield _one("medimage_forecast_workers", self._figures.forecast_workers)


def _of_limits(endpoints: Mapping[str, EndpointFigures]) -> Iterator[Metric]:
    limited = {name: endpoint for name, endpoint in endpoints.items() if endpoint.limit}
    yield _by("endpoint", "medimage_endpoint_in_flight", {name: e.in_flight for name, e in limited.items()})
    yield _by("endpoint", "medimage_endpoint_waiting", {name: e.waiting for name, e in limited.items()})
    yield _by("endpoint", "medimage_endpoint_limit", {name: e.limit for name, e in limited.items()})


def _of_quotas(endpoints: Mapping[str, EndpointFigures]) -> Iterator[Metric]:
    for name, value in _QUOTAS.items():
        family = GaugeMetricFamily(name, GAUGES[name], labels=["endpoint", "kind"])
        for label, endpoint in endpoints.items():
            for kind, quota in endpoint.quota.items():
                family.add_metric([label, kind], value(quota))
        yield family


def _one(name: str, value: float) -> Metric:
    return GaugeMetricFamily(name, GAUGES[name], value=value)


def _by(label: str, name: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, GAUGES[name], labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
