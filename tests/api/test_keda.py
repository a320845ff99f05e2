"""The example for KEDA asks for metrics that `/metrics` has, and the documentation names them all."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.metrics.endpoints import _COUNTERS
from api.metrics.scaling import GAUGES
from domain.study import Priority

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "keda"
FILES = sorted(FOLDER.glob("*.yaml"))
DOCUMENT = FOLDER.parents[1] / "docs" / "scaling.md"


def objects() -> list[Any]:
    return [pytest.param(found, id=path.name) for path in FILES for found in yaml.safe_load_all(path.read_text())]


@pytest.mark.parametrize("found", objects())
def test_a_scaled_object_is_whole_and_asks_for_metrics_that_exist(found: dict[str, Any]) -> None:
    assert (found["apiVersion"], found["kind"]) == ("keda.sh/v1alpha1", "ScaledObject")
    spec = found["spec"]
    assert spec["scaleTargetRef"]["name"]
    assert 0 <= spec["minReplicaCount"] <= spec["maxReplicaCount"]
    assert spec["fallback"]["failureThreshold"] > 0
    assert len({trigger["name"] for trigger in spec["triggers"]}) == len(spec["triggers"])
    known = {*GAUGES, *(f"medimage_endpoint_{name}_total" for name in _COUNTERS)}
    for trigger in spec["triggers"]:
        assert trigger["type"] == "prometheus"
        assert trigger["metricType"] in {"AverageValue", "Value"}
        assert float(trigger["metadata"]["threshold"]) > 0
        assert trigger["metadata"]["serverAddress"].startswith("http")
        query = trigger["metadata"]["query"]
        names = set(re.findall(r"medimage_\w+", query))
        assert names
        assert names <= known
        assert set(re.findall(r'priority="(\w+)"', query)) <= set(Priority)


def test_there_is_an_example() -> None:
    assert FILES


def test_every_gauge_is_described_and_nothing_else() -> None:
    named = set(re.findall(r"medimage_\w+", DOCUMENT.read_text(encoding="utf-8")))
    assert named - {"medimage_endpoint_"} == set(GAUGES)
