"""A real CT slice, a MedImageParse endpoint with known shapes, and planners with and without a chat model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from agents.chat_models import ChatConfiguration
from agents.guardrails import Budget
from agents.planner import Planner
from domain.access import AccessContext
from domain.ports import RunEvent
from domain.study import Ingest, Order
from inference.catalogue import Catalogue
from inference.medimageparse import MedImageParse
from inference.transport.transport import Endpoint, EndpointTransport, open_client
from jobs.analyse import Analyser
from jobs.compute import ThreadCompute
from jobs.steps import SystemClock
from plugins.workspace import Workspace
from tests.inference.endpoint_server import Behaviour, disc, endpoint_server
from tools.ingest import ingest

SOURCE = (128, 128)


@pytest.fixture(scope="session")
def ct() -> Ingest:
    """pydicom's own CT slice, 128 × 128 pixels of 0.661468 mm."""
    return ingest([Path(str(get_testdata_file("CT_small.dcm", download=False)))])


@pytest.fixture
def behaviour() -> Behaviour:
    """What the endpoint finds: a liver and a spleen of known size."""
    shapes = {
        "liver": disc(0.4, 0.35, 0.15, "liver"),
        "spleen": disc(0.5, 0.7, 0.08, "other organ"),
    }
    return Behaviour(shapes, SOURCE)


@pytest.fixture
def endpoint(behaviour: Behaviour) -> Iterator[str]:
    """Its scoring URI."""
    with endpoint_server(behaviour) as url:
        yield url


class Run:
    """One turn that a test looks at."""

    def __init__(self, workspace: Workspace, events: list[RunEvent]) -> None:
        self.workspace = workspace
        self.events = events
        self.text = ""
        self.planner = ""


@pytest.fixture
def run(ct: Ingest, endpoint: str) -> Callable[..., AsyncIterator[Run]]:
    """Answer a question with a chat configuration; closes what it opened."""

    @asynccontextmanager
    async def go(question: str, chat: ChatConfiguration, budget: Budget | None = None) -> AsyncIterator[Run]:
        async with open_client(read_s=10) as client:
            model = MedImageParse(EndpointTransport(Endpoint(endpoint), client))
            planner = Planner(chat, budget)
            analyser = Analyser(
                planner,
                Catalogue([model]),
                compute=ThreadCompute(),
                clock=SystemClock(),
                software_version="test",
            )
            events: list[RunEvent] = []
            (study,) = ct.studies
            access = AccessContext("tester", study.study.patient.key)
            workspace = await analyser.open(study, Order(indication=question), access, events.append)
            done = Run(workspace, events)
            answer = await planner.run(workspace, events.append)
            done.text, done.planner = answer.text, answer.planner
            try:
                yield done
            finally:
                await planner.close()

    return go
