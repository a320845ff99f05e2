"""Azure's own clients against a stand-in over HTTPS: found by URI or ARM ID, authorised in every way."""

from __future__ import annotations

import asyncio
import math
import os
import random
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.errors import ConfigurationError, MedImageError, ModelRefused, ModelUnreachable
from domain.privacy import Deidentified
from inference.azure.cloud import named_cloud
from inference.azure.discovery import AzureEndpoints, Resolved
from inference.azure.examination import examine
from inference.azure.identity import Identity, Patience
from inference.azure.resolving import AGAIN_S, ResolvingTransport
from inference.azure.setting import EndpointSetting
from inference.transport.credentials import AmlToken, EndpointKey, EntraToken, StaticKey
from inference.transport.endpoint import Endpoint
from inference.transport.limits import MANAGED_BYTES_PER_S, MANAGED_REQUESTS_PER_S
from inference.transport.retry import RetryPolicy
from inference.transport.transport import EndpointTransport
from tests.inference.azure_stand_in import (
    CLIENT,
    MSI_HEADER,
    SECRET,
    TENANT,
    Azure,
    OnlineEndpoint,
    azure_stand_in,
    deployment,
)

pytestmark = pytest.mark.filterwarnings(
    # azure-ai-ml uses what marshmallow and the standard library have deprecated.
    "ignore::DeprecationWarning:azure.ai.ml",
    "ignore::marshmallow.warnings.ChangedInMarshmallow4Warning",
    "ignore::marshmallow.warnings.RemovedInMarshmallow4Warning",
)

SERVICE = Identity(TENANT, CLIENT, SECRET)
HURRIED = Patience(connect_s=5, read_s=5, retries=0)
HOUR_S = 3600


