"""Fixtures of the API's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from api.application import create_app
from api.services import Services
from tests.api.engine import ThresholdAnalyser, build_services, ct_slice

PAGE = Path(__file__).resolve().parents[2] / "web"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[Services, ThresholdAnalyser]]:
    services, analyser = build_services(tmp_path, PAGE)
    await services.start()
    yield services, analyser
    await services.close()


@pytest.fixture
def services(served: tuple[Services, ThresholdAnalyser]) -> Services:
    return served[0]


@pytest.fixture
def analyser(served: tuple[Services, ThresholdAnalyser]) -> ThresholdAnalyser:
    return served[1]


@pytest.fixture
def app(services: Services) -> FastAPI:
    return create_app(services)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.fixture
async def study_uid(client: httpx.AsyncClient) -> str:
    files = [("files", (f"{k}.dcm", ct_slice(index=k))) for k in range(3)]
    answer = await client.post("/api/v1/studies", files=files)
    return str(answer.json()["studies"][0]["study_uid"])
