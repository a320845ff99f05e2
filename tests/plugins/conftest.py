"""Endpoints and workspaces that live as long as a test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest

from domain.study import IngestedStudy
from inference.transport.transport import open_client
from tests.plugins.clinic import Clinic, body


@pytest.fixture(scope="session")
def ct(tmp_path_factory: pytest.TempPathFactory) -> IngestedStudy:
    """One slice of an even body."""
    return body(tmp_path_factory.mktemp("slice"), 1)


@pytest.fixture
def servers() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
async def clinic(servers: ExitStack) -> AsyncIterator[Clinic]:
    async with open_client(read_s=10) as client:
        yield Clinic(client, servers)
