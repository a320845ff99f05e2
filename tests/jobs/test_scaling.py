"""Scaling endpoints: bounds, steps, cooldown, dry run, audit; and Azure's own client against a stand-in over HTTPS."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from domain.access import AccessContext
from domain.errors import ConfigurationError, ModelRefused, ModelUnreachable
from domain.study import Order, Priority
from inference.azure.deployments import EndpointId
from inference.azure.discovery import AzureEndpoints
from inference.azure.identity import Identity, Patience
from inference.azure.scaling import ScalingPlane, scaling_plane
from inference.azure.setting import EndpointSetting
from inference.transport.allotment import Terms, Wanted
from inference.transport.shared_limits import StoredLimits
from jobs.scaling import Autoscaler, Decision, Scalable, decide
from jobs.scaling_command import scale
from jobs.scaling_figures import EndpointFigures, Figures
from jobs.scaling_instances import KnownInstances, ScaledEndpoint
from records.audit import AuditLedger
from records.database import Database
from records.endpoint_limits import EndpointLimitRecords
from records.endpoint_scalings import EndpointScalings
from records.job_rows import NewJob
from records.job_tables import JobRow
from records.jobs import JobRecords
from records.queue_figures import QueueFigures
from tests.inference.azure_stand_in import CLIENT, SECRET, TENANT, Azure, OnlineEndpoint, azure_stand_in, deployment

NOW = datetime(2031, 3, 1, 12, tzinfo=UTC)
ADMIN = AccessContext("admin", None)
OF = Scalable("parse (x)", "blue", least=1, most=6)


class Clock:
    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()


class Machines:
    """A platform of the test's own."""

    def __init__(self, present: int = 1) -> None:
        self.present = present
        self.changes: list[int] = []
        self.refuses = False

    async def instances(self) -> int:
        return self.present

    async def scale(self, instances: int) -> None:
        await asyncio.sleep(0)
        if self.refuses:
            raise ModelRefused("No.")
        self.present = instances
        self.changes.append(instances)


def figures(depth: int, ended: int = 60) -> Figures:
    queue = QueueFigures(NOW, {Priority.ROUTINE: depth}, {}, 0, ended, 60, 10.0, 600)
    return Figures(queue, {OF.endpoint: EndpointFigures(8, 8, waiting=3)}, 1, 1, 1)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def audit(database: Database, clock: Clock) -> AuditLedger:
    return AuditLedger(database, clock, b"a key for tests")


@pytest.fixture
def scaler(audit: AuditLedger, clock: Clock) -> Autoscaler:
    return Autoscaler(EndpointScalings(audit), clock)


async def test_a_dry_run_says_what_it_would_do_and_does_nothing(scaler: Autoscaler, audit: AuditLedger) -> None:
    machines = Machines(2)
    (decision,) = await scaler.run(ADMIN, figures(100_000), [(OF, machines)])
    assert (decision.present, decision.wanted, decision.applied) == (2, 4, False)
    assert "--apply" in str(decision)
    assert "2 → 4" in str(decision)
    assert not machines.changes
    assert not await audit.list(ADMIN)


async def test_a_change_is_made_once_in_a_cooldown_and_is_an_event(
    scaler: Autoscaler, audit: AuditLedger, clock: Clock
) -> None:
    machines = Machines(1)
    for _ in range(2):
        decisions = await scaler.run(ADMIN, figures(100_000), [(OF, machines)], apply=True)
    assert machines.changes == [2]
    assert "next is possible in 900 s" in str(decisions[0])
    clock.moment += timedelta(seconds=901)
    await scaler.run(ADMIN, figures(100_000), [(OF, machines)], apply=True)
    clock.moment += timedelta(seconds=901)
    await scaler.run(ADMIN, figures(100_000), [(OF, machines)], apply=True)
    assert machines.changes == [2, 4, 6], "twofold at most, within bounds"
    events = [e for e in await audit.list(ADMIN) if e.object_id == OF.endpoint]
    assert [e.action for e in events] == ["endpoint.scale.begin", "endpoint.scale"] * 3
    assert events[1].detail.startswith("1 → 2: ")
    assert {e.user for e in events} == {"admin"}


