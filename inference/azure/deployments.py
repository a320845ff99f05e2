"""What Azure says about an online endpoint and its deployments, and what follows from it for a client.

Pure: an endpoint's identifier, its deployments' limits and the model that each serves. Sources: the online
endpoint and deployment resources of Azure Resource Manager (`Microsoft.MachineLearningServices`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from domain.errors import ConfigurationError

SETTING = "models endpoints url"
ARM_PREFIX = "/subscriptions/"
DEFAULT_CONCURRENCY = 1
"""`maxConcurrentRequestsPerInstance` of a deployment that sets none."""
DEFAULT_TIMEOUT_S = 5.0
"""`requestTimeout` of a deployment that sets none; managed endpoints allow up to 180 s."""

_ARM_ID = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    r"/providers/Microsoft\.MachineLearningServices/workspaces/(?P<workspace>[^/]+)"
    r"/onlineEndpoints/(?P<endpoint>[^/]+)/?",
    re.IGNORECASE,
)
_MODEL = re.compile(
    r"(?:.*/)?models/(?P<name>[^/]+)/versions/(?P<version>[^/]+)/?|(?:azureml:)?(?P<n>[^:/]+):(?P<v>[^:/]+)"
)


@dataclass(frozen=True)
class EndpointId:
    """An online endpoint's ARM ID, in its parts."""

    subscription: str
    group: str
    workspace: str
    endpoint: str

    @classmethod
    def parse(cls, text: str) -> EndpointId:
        """Read an ARM ID; names compare without regard to case, as Azure does.

        Raises:
            ConfigurationError: it is not the ARM ID of an online endpoint.
        """
        match = _ARM_ID.fullmatch(text.strip())
        if not match:
            raise ConfigurationError(
                "This is not the ARM ID of an online endpoint.",
                remedy="Copy it from the endpoint's page in the studio: /subscriptions/…/resourceGroups/…/providers/"
                "Microsoft.MachineLearningServices/workspaces/…/onlineEndpoints/<name>.",
                where=SETTING,
            )
        return cls(*match.group("subscription", "group", "workspace", "endpoint"))

    @property
    def label(self) -> str:
        """How errors call it: endpoint and workspace."""
        return f"{self.endpoint} in workspace {self.workspace}"


@dataclass(frozen=True)
class Deployment:
    """One deployment of an endpoint.

    Attributes:
        model, version: of the registered model that it serves; empty when it serves none (its image has it).
        traffic: percent of the calls without a deployment header that it gets.
        per_instance: calls that one instance works on at once.
        request_timeout_s: seconds until the platform gives a call up.
        state: Azure's provisioning state.
    """

    name: str
    model: str = ""
    version: str = ""
    traffic: int = 0
    instances: int = 1
    per_instance: int = DEFAULT_CONCURRENCY
    request_timeout_s: float = DEFAULT_TIMEOUT_S
    state: str = "Succeeded"

    @property
    def capacity(self) -> int:
        """Calls that it works on at once."""
        return max(1, self.instances * self.per_instance)


@dataclass(frozen=True)
class Discovery:
    """What the control plane says about an endpoint.

    Attributes:
        auth: "key", "aml_token" or "entra".
    """

    id: EndpointId
    scoring_uri: str
    auth: str
    deployments: tuple[Deployment, ...] = ()

    def serving(self, wanted: str = "") -> tuple[Deployment, ...]:
        """The deployments that answer: the wanted one, or those that get traffic.

        Raises:
            ConfigurationError: there is no such deployment, or none gets traffic; names those that there are.
        """
        names = ", ".join(deployment.name for deployment in self.deployments) or "none"
        if wanted:
            found = tuple(d for d in self.deployments if d.name.casefold() == wanted.casefold())
            problem = f"The endpoint has no deployment {wanted!r}; it has: {names}."
        else:
            found = tuple(d for d in self.deployments if d.traffic > 0)
            problem = f"No deployment of the endpoint gets traffic; it has: {names}."
        if not found:
            remedy = "Name one of them in the endpoint's deployment." if self.deployments else "Deploy the model first."
            raise ConfigurationError(problem, remedy=remedy, where=self.id.label)
        return found

    def concurrency(self, wanted: str = "") -> int:
        """Calls in flight that no deployment's share overruns: instances × calls an instance, by traffic."""
        serving = self.serving(wanted)
        if wanted:
            return serving[0].capacity
        total = sum(deployment.traffic for deployment in serving)
        return max(1, min(deployment.capacity * total // deployment.traffic for deployment in serving))

    def version(self, wanted: str = "") -> str:
        """The served model's version; several, by name, where traffic is split; "unknown" when Azure does not say."""
        versions = {deployment.version for deployment in self.serving(wanted)}
        return " or ".join(sorted(versions)) if versions and "" not in versions else "unknown"

    def request_timeout_s(self, wanted: str = "") -> float:
        """Seconds that the platform gives a call; the longest of the deployments that answer."""
        return max(deployment.request_timeout_s for deployment in self.serving(wanted))


def model_of(reference: object) -> tuple[str, str]:
    """Name and version out of a deployment's model: a registry or workspace id, or `azureml:name:version`."""
    match = _MODEL.fullmatch(reference) if isinstance(reference, str) else None
    if not match:
        return "", ""
    return match["name"] or match["n"], match["version"] or match["v"]


def with_traffic(deployments: Sequence[Deployment], traffic: Mapping[str, object]) -> tuple[Deployment, ...]:
    """The deployments with their percent of the endpoint's traffic."""
    percent = {name.casefold(): int(str(value or 0)) for name, value in traffic.items()}
    return tuple(replace(d, traffic=percent.get(d.name.casefold(), 0)) for d in deployments)
