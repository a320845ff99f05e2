"""A model without latency, and the process that workers are forked from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.chaos.model import scoring_process
from benchmarks.chaos.worker import Crew


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """Scoring URI of the model."""
    with scoring_process() as url:
        yield url


@pytest.fixture(scope="session")
def zygote(endpoint: str) -> Iterator[Crew]:
    """Loaded once."""
    with Crew(endpoint) as crew:
        yield crew


@pytest.fixture
def crew(zygote: Crew) -> Iterator[Crew]:
    """No worker of a test lives on."""
    yield zygote
    for pid in list(zygote.alive):
        zygote.kill(pid)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql"))])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty database, of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/records.db"
        return
    cluster = request.getfixturevalue("postgres")
    name = cluster.create()
    yield cluster.url(name)
    cluster.drop(name)
