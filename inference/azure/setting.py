"""One configured endpoint, before anybody was asked about it, and what it becomes when they were."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from inference.azure.cloud import PUBLIC
from inference.azure.deployments import ARM_PREFIX, Discovery
from inference.azure.identity import Identity
from inference.transport.credentials import Credential
from inference.transport.endpoint import DEADLINE_S, Endpoint
from inference.transport.limits import MANAGED_BYTES_PER_S, MANAGED_REQUESTS_PER_S
from inference.transport.quota import DailyQuota

CONCURRENCY = 8
"""Calls in flight of an endpoint that nobody says anything about; published for MedImageParse on one instance."""

ON_THE_WAY_S = 30.0
"""What a call may take besides the platform's own time-out: to be sent, to wait for an instance, to be read."""

MANAGED_HOST = ".inference.ml.azure."
"""In the host of every managed endpoint's scoring URI, in all of Azure's clouds."""

Auth = Literal["", "key", "aml_token", "entra"]


@dataclass(frozen=True, repr=False)
class EndpointSetting:
    """One configured endpoint; see `Endpoint` for what is passed on as it is.

    Attributes:
        url: scoring URI (http…), or ARM ID (/subscriptions/…/onlineEndpoints/<name>).
        auth: empty: the key when there is one; otherwise what the endpoint says (ARM ID).
        deployment: sent with each call, and must exist; empty lets the endpoint's traffic rules choose.
        concurrency: calls in flight; 0: as the deployment allows, `CONCURRENCY` for a scoring URI.
        version: of the model; empty: as the deployment says.
        requests_per_s, bytes_per_s: None: Azure's defaults for a managed endpoint, none for others; infinite: none.
        deadline_s: of one try; None: as the deployment gives, and `ON_THE_WAY_S`.
        cloud: Azure's name of the cloud, or its Resource Manager's URL.
        scope: overrides the scope that an Entra token is asked for.
    """

    url: str
    key: str = ""
    auth: Auth = ""
    deployment: str = ""
    concurrency: int = 0
    name: str = ""
    version: str = ""
    model: str = ""
    identity: Identity = field(default_factory=Identity)
    cloud: str = PUBLIC.name
    scope: str = ""
    requests_per_s: float | None = None
    bytes_per_s: float | None = None
    daily: DailyQuota = field(default_factory=DailyQuota)
    deadline_s: float | None = None
    price_per_request: float = 0.0
    price_per_s: float = 0.0

    def __repr__(self) -> str:
        return f"EndpointSetting({self.label})"

    @property
    def by_id(self) -> bool:
        """True for an ARM ID."""
        return self.url.strip().casefold().startswith(ARM_PREFIX)

    @property
    def label(self) -> str:
        """How errors call it, before more is known."""
        if self.name:
            return self.name
        return self.url.rstrip("/").rsplit("/", 1)[-1] if self.by_id else urlsplit(self.url).hostname or "endpoint"

    @property
    def managed(self) -> bool:
        """True when Azure's limits for managed endpoints hold for it."""
        return self.by_id or MANAGED_HOST in (urlsplit(self.url).hostname or "")

    def endpoint(self, found: Discovery | None = None, credential: Credential | None = None) -> Endpoint:
        """With what was found out about it; a configured value comes before a found one.

        Raises:
            ConfigurationError: a value that cannot work, or a deployment that does not exist.
        """
        return Endpoint(
            url=found.scoring_uri if found else self.url,
            key="" if credential else self.key,
            credential=credential,
            deployment=found.serving(self.deployment)[0].name if found and self.deployment else self.deployment,
            concurrency=self.concurrency or (found.concurrency(self.deployment) if found else CONCURRENCY),
            name=self.name or (found.id.endpoint if found else ""),
            version=self.version or (found.version(self.deployment) if found else "unknown"),
            model=self.model,
            requests_per_s=_limit(self.requests_per_s, MANAGED_REQUESTS_PER_S if self.managed else None),
            bytes_per_s=_limit(self.bytes_per_s, MANAGED_BYTES_PER_S if self.managed else None),
            daily=self.daily,
            deadline_s=self.deadline_s or (self._deadline_s(found) if found else None),
            price_per_request=self.price_per_request,
            price_per_s=self.price_per_s,
        )

    def _deadline_s(self, found: Discovery) -> float:
        return min(DEADLINE_S, found.request_timeout_s(self.deployment) + ON_THE_WAY_S)


def _limit(configured: float | None, default: float | None) -> float | None:
    return default if configured is None else configured
