"""`/metrics` of the product as it is put together: what an autoscaler reads, of all processes of the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydicom.data import get_testdata_file

import app
from api.application import create_app
from jobs.compute import ThreadCompute
from jobs.steps import SystemClock
from settings import Settings
from tests.inference.endpoint_server import Behaviour, disc, endpoint_server

CT = Path(str(get_testdata_file("CT_small.dcm", download=False)))
LABEL = "parse (127.0.0.1)"
NOTHING_YET = {"medimage_forecast_arrivals", "medimage_forecast_workers"}
"""Without a whole hour of the past."""


async def scraped(http: httpx.AsyncClient) -> dict[tuple[str, ...], float]:
    answer = await http.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def asked(http: httpx.AsyncClient) -> None:
    sent = await http.post("/api/v1/studies", files=[("files", ("a.dcm", CT.read_bytes(), "application/dicom"))])
    uid = sent.json()["studies"][0]["study_uid"]
    order = {"indication": "How large is the liver?"}
    job = (await http.post(f"/api/v1/studies/{uid}/analyses", json=order)).json()["job_id"]
    async with http.stream("GET", f"/api/v1/jobs/{job}/events") as events:
        assert "event: done" in "".join([text async for text in events.aiter_text()])


async def test_one_server_tells_of_all_processes(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.scaling_figures.KNOWN_S", 0.0)
    behaviour = Behaviour({"liver": disc(0.45, 0.4, 0.2, "liver")}, (128, 128))
    with endpoint_server(behaviour) as url:
        endpoint: dict[str, Any] = {"url": url, "name": "parse", "version": "7", "concurrency": 5, "daily_requests": 10}
        settings = Settings.model_validate(
            {
                "data_dir": tmp_path,
                "database_url": database_url,
                "models": {"medimageparse": {"endpoints": [endpoint], "attempts": 1}, "cache_mb": 0},
            }
        )
        composed, compute, clock = app.composition(settings), ThreadCompute(), SystemClock()
        async with composed.engine(compute, clock, durable=True) as parts:
            services = app.assemble(settings, parts, compute, clock, compute)
            await services.start()
            transport = httpx.ASGITransport(create_app(services))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", timeout=60) as http:
                before = await scraped(http)
                await asked(http)
                during = await scraped(http)
            await services.close()
        # All that the first process counted is on record when it has ended: the next goes on from there.
        async with composed.engine(compute, clock, durable=True) as parts:
            services = app.assemble(settings, parts, compute, clock, compute)
            transport = httpx.ASGITransport(create_app(services))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", timeout=60) as http:
                after = await scraped(http)
            await services.close()
    assert before["medimage_queue_depth", "STAT"] == before["medimage_jobs_running",] == 0
    assert before["medimage_workers",] == before["medimage_recommended_workers",] == 1
    assert during["medimage_throughput_per_second",] == pytest.approx(1 / 600)
    assert during["medimage_endpoint_requests_total", LABEL] == 1
    assert (after["medimage_quota_used", LABEL, "requests"], after["medimage_quota_left", LABEL, "requests"]) == (1, 9)
    assert after["medimage_quota_used_ratio", LABEL, "requests"] == 0.1
    assert after["medimage_quota_alert_ratio", LABEL, "requests"] == 0
    shared = {name: value for name, value in during.items() if name == ("medimage_endpoint_limit", LABEL)}
    assert list(shared.values()) == ([5] if database_url.startswith("postgresql") else [])
    assert not NOTHING_YET & {name for name, *_ in during}


async def test_a_database_that_is_away_takes_only_its_own_figures(tmp_path: Path) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path})
    compute, clock = ThreadCompute(), SystemClock()
    async with app.composition(settings).engine(compute, clock, durable=True) as parts:
        services = app.assemble(settings, parts, compute, clock, compute)
        transport = httpx.ASGITransport(create_app(services))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http:
            assert ("medimage_workers",) in await scraped(http)
            for name in ("medimage.sqlite", "medimage.sqlite-wal", "medimage.sqlite-shm"):
                (tmp_path / name).unlink(missing_ok=True)
            services.audit.database.close()
            (tmp_path / "medimage.sqlite").mkdir()
            services.scaling._known = None  # type: ignore[union-attr]
            assert ("medimage_workers",) not in await scraped(http)
        await services.close()
