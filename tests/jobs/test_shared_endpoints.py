"""What processes share of endpoints, through the composition: limits, quotas, and what happens without a database."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PIL import Image

from domain.access import AccessContext
from domain.errors import ModelRefused
from domain.model import ModelImage
from domain.privacy import Deidentified
from inference.azure.setting import EndpointSetting
from inference.fleet import Fleet, FleetSettings, ModelEndpoints, open_fleet
from inference.medimageparse import MedImageParse
from inference.transport.quota import DailyQuota
from inference.transport.shared_limits import StoredLimits
from jobs.compute import ThreadCompute
from jobs.shared_endpoints import SharedEndpoints, shared_endpoints
from jobs.steps import SystemClock
from records.audit import AuditLedger
from records.database import Database
from records.endpoint_limits import EndpointLimitRecords
from records.endpoint_quotas import EndpointQuotaRecords
from tests.inference.endpoint_server import Behaviour, disc, endpoint_server

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 3
NOBODY = AccessContext("tester", None)


def settings(url: str, daily: DailyQuota | None = None) -> FleetSettings:
    """One endpoint and nothing else."""
    endpoint = EndpointSetting(url, name="parse", concurrency=LIMIT, daily=daily or DailyQuota())
    return FleetSettings(medimageparse=ModelEndpoints((endpoint,)), embedded=False, cache_bytes=0)


@asynccontextmanager
async def opened(fleet: FleetSettings, folder: Path, database: str) -> AsyncIterator[tuple[Fleet, SharedEndpoints]]:
    """As `jobs.composition.Composition.engine` opens it."""
    async with (
        shared_endpoints(fleet, folder, database, SystemClock()) as shared,
        open_fleet(fleet, compute=ThreadCompute(), limits=shared.limits, quotas=shared.quotas) as found,
    ):
        yield found, shared


async def score(fleet: Fleet, prompts: Sequence[str]) -> None:
    """A call for each prompt, all at once."""
    (model,) = fleet.catalogue.models
    assert isinstance(model, MedImageParse)
    buffer = io.BytesIO()
    Image.new("RGB", (1024, 1024)).save(buffer, "PNG")
    image = Deidentified(ModelImage(buffer.getvalue(), 1024, 1024), "test")
    await asyncio.gather(*(model.segment(image, [prompt]) for prompt in prompts))


async def _main(url: str, database: str, folder: str, name: str, calls: str) -> None:
    """A process that scores when it is told to."""
    async with opened(settings(url), Path(folder), database) as (fleet, _):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await score(fleet, [f"{name} {number}" for number in range(int(calls))])
    print("done", flush=True)


@pytest.mark.peer("postgresql")
async def test_processes_keep_to_the_limit_together(postgres_url: str, tmp_path: Path) -> None:
    calls = 12
    behaviour = Behaviour(faults=["slow"] * 2 * calls, slow_s=0.1)
    with endpoint_server(behaviour) as url:
        arguments = ("-m", "tests.jobs.test_shared_endpoints", url, postgres_url, str(tmp_path))
        both = [
            await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                name,
                str(calls),
                cwd=ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            for name in ("one", "other")
        ]
        try:
            async with asyncio.timeout(60):
                assert [await said(process) for process in both] == ["ready", "ready"]
                for process in both:
                    assert process.stdin is not None
                    process.stdin.write(b"go\n")
                assert [await said(process) for process in both] == ["done", "done"]
                assert [await process.wait() for process in both] == [0, 0]
        finally:
            for process in both:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        asked = [json.dumps(request["body"]["input_data"]["data"][0][1]) for request in behaviour.requests]
        assert len(set(asked)) == 2 * calls
        assert behaviour.most == LIMIT, "as many as it allows, and no more"
        database = Database(postgres_url)
        try:
            (state,) = (await StoredLimits(EndpointLimitRecords(database)).states()).values()
        finally:
            database.close()
        assert (state.leases, state.terms["concurrency"]) == ({}, LIMIT), "who ends in good order holds nothing"


async def said(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


async def test_a_days_quota_outlasts_a_process_and_is_told_once(database_url: str, tmp_path: Path) -> None:
    behaviour = Behaviour({"liver": disc(0.5, 0.5, 0.1)})
    with endpoint_server(behaviour) as url:
        fleet = settings(url, DailyQuota(requests=5))
        async with opened(fleet, tmp_path, database_url) as (first, _):
            await score(first, [f"liver {n}" for n in range(4)])
        async with opened(fleet, tmp_path, database_url) as (second, shared):
            await score(second, ["liver 4"])
            assert shared.quotas is not None
            await shared.quotas.flush()
            with pytest.raises(ModelRefused, match="quota of 5 requests"):
                await score(second, ["liver 5"])
    assert len(behaviour.requests) == 5
    database = Database(database_url)
    audit = AuditLedger(database, SystemClock(), b"a key for tests")
    told = [(event.detail[:19], event.user) for event in await audit.list(NOBODY) if event.action == "endpoint.quota"]
    day = SystemClock().now().date()
    uses = await EndpointQuotaRecords(audit).of_days([day])
    database.close()
    assert told == [("80% of the requests", "system"), ("100% of the request", "system")]
    (use,) = uses
    assert (use.used["requests"], use.limits, use.alerted) == (5, {"requests": 5}, {"requests": 1.0})


async def test_nothing_is_opened_where_nothing_is_shared(tmp_path: Path) -> None:
    alone, counted = settings("http://127.0.0.1:1/score"), settings("http://127.0.0.1:1/score", DailyQuota(requests=5))
    sqlite, postgres = f"sqlite:///{tmp_path / 'records.db'}", "postgresql://nobody@127.0.0.1:1/none"
    async with shared_endpoints(alone, tmp_path, sqlite, SystemClock()) as shared:
        assert shared == SharedEndpoints()
    async with shared_endpoints(FleetSettings(), tmp_path, postgres, SystemClock()) as shared:
        assert shared == SharedEndpoints()
    assert not list(tmp_path.iterdir())
    async with shared_endpoints(counted, tmp_path, sqlite, SystemClock()) as shared:
        assert shared.limits is None
        assert shared.quotas is not None


async def test_without_its_database_a_process_goes_on_by_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    behaviour = Behaviour(faults=["slow"] * 8, slow_s=0.05)
    with endpoint_server(behaviour) as url:
        async with opened(settings(url), tmp_path, "postgresql://nobody@127.0.0.1:1/none") as (fleet, _):
            await score(fleet, [f"liver {n}" for n in range(8)])
    assert len(behaviour.requests) == 8
    assert behaviour.most <= LIMIT
    assert "not shared for now (DatabaseUnavailable)" in caplog.text


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
