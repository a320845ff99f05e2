"""`/metrics`: what calls to models used, and how full the queue is, in Prometheus' text format."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from api.metrics.scaling import ScalingCollector
from api.problems import problems
from api.services import Given
from domain.errors import MedImageError

_logger = logging.getLogger(__name__)

router = APIRouter(tags=["health"], responses=problems(400, 500))

Snapshot = Callable[[], Mapping[str, Mapping[str, Any]]]

_COUNTERS = {
    "requests": "Requests that were sent, tries included.",
    "failures": "Requests that failed.",
    "retries": "Tries after the first one.",
    "cache_hits": "Answers that the result cache gave.",
    "shared": "Answers that another caller's request gave.",
    "bytes_out": "Bytes sent.",
    "bytes_in": "Bytes received.",
    "cost": "Configured price of what was used.",
}
_TIMES = {"latency": "Seconds at the endpoint, a try.", "queue": "Seconds of waiting for limits, a call."}


class TrafficCollector(Collector):
    """The counters of `inference.transport.traffic` as Prometheus families, labelled by endpoint."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        """One family a counter and a histogram a time."""
        endpoints = self._snapshot()
        for name, words in _COUNTERS.items():
            counter = CounterMetricFamily(f"medimage_endpoint_{name}", words, labels=["endpoint"])
            for label, values in endpoints.items():
                counter.add_metric([label], float(values[name]))
            yield counter
        for name, words in _TIMES.items():
            histogram = HistogramMetricFamily(f"medimage_endpoint_{name}_seconds", words, labels=["endpoint"])
            for label, values in endpoints.items():
                times = values[name]
                buckets = [(f"{edge:g}", float(below)) for edge, below in times["buckets"]]
                histogram.add_metric([label], [*buckets, ("+Inf", float(times["count"]))], times["sum_s"])
            yield histogram


@router.get("/metrics", summary="Counters for Prometheus", response_class=Response)
async def metrics(services: Given) -> Response:
    """Requests, failures, retries, bytes, cost, latency and queue time of each endpoint since the start.

    Besides, of all processes: the queue's depth, wait and throughput, what is expected in the next hour, what endpoints
    have in flight and what their day's quotas have left, and how many workers and instances would keep up. While the
    database is away, these are absent.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(TrafficCollector(services.traffic))
    if services.scaling is not None:
        try:
            registry.register(ScalingCollector(await services.scaling.now(), services.instances()))
        except MedImageError as error:
            _logger.warning("The queue's figures cannot be read (%s).", type(error).__name__)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
