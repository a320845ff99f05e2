"""What follows from a configuration and from Azure's answers, without asking anybody."""

from __future__ import annotations

from typing import Any

import pytest

from domain.errors import ConfigurationError
from inference.azure.cloud import CHINA, PUBLIC, US_GOVERNMENT, named_cloud
from inference.azure.deployments import Deployment, Discovery, EndpointId, model_of
from inference.azure.identity import Identity
from inference.azure.setting import EndpointSetting
from tests.inference.azure_stand_in import CLIENT, SECRET, TENANT

SERVICE = Identity(TENANT, CLIENT, SECRET)

pytestmark = pytest.mark.filterwarnings(
    # azure-ai-ml uses what marshmallow and the standard library have deprecated.
    "ignore::DeprecationWarning:azure.ai.ml",
    "ignore::marshmallow.warnings.ChangedInMarshmallow4Warning",
    "ignore::marshmallow.warnings.RemovedInMarshmallow4Warning",
)


@pytest.mark.parametrize(
    "fields",
    [
        {"client_secret": SECRET, "managed": True},
        {"client_secret": SECRET, "client_id": CLIENT},
        {"tenant_id": TENANT},
    ],
)
def test_identities_that_contradict_themselves(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        Identity(**fields)
    assert SECRET not in str(raised.value)


def test_nothing_shows_a_secret() -> None:
    setting = EndpointSetting("https://models.example/score", key="k3y", identity=SERVICE)
    assert "k3y" not in repr(setting)
    assert SECRET not in repr(setting) + repr(SERVICE)


def split(*capacities_and_traffic: tuple[int, int]) -> Discovery:
    deployments = tuple(
        Deployment(f"d{i}", version="1", traffic=traffic, instances=capacity)
        for i, (capacity, traffic) in enumerate(capacities_and_traffic)
    )
    return Discovery(EndpointId("s", "g", "w", "e"), "https://e.example/score", "key", deployments)


def test_concurrency_follows_the_share_that_each_deployment_gets() -> None:
    assert split((8, 100)).concurrency() == 8
    assert split((8, 90), (1, 10)).concurrency() == 8
    assert split((8, 50), (1, 50)).concurrency() == 2
    assert split((8, 100), (99, 0)).concurrency() == 8
    assert split((8, 100), (3, 0)).concurrency("d1") == 3


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("azureml://registries/azureml/models/MedImageParse/versions/10", ("MedImageParse", "10")),
        ("/subscriptions/s/resourceGroups/g/providers/p/workspaces/w/models/Mine/versions/3", ("Mine", "3")),
        ("azureml:Mine:3", ("Mine", "3")),
        ("Mine:3", ("Mine", "3")),
        ("azureml://somewhere/else", ("", "")),
        (None, ("", "")),
    ],
)
def test_the_model_of_a_deployment(reference: object, expected: tuple[str, str]) -> None:
    assert model_of(reference) == expected


def test_every_cloud_has_its_own_audience() -> None:
    assert [named_cloud(c.name).scope for c in (PUBLIC, US_GOVERNMENT, CHINA)] == [
        "https://ml.azure.com/.default",
        "https://ml.azure.us/.default",
        "https://ml.azure.cn/.default",
    ]
    assert named_cloud("https://management.usgovcloudapi.net/") == US_GOVERNMENT
    assert named_cloud("", scope="api://mine/.default").scope == "api://mine/.default"


def test_our_table_of_clouds_is_azure_ai_ml_s() -> None:
    from azure.ai.ml._azure_environments import _get_cloud

    for cloud in (PUBLIC, US_GOVERNMENT, CHINA):
        theirs = {name: url.rstrip("/") for name, url in _get_cloud(cloud.name).items()}
        assert (theirs["resource_manager"], theirs["active_directory"], theirs["aml_resource_id"]) == (
            cloud.resource_manager,
            cloud.authority,
            cloud.machine_learning,
        )