async def test_two_who_scale_at_once_change_it_once(scaler: Autoscaler) -> None:
    machines = Machines(1)
    runs = [scaler.run(ADMIN, figures(100_000), [(OF, machines)], apply=True) for _ in range(5)]
    decisions = [decision for (decision,) in await asyncio.gather(*runs)]
    assert sum(decision.applied for decision in decisions) == 1
    assert machines.changes == [2]


async def test_a_platform_that_refuses_keeps_no_other_from_its_change(scaler: Autoscaler, audit: AuditLedger) -> None:
    bad, good = Machines(1), Machines(1)
    bad.refuses = True
    other = Scalable("other (y)", "green")
    both = [(OF, bad), (other, good)]
    first, second = await scaler.run(ADMIN, figures(100_000), both, apply=True)
    assert not first.applied
    assert "No." in first.error
    assert second.applied
    outcomes = {(e.object_id, e.action): e.outcome for e in await audit.list(ADMIN)}
    assert outcomes[OF.endpoint, "endpoint.scale"] == "failed"


def test_fewer_by_half_at_most_and_nothing_where_nothing_is_measured() -> None:
    assert decide(figures(0, ended=6000), OF, 6)[0] == 3
    assert decide(figures(0, ended=0), OF, 5)[0] == 5
    assert decide(figures(0, ended=0), OF, 9)[0] == 6
    assert decide(figures(0, ended=6000), OF, 1)[0] == 1
    assert "min to work off" in decide(figures(600), OF, 2)[1]


azure_warnings = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:azure.ai.ml",
    "ignore::marshmallow.warnings.ChangedInMarshmallow4Warning",
    "ignore::marshmallow.warnings.RemovedInMarshmallow4Warning",
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Azure, Path]]:
    with azure_stand_in(tmp_path_factory.mktemp("azure")) as found:
        yield found


@pytest.fixture
def azure(served: tuple[Azure, Path], monkeypatch: pytest.MonkeyPatch) -> Azure:
    state, trusted = served
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(trusted))
    state.endpoints = {"parse": OnlineEndpoint(deployments=[deployment(), deployment("green", instances=1)])}
    state.forbidden.clear()
    state.requests.clear()
    return state


async def plane_of(azure: Azure) -> tuple[ScalingPlane, EndpointId]:
    setting = EndpointSetting(azure.arm_id("parse"), identity=Identity(TENANT, CLIENT, SECRET), cloud=azure.url)
    plane = await scaling_plane(setting, Patience(connect_s=5, read_s=5, retries=0))
    return plane, EndpointId.parse(setting.url)


@azure_warnings
async def test_azure_changes_the_number_and_nothing_else(azure: Azure, capsys: pytest.CaptureFixture[str]) -> None:
    plane, id_ = await plane_of(azure)
    before = [dict(d["properties"]) for d in azure.endpoints["parse"].deployments]
    assert await plane.instances(id_, "Blue") == 2
    await plane.scale(id_, "blue", 4)
    assert await plane.instances(id_, "blue") == 4
    assert await plane.instances(id_, "green") == 1
    after = azure.endpoints["parse"].deployments
    for old, new in zip(before, after, strict=True):
        for name in ("model", "instanceType", "endpointComputeType"):
            assert new["properties"][name] == old[name]
        settings = new["properties"]["requestSettings"]
        assert settings["maxConcurrentRequestsPerInstance"] == 4
        assert settings["requestTimeout"] == "PT1M30S"
    assert [request[0] for request in azure.seen("/deployments/")].count("PUT") == 1
    assert capsys.readouterr().out == ""


