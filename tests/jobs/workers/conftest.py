"""Jobs on both kinds of database, and workers whose attempts are quick."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.jobs.workers.parts import Parts, open_parts


@pytest.fixture
async def parts(database_url: str) -> AsyncIterator[Parts]:
    """A queue of this test's own; workers that it started are drained at its end."""
    parts = open_parts(database_url)
    yield parts
    await parts.aclose()


@pytest.fixture
async def other(database_url: str, parts: Parts) -> AsyncIterator[Parts]:
    """The same database, as another process would open it."""
    other = open_parts(database_url)
    yield other
    await other.aclose()
