"""Settings of endpoints that depend on each other, and what the layers below are given of them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

import app
from inference.transport.quota import DailyQuota
from settings import EndpointSettings, JobsSettings, Settings

ARM = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/parse"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param({"quota_zone": "Europe/Atlantis"}, "IANA", id="zone"),
        pytest.param({"daily_cost": 0}, "greater than 0", id="no cost"),
        pytest.param({"daily_cost": 10}, "price", id="cost without a price"),
        pytest.param({"quota_hard": True}, "daily_requests", id="hard without a quota"),
        pytest.param({"max_instances": 4}, "ARM ID", id="a scoring URI"),
        pytest.param({"url": ARM, "min_instances": 3, "max_instances": 2}, "less than", id="bounds"),
        pytest.param({"url": ARM, "max_instances": 0}, "greater than or equal", id="none"),
    ],
)
def test_what_cannot_work_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        EndpointSettings.model_validate({"url": "https://x.test/score", **values})


def test_a_hospitals_zone_exists() -> None:
    assert JobsSettings(zone="Europe/Berlin").zone == "Europe/Berlin"
    with pytest.raises(ValidationError, match="IANA"):
        JobsSettings(zone="CET/Nowhere")


def configured(**endpoint: Any) -> Settings:
    other = {"url": "https://y.test/score"}
    return Settings.model_validate(
        {
            "models": {
                "medimageparse": {"endpoints": [{"url": "https://x.test/score", **endpoint}]},
                "medimageinsight": {"endpoints": [{"url": ARM, "min_instances": 2, "max_instances": 6}]},
                "classifiers": {"endpoints": {"mine": other}},
            }
        }
    )


def test_a_quota_reaches_the_endpoint() -> None:
    settings = configured(
        daily_requests=10, daily_cost=2.5, price_per_s=0.01, quota_hard=True, quota_zone="America/New_York"
    )
    (endpoint,) = app.fleet_settings(settings).medimageparse.endpoints
    assert endpoint.daily == DailyQuota(10, None, 2.5, hard=True, zone="America/New_York")


def test_endpoints_that_may_be_scaled() -> None:
    settings = configured()
    fleet = app.fleet_settings(settings)
    assert [endpoint.url for endpoint in fleet.endpoints] == ["https://x.test/score", ARM, "https://y.test/score"]
    (scaled,) = app.scaled_endpoints(settings)
    assert (scaled.setting.url, scaled.least, scaled.most) == (ARM, 2, 6)
    assert fleet.look_up_s == app.SCALED_LOOK_UP_S, "new instances shall be used soon"
    assert app.composition(settings).scaled == (scaled,)