class Clock:
    """The real time, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Azure, Path]]:
    with azure_stand_in(tmp_path_factory.mktemp("azure")) as found:
        yield found


@pytest.fixture
def azure(served: tuple[Azure, Path], monkeypatch: pytest.MonkeyPatch) -> Azure:
    state, trusted = served
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(trusted))
    monkeypatch.delenv("AZUREML_CURRENT_CLOUD", raising=False)
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.delenv(name, raising=False)
    state.endpoints = {
        "by-key": OnlineEndpoint(),
        "by-key-2": OnlineEndpoint(),
        "by-aml": OnlineEndpoint("AMLToken"),
        "by-entra": OnlineEndpoint("AADToken"),
    }
    state.lifetime_s, state.entra_error = HOUR_S, ""
    state.forbidden.clear()
    state.valid.clear()
    state.requests.clear()
    return state


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def endpoints(clock: Clock) -> AzureEndpoints:
    return AzureEndpoints(patience=HURRIED, clock=clock)


@pytest.fixture
async def client(served: tuple[Azure, Path]) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=str(served[1]))) as opened:
        yield opened


def by_id(azure: Azure, name: str, /, **fields: Any) -> EndpointSetting:
    return EndpointSetting(azure.arm_id(name), **{"identity": SERVICE, "cloud": azure.url, **fields})


def by_uri(azure: Azure, name: str, /, **fields: Any) -> EndpointSetting:
    return EndpointSetting(f"{azure.url}/{name}/score", **{"identity": SERVICE, "cloud": azure.url, **fields})


def transport_of(client: httpx.AsyncClient) -> Callable[[Sequence[Endpoint]], EndpointTransport]:
    return lambda endpoints: EndpointTransport(endpoints, client, policy=RetryPolicy(tries=1))


def body(number: int = 0) -> Deidentified[bytes]:
    return Deidentified(b"pixels %d" % number, "test")


async def score(resolved: Resolved, client: httpx.AsyncClient, number: int = 0) -> bytes:
    return await transport_of(client)([resolved.endpoint]).score(body(number))


@pytest.mark.parametrize(("name", "kind"), [("by-key", EndpointKey), ("by-aml", AmlToken), ("by-entra", EntraToken)])
async def test_an_arm_id_is_found_and_scores(
    azure: Azure, endpoints: AzureEndpoints, client: httpx.AsyncClient, name: str, kind: type
) -> None:
    resolved = await endpoints.resolve(by_id(azure, name))
    assert type(resolved.credential) is kind
    assert resolved.endpoint.url == f"{azure.url}/{name}/score"
    assert (resolved.endpoint.version, resolved.endpoint.concurrency, resolved.endpoint.deadline_s) == ("10", 8, 120.0)
    await score(resolved, client)
    assert azure.seen("/score")[-1][3] == "", "no deployment is configured, so none is asked for"


async def test_the_control_plane_is_asked_before_the_first_call_only(
    azure: Azure, endpoints: AzureEndpoints, client: httpx.AsyncClient
) -> None:
    setting = by_id(azure, "by-key")
    await asyncio.gather(*(endpoints.resolve(setting) for _ in range(5)))
    asked = len(azure.seen("/subscriptions/"))
    for _ in range(10):
        await score(await endpoints.resolve(setting), client)
    assert len(azure.seen("listKeys")) == 1
    assert len(azure.seen("/subscriptions/")) == asked


async def test_an_old_look_up_is_renewed_behind_the_calls(
    azure: Azure, endpoints: AzureEndpoints, clock: Clock
) -> None:
    setting = by_id(azure, "by-key")
    first = await endpoints.resolve(setting)
    assert await endpoints.renew(setting) is first, "nothing new: the transport and its token are kept"
    azure.endpoints["by-key"].deployments = [deployment(instances=5)]
    clock.ahead = HOUR_S
    assert await endpoints.resolve(setting) is first
    await endpoints.renew(setting)
    assert (await endpoints.resolve(setting)).endpoint.concurrency == 20


async def test_a_uri_with_a_key_needs_no_control_plane(
    azure: Azure, endpoints: AzureEndpoints, client: httpx.AsyncClient
) -> None:
    resolved = await endpoints.resolve(by_uri(azure, "by-key", key="primary-by-key-1", deployment="blue"))
    await score(resolved, client)
    assert [request[1:] for request in azure.requests] == [("/by-key/score", "primary-by-key-1", "blue")]


async def test_a_configured_key_is_used_without_asking_for_keys(azure: Azure, endpoints: AzureEndpoints) -> None:
    azure.forbidden.add("listkeys/action")
    resolved = await endpoints.resolve(by_id(azure, "by-key", key="primary-by-key-1"))
    assert isinstance(resolved.credential, StaticKey)


@pytest.mark.parametrize("client_id", ["", CLIENT], ids=["system", "user"])
async def test_a_managed_identity_signs_in(
    azure: Azure,
    endpoints: AzureEndpoints,
    client: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    client_id: str,
) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{azure.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", MSI_HEADER)
    identity = Identity(client_id=client_id, managed=True)
    await score(await endpoints.resolve(by_uri(azure, "by-entra", auth="entra", identity=identity)), client)
    assert azure.seen("/msi/token")
    assert not azure.seen("/oauth2/")


async def test_the_default_identity_finds_what_the_environment_names(
    azure: Azure, endpoints: AzureEndpoints, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("TENANT_ID", TENANT), ("CLIENT_ID", CLIENT), ("CLIENT_SECRET", SECRET)):
        monkeypatch.setenv(f"AZURE_{name}", value)
    await score(await endpoints.resolve(by_id(azure, "by-entra", identity=Identity())), client)


@pytest.mark.parametrize("name", ["by-aml", "by-entra"])
async def test_a_token_is_renewed_before_it_expires(
    azure: Azure, endpoints: AzureEndpoints, clock: Clock, name: str
) -> None:
    resolved = await endpoints.resolve(by_id(azure, name))
    first = await resolved.credential.token()
    assert await resolved.credential.token() == first
    clock.ahead = HOUR_S - 290
    second = await resolved.credential.token()
    assert second != first
    assert azure.authorises(second, name)


async def test_an_endpoint_that_is_deleted_in_the_middle_of_a_run_is_a_refusal(
    azure: Azure, endpoints: AzureEndpoints, clock: Clock
) -> None:
    resolved = await endpoints.resolve(by_id(azure, "by-aml"))
    del azure.endpoints["by-aml"]
    clock.ahead = HOUR_S
    with pytest.raises(ModelRefused, match="no such endpoint"):
        await resolved.credential.token()


@pytest.mark.parametrize("name", ["by-key", "by-aml", "by-entra"])
async def test_a_bearer_that_dies_in_the_middle_of_a_run_is_replaced(
    azure: Azure, endpoints: AzureEndpoints, client: httpx.AsyncClient, name: str
) -> None:
    resolved = await endpoints.resolve(by_id(azure, name))
    await score(resolved, client)
    azure.revoke()
    azure.requests.clear()
    await asyncio.gather(*(score(resolved, client, n) for n in range(8)))
    renewals = {"by-key": "listKeys", "by-aml": "by-aml/token", "by-entra": "/oauth2/v2.0/token"}
    assert len(azure.seen(renewals[name])) == 1, "one renewal serves all that were turned away"


async def test_two_endpoints_never_take_each_other_s_keys(
    azure: Azure, endpoints: AzureEndpoints, client: httpx.AsyncClient
) -> None:
    settings = [by_id(azure, "by-key", deployment="blue"), by_id(azure, "by-key-2")]
    resolved = await asyncio.gather(*map(endpoints.resolve, settings))
    order = [0, 1] * 30
    random.Random(3).shuffle(order)
    answers = await asyncio.gather(*(score(resolved[i], client, n) for n, i in enumerate(order)))
    for i, answer in zip(order, answers, strict=True):
        assert (b'"by-key"' in answer, b'"blue"' in answer) == (i == 0, i == 0)


async def test_two_clouds_in_one_process_are_kept_apart(
    azure: Azure, endpoints: AzureEndpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served: tuple[Azure, Path]
) -> None:
    with azure_stand_in(tmp_path) as (other, trusted):
        other.endpoints = {"by-key": OnlineEndpoint(generation=7)}
        both = tmp_path / "both.pem"
        both.write_text(served[1].read_text() + trusted.read_text())
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(both))
        monkeypatch.setenv("SSL_CERT_FILE", str(both))
        here, there = await asyncio.gather(
            endpoints.resolve(by_id(azure, "by-key")), endpoints.resolve(by_id(other, "by-key"))
        )
    assert (await here.credential.token(), await there.credential.token()) == ("primary-by-key-1", "primary-by-key-7")
    assert "AZUREML_CURRENT_CLOUD" not in os.environ, "what azure-ai-ml set for all of the process is undone"


async def failure(endpoints: AzureEndpoints, setting: EndpointSetting) -> MedImageError:
    with pytest.raises(MedImageError) as raised:
        await (await endpoints.resolve(setting)).credential.token()
    error = raised.value
    assert error.remedy
    for secret in (SECRET, "primary-", "token-"):
        assert secret not in f"{error} {error!r}"
    return error


async def test_an_endpoint_that_is_not_there(azure: Azure, endpoints: AzureEndpoints) -> None:
    error = await failure(endpoints, by_id(azure, "by-nobody"))
    assert isinstance(error, ConfigurationError)
    assert "by-nobody" in error.where


async def test_a_subscription_that_is_not_there(azure: Azure, endpoints: AzureEndpoints) -> None:
    wrong = azure.arm_id("by-key").replace("sub-1", "sub-2")
    error = await failure(endpoints, EndpointSetting(wrong, identity=SERVICE, cloud=azure.url))
    assert isinstance(error, ConfigurationError)
    assert "subscription" in error.remedy


async def test_what_is_no_arm_id_of_an_endpoint(azure: Azure, endpoints: AzureEndpoints) -> None:
    error = await failure(endpoints, EndpointSetting("/subscriptions/s/resourceGroups/g", cloud=azure.url))
    assert isinstance(error, ConfigurationError)
    assert not azure.requests


@pytest.mark.parametrize(
    ("name", "action"), [("by-key", "read"), ("by-key", "listkeys/action"), ("by-aml", "token/action")]
)
async def test_an_identity_without_the_role(azure: Azure, endpoints: AzureEndpoints, name: str, action: str) -> None:
    azure.forbidden.add(action)
    error = await failure(endpoints, by_id(azure, name))
    assert isinstance(error, ModelRefused)
    assert action in error.reason
    assert "AzureML Data Scientist" in error.remedy
    assert CLIENT not in str(error)


@pytest.mark.parametrize(
    ("identity", "code"),
    [
        (Identity(TENANT, CLIENT, "wrong"), "AADSTS7000215"),
        (Identity(TENANT, "nobody", SECRET), "AADSTS700016"),
        (Identity("99999999-2222-3333-4444-555555555555", CLIENT, SECRET), "AADSTS90002"),
    ],
    ids=["secret", "client", "tenant"],
)
@pytest.mark.parametrize("setting", [by_id, by_uri], ids=["arm id", "uri"])
async def test_entra_says_no(
    azure: Azure, endpoints: AzureEndpoints, identity: Identity, code: str, setting: Any
) -> None:
    error = await failure(endpoints, setting(azure, "by-entra", auth="entra", identity=identity))
    assert isinstance(error, ModelRefused)
    assert code in error.reason


async def test_a_machine_without_the_managed_identity(
    azure: Azure, endpoints: AzureEndpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{azure.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", MSI_HEADER)
    identity = Identity(client_id="nobody", managed=True)
    error = await failure(endpoints, by_uri(azure, "by-entra", auth="entra", identity=identity))
    assert isinstance(error, ModelRefused)
    assert "managed identity" in error.reason


@pytest.mark.parametrize("setting", [by_id, by_uri], ids=["arm id", "uri"])
async def test_a_certificate_that_is_not_trusted(
    azure: Azure,
    endpoints: AzureEndpoints,
    monkeypatch: pytest.MonkeyPatch,
    served: tuple[Azure, Path],
    setting: Any,
) -> None:
    await asyncio.to_thread(named_cloud, azure.url)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    error = await failure(endpoints, setting(azure, "by-entra", auth="entra"))
    assert isinstance(error, ModelUnreachable)
    assert "TLS" in error.reason
    assert "REQUESTS_CA_BUNDLE" in error.remedy


async def test_a_machine_without_any_identity(
    azure: Azure, endpoints: AzureEndpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    error = await failure(endpoints, by_uri(azure, "by-entra", auth="entra", identity=Identity()))
    assert isinstance(error, ModelRefused)
    assert "no default identity" in error.reason


async def test_nobody_at_the_address(azure: Azure, endpoints: AzureEndpoints) -> None:
    error = await failure(endpoints, by_id(azure, "by-key", cloud="https://localhost:9"))
    assert isinstance(error, ModelUnreachable)


async def test_a_deployment_that_is_not_there_names_those_that_are(azure: Azure, endpoints: AzureEndpoints) -> None:
    azure.endpoints["by-key"].deployments += [deployment("green")]
    error = await failure(endpoints, by_id(azure, "by-key", deployment="red"))
    assert isinstance(error, ConfigurationError)
    assert "blue, green" in error.reason


async def test_a_deployment_without_traffic_answers_when_it_is_configured(
    azure: Azure, endpoints: AzureEndpoints, client: httpx.AsyncClient
) -> None:
    azure.endpoints["by-key"].deployments += [deployment("green", version="11", instances=1)]
    resolved = await endpoints.resolve(by_id(azure, "by-key", deployment="Green"))
    assert (resolved.endpoint.deployment, resolved.endpoint.version) == ("green", "11")
    assert b'"green"' in await score(resolved, client)


async def test_an_endpoint_that_is_being_made(azure: Azure, endpoints: AzureEndpoints) -> None:
    azure.endpoints["by-key"].path, azure.endpoints["by-key"].state = "", "Creating"
    error = await failure(endpoints, by_id(azure, "by-key"))
    assert isinstance(error, ModelUnreachable)
    assert "Creating" in error.reason


@pytest.mark.parametrize(
    "fields",
    [
        {"auth": "entra"},
        {"auth": "aml_token"},
    ],
)
async def test_a_mode_that_the_endpoint_does_not_take(
    azure: Azure, endpoints: AzureEndpoints, fields: dict[str, Any]
) -> None:
    error = await failure(endpoints, by_id(azure, "by-key", **fields))
    assert isinstance(error, ConfigurationError)
    assert "takes key" in error.reason


@pytest.mark.parametrize(
    "setting",
    [
        EndpointSetting("https://models.example/score", auth="aml_token"),
        EndpointSetting("https://models.example/score", auth="entra", key="k"),
        EndpointSetting("http://models.example/score", auth="entra"),
        EndpointSetting("https://models.example/score", auth="entra", cloud="AzureMoonCloud"),
        EndpointSetting("ftp://models.example/score"),
    ],
    ids=["aml token", "key and entra", "unencrypted", "no such cloud", "no http"],
)
async def test_settings_that_cannot_work(endpoints: AzureEndpoints, setting: EndpointSetting) -> None:
    assert isinstance(await failure(endpoints, setting), ConfigurationError)


async def test_a_transport_resolves_at_its_first_call(
    azure: Azure, endpoints: AzureEndpoints, client: httpx.AsyncClient
) -> None:
    setting = by_id(azure, "by-key", name="ward")
    transport = ResolvingTransport([setting], endpoints, transport_of(client))
    assert (transport.endpoint.name, transport.endpoint.local) == ("ward", False)
    assert not azure.requests
    await transport.score(body())
    assert transport.endpoint.version == "10"


async def test_a_transport_resolves_beforehand_where_that_is_asked(
    azure: Azure, endpoints: AzureEndpoints, client: httpx.AsyncClient
) -> None:
    transport = ResolvingTransport([by_id(azure, "by-key")], endpoints, transport_of(client))
    assert (await transport.resolve()).version == "10"
    asked = len(azure.requests)
    await transport.score(body())
    assert len(azure.requests) == asked + 1


async def test_a_transport_follows_an_endpoint_that_moved(
    azure: Azure, endpoints: AzureEndpoints, client: httpx.AsyncClient, clock: Clock
) -> None:
    transport = ResolvingTransport([by_id(azure, "by-key")], endpoints, transport_of(client), clock=clock)
    await transport.score(body())
    azure.endpoints["by-key"].path = "/score-v2"
    answers = await asyncio.gather(
        *(transport.score(body(n)) for n in range(4)),
    )
    assert len(answers) == 4
    assert transport.endpoint.url.endswith("/score-v2")


async def test_a_refusal_asks_the_control_plane_once_in_a_while(
    azure: Azure, endpoints: AzureEndpoints, client: httpx.AsyncClient, clock: Clock
) -> None:
    setting = by_id(azure, "by-key", key="wrong")
    transport = ResolvingTransport([setting], endpoints, transport_of(client), clock=clock)
    asked = []
    for ahead in (0.0, 1.0, AGAIN_S + 1.0):
        clock.ahead = ahead
        with pytest.raises(ModelRefused, match="401"):
            await transport.score(body())
        asked.append(len(azure.seen("/deployments")))
    assert asked[0] == asked[1] < asked[2]


async def test_a_run_can_go_on_when_an_endpoint_cannot_be_configured_like_this(
    azure: Azure, endpoints: AzureEndpoints, client: httpx.AsyncClient
) -> None:
    setting = by_id(azure, "by-key", deployment="red")
    with pytest.raises(ModelRefused, match="blue"):
        await ResolvingTransport([setting], endpoints, transport_of(client)).score(body())


async def test_endpoints_of_one_model_share_the_load_without_those_that_are_not_there(
    azure: Azure, endpoints: AzureEndpoints, client: httpx.AsyncClient, clock: Clock
) -> None:
    del azure.endpoints["by-key-2"]
    settings = [by_id(azure, name, model="MedImageParse") for name in ("by-key", "by-key-2")]
    transport = ResolvingTransport(settings, endpoints, transport_of(client), clock=clock)
    for n in range(3):
        await transport.score(body(n))
    asked = len(azure.seen("by-key-2"))
    assert asked == 1, "the absent one is not looked for at every call"
    azure.endpoints["by-key-2"] = OnlineEndpoint()
    clock.ahead = AGAIN_S + 1
    await asyncio.gather(*(transport.score(body(n)) for n in range(10, 22)))
    assert "2 endpoints" in transport.endpoint.name
    assert azure.seen("/by-key-2/score")


async def test_endpoints_with_different_versions_are_not_mixed(
    azure: Azure, endpoints: AzureEndpoints, client: httpx.AsyncClient
) -> None:
    azure.endpoints["by-key-2"].deployments = [deployment(version="11")]
    settings = [by_id(azure, name, model="MedImageParse") for name in ("by-key", "by-key-2")]
    with pytest.raises(ModelRefused, match="version"):
        await ResolvingTransport(settings, endpoints, transport_of(client)).score(body())


async def test_managed_endpoints_have_azure_s_limits(azure: Azure, endpoints: AzureEndpoints) -> None:
    limited = (await endpoints.resolve(by_id(azure, "by-key"))).endpoint
    assert (limited.requests_per_s, limited.bytes_per_s) == (MANAGED_REQUESTS_PER_S, MANAGED_BYTES_PER_S)
    lifted = (await endpoints.resolve(by_id(azure, "by-key", bytes_per_s=math.inf))).endpoint
    assert lifted.bytes_per_s == math.inf
    public = (await endpoints.resolve(EndpointSetting("https://m.eastus.inference.ml.azure.com/score"))).endpoint
    assert public.bytes_per_s == MANAGED_BYTES_PER_S
    assert (await endpoints.resolve(by_uri(azure, "by-key"))).endpoint.bytes_per_s is None


async def test_a_look_up_that_fails_behind_the_calls_changes_nothing(
    azure: Azure, endpoints: AzureEndpoints, clock: Clock
) -> None:
    setting = by_id(azure, "by-key")
    first = await endpoints.resolve(setting)
    azure.forbidden.add("read")
    clock.ahead = HOUR_S
    assert await endpoints.resolve(setting) is first
    with pytest.raises(ModelRefused):
        await endpoints.renew(setting)
    assert await endpoints.resolve(setting) is first


async def test_the_doctor_finds_nothing_wrong(
    azure: Azure, endpoints: AzureEndpoints, client: httpx.AsyncClient
) -> None:
    findings = await examine(by_id(azure, "by-entra"), endpoints, client)
    assert [(f.step, f.state) for f in findings] == [("endpoint", "ok"), ("credential", "ok"), ("scoring", "ok")]


async def test_the_doctor_names_what_is_wrong(
    azure: Azure, endpoints: AzureEndpoints, client: httpx.AsyncClient
) -> None:
    slow = deployment("slow", version="11", timeout="PT5S")
    slow["properties"]["provisioningState"] = "Failed"
    azure.endpoints["by-key"].deployments += [slow]
    azure.endpoints["by-key"].traffic = {"blue": 50, "slow": 50}
    findings = await examine(by_id(azure, "by-key", key="wrong", concurrency=99), endpoints, client)
    wrong = [f for f in findings if f.state != "ok"]
    assert [f.step for f in wrong] == ["deployment"] * 4 + ["scoring"]
    assert all(f.remedy for f in wrong)
    text = " ".join(f.detail for f in wrong)
    for part in ("Failed", "5 s", "10 or 11", "99", "401"):
        assert part in text


async def test_the_doctor_sees_a_refused_token_a_closed_port_and_a_foreign_certificate(
    azure: Azure, endpoints: AzureEndpoints, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    azure.entra_error = "AADSTS7000222"
    (*_, last) = await examine(by_uri(azure, "by-entra", auth="entra"), endpoints, client)
    assert (last.step, last.state) == ("credential", "fail")
    (*_, last) = await examine(EndpointSetting("https://localhost:9/score", key="k"), endpoints, client)
    assert (last.step, last.state) == ("scoring", "fail")
    monkeypatch.delenv("SSL_CERT_FILE")
    async with httpx.AsyncClient() as strict:
        (*_, last) = await examine(by_uri(azure, "by-key", key="k"), endpoints, strict)
    assert last.detail == "TLS failed"
