"""What an experiment knows, over HTTP: by site and scanner, with numbers that JSON has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.application import create_app
from api.services import Services
from domain.ports import Wording
from memory.embedder import NgramEmbedder
from memory.learning import Learning, open_learning
from memory.record import Origin

NORTH, SOUTH = Origin("North", "GE", "Revolution"), Origin("South", "Siemens", "Force")


@pytest.fixture
def learning(tmp_path: Path) -> Learning:
    return open_learning(tmp_path / "learned", b"a key of this test only", mode="ab", embedder=NgramEmbedder())


@pytest.fixture
async def taught(services: Services, learning: Learning) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(replace(services, learning=learning)))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        yield client
    learning.close()


async def listed(http: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    reply = await http.get("/api/v1/strategies")
    assert reply.status_code == 200, reply.text
    return {s["name"]: s for s in reply.json()["strategies"]}


async def test_an_experiment_without_studies_has_no_means(taught: httpx.AsyncClient) -> None:
    found = await listed(taught)
    assert {name: s["running"] for name, s in found.items()} == {
        "prompt-advice-ab": True,
        "prompt-advice-shadow": False,
    }
    empty = found["prompt-advice-ab"]
    assert (empty["state"], empty["studies"], empty["strata"]) == ("undecided", 0, [])
    assert (empty["overall"]["mean_baseline"], empty["overall"]["interval"]) == (None, [-1.0, 1.0])


async def test_a_clear_difference_is_found_and_shown_by_site_and_scanner(
    taught: httpx.AsyncClient, learning: Learning
) -> None:
    experiment = learning.running()
    assert experiment is not None
    when = datetime(2026, 5, 1, tzinfo=UTC)
    for number in range(120):
        origin = NORTH if number % 2 else SOUTH
        shown = experiment.shown(f"1.2.{number}", origin, Wording("liver"), Wording("whole liver"))
        value = 0.95 if shown.arm == "candidate" else 0.35
        assert experiment.record(f"1.2.{number}", shown.reason, value, at=when)
    found = (await listed(taught))["prompt-advice-ab"]
    assert found["state"] == "challenger better"
    assert found["studies"] == 120
    assert found["decided_after"] <= 120
    assert found["overall"]["difference"] == pytest.approx(0.6, abs=0.1)
    low, high = found["overall"]["interval"]
    assert 0 < low < 0.6 < high
    places = [(s["site"], s["scanner"]) for s in found["strata"]]
    assert places == [("North", "GE Revolution"), ("South", "Siemens Force")]
    assert sum(s["studies_baseline"] + s["studies_candidate"] for s in found["strata"]) == 120