@azure_warnings
async def test_azure_refuses_clearly(azure: Azure) -> None:
    plane, id_ = await plane_of(azure)
    with pytest.raises(ConfigurationError, match="no deployment 'red'; it has: blue, green"):
        await plane.instances(id_, "red")
    azure.forbidden.add("deployments/write")
    with pytest.raises(ModelRefused, match="deployments/write"):
        await plane.scale(id_, "blue", 4)
    azure.endpoints["parse"].deployments[0]["properties"]["provisioningState"] = "Updating"
    with pytest.raises(ModelRefused, match="being changed"):
        await plane.scale(id_, "blue", 4)
    azure.endpoints["parse"].deployments[1]["properties"]["scaleSettings"] = {"scaleType": "TargetUtilization"}
    with pytest.raises(ModelRefused, match="by itself"):
        await plane.scale(id_, "green", 4)
    assert not any(request[0] == "PUT" and "green" in request[1] for request in azure.requests)
    with pytest.raises((ModelUnreachable, ConfigurationError)):
        await plane.instances(EndpointId.parse(azure.arm_id("nobody")), "blue")


@azure_warnings
async def test_the_command_scales_what_is_configured(azure: Azure, sqlite_url: str, tmp_path: Path) -> None:
    database = Database(sqlite_url)
    audit = AuditLedger(database, Clock(), b"a key for tests")
    jobs = JobRecords(audit, Clock())
    access = AccessContext("u", "|P1")
    await jobs.enqueue_all([NewJob(f"j{n}", f"a{n}", "1.2", access, Order()) for n in range(400)])
    done = {"state": "done", "finished": NOW - timedelta(seconds=60), "seconds": 30.0}
    database.transact_now(lambda session: session.execute(update(JobRow).where(JobRow.number <= 20).values(**done)))
    limits = StoredLimits(EndpointLimitRecords(database))
    label = EndpointSetting("https://localhost/parse/score", name="parse").endpoint().label
    await limits.acquire(label, Terms(4), Wanted("w", 4, (0, 0, 9, 0)))

    def configured(name: str, url: str = azure.url) -> ScaledEndpoint:
        setting = EndpointSetting(azure.arm_id(name), identity=Identity(TENANT, CLIENT, SECRET), cloud=url)
        return ScaledEndpoint(setting, least=1, most=3)

    both = [configured("parse"), configured("nobody")]
    patience = Patience(connect_s=5, read_s=5, retries=0)

    async def run(*, apply: bool) -> tuple[Decision, ...]:
        return await scale(sqlite_url, tmp_path, both, user="me", clock=Clock(), apply=apply, patience=patience)

    first, second = await run(apply=False)
    assert (first.endpoint, first.present, first.wanted, first.applied) == (label, 2, 3, False)
    assert "no such endpoint" in second.error
    assert azure.endpoints["parse"].deployments[0]["sku"]["capacity"] == 2
    assert (await run(apply=True))[0].applied
    assert azure.endpoints["parse"].deployments[0]["sku"]["capacity"] == 3
    actions = [event.action for event in await audit.list(ADMIN, after=400) if event.user == "me"]
    assert actions == ["endpoint.scale.begin", "endpoint.scale"]
    database.close()
    with pytest.raises(ConfigurationError, match="No endpoint can be scaled"):
        await scale(sqlite_url, tmp_path, [], user="me", clock=Clock())


@azure_warnings
async def test_a_server_knows_how_many_instances_there_are(azure: Azure) -> None:
    def configured(name: str) -> ScaledEndpoint:
        setting = EndpointSetting(azure.arm_id(name), identity=Identity(TENANT, CLIENT, SECRET), cloud=azure.url)
        return ScaledEndpoint(setting, least=1, most=3)

    endpoints = AzureEndpoints(patience=Patience(connect_s=5, read_s=5, retries=0), ttl_s=0)
    known = KnownInstances(endpoints, [configured("parse"), configured("nobody")])
    assert known.now() == {}, "nobody waits for Azure"
    of = Scalable(EndpointSetting("https://localhost/parse/score", name="parse").endpoint().label, "blue", 1, 3)

    async def until(instances: int) -> None:
        async with asyncio.timeout(30):
            while known.now() != {of: instances}:
                await asyncio.sleep(0.05)

    await until(2)
    azure.endpoints["parse"].deployments[0]["sku"]["capacity"] = 3
    await until(3)
    assert len({path for _, path, *_ in azure.requests if "nobody" in path}) <= 1, "asked again after a minute only"
    await known.aclose()
