"""Azure's control plane for online endpoints: discovery, keys and tokens, through `MLClient`, never for scoring.

Contract: azure-ai-ml 1.30 and later (`online_endpoints.get`, `online_endpoints.get_keys`,
`online_deployments.list`). Its client takes seconds to import and makes global changes (current cloud, telemetry),
so it is opened under a lock, in a thread, for a few calls, over a connection pool that is closed afterwards.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from domain.errors import ConfigurationError, MedImageError, ModelRefused, ModelResponseInvalid, ModelUnreachable
from inference.azure.cloud import Cloud
from inference.azure.deployments import (
    DEFAULT_CONCURRENCY,
    DEFAULT_TIMEOUT_S,
    Deployment,
    Discovery,
    EndpointId,
    model_of,
    with_traffic,
)
from inference.azure.identity import Identity, Patience, no_answer, quiet_azure, sign_in_failed
from inference.transport.credentials import IssuedToken

T = TypeVar("T")

AUTH_MODES = {
    "key": "key",
    "amltoken": "aml_token",
    "aml_token": "aml_token",
    "aadtoken": "entra",
    "aad_token": "entra",
}
"""An endpoint's `authMode` as Resource Manager or azure-ai-ml spells it, and as we do."""

_CURRENT_CLOUD = "AZUREML_CURRENT_CLOUD"
_OPENING = threading.Lock()
_ACTION = re.compile(r"Microsoft\.MachineLearningServices/[A-Za-z/]{1,120}")
_ROLES = (
    'Give the identity the role "AzureML Data Scientist" on the workspace, or a role with '
    "onlineEndpoints/read and, for keys and tokens, onlineEndpoints/listkeys/action and onlineEndpoints/token/action."
)
_NOT_FOUND = {
    "SubscriptionNotFound": "Check the subscription in the ARM ID, and the cloud.",
    "ResourceGroupNotFound": "Check the resource group in the ARM ID.",
    "ParentResourceNotFound": "Check the workspace in the ARM ID.",
}


@dataclass(frozen=True)
class ControlPlane:
    """Asks about endpoints as one identity in one cloud."""

    identity: Identity
    cloud: Cloud
    patience: Patience

    async def discover(self, endpoint: EndpointId, *, secret: bool) -> tuple[Discovery, IssuedToken | None]:
        """Scoring URI, authentication mode and deployments with their limits; the key or token where there is one.

        Args:
            secret: ask for the key or token too, which takes more rights than to look.

        Raises:
            ConfigurationError: there is no such endpoint.
            ModelRefused: the identity may not look at it.
            ModelUnreachable: no network, or the endpoint has no scoring URI yet.
        """

        def question(client: Any, id_: EndpointId) -> tuple[Discovery, IssuedToken | None]:
            found = _discovered(client, id_)
            return found, _issued(client, id_) if secret and found.auth != "entra" else None

        return await asyncio.to_thread(self._ask, endpoint, question)

    async def key(self, endpoint: EndpointId) -> IssuedToken:
        """The endpoint's primary key, or Azure ML's token with its times; whichever its mode is.

        Raises:
            As `discover`.
        """
        return await asyncio.to_thread(self._ask, endpoint, _issued)

    def _ask(self, endpoint: EndpointId, question: Callable[[Any, EndpointId], T]) -> T:
        try:
            with self._client(endpoint) as client:
                return question(client, endpoint)
        except MedImageError:
            raise
        except Exception as error:
            raise _failure(error, self.identity, endpoint) from error

    @contextmanager
    def _client(self, endpoint: EndpointId) -> Iterator[Any]:
        with _OPENING:
            from azure.core.pipeline.transport import RequestsTransport

            quiet_azure()
            transport = RequestsTransport(**self.patience.options)
            credential = self.identity.open(self.cloud, self.patience)
            client = self._open(endpoint, credential, transport)
        with closing(credential), closing(transport):
            yield client

    def _open(self, endpoint: EndpointId, credential: Any, transport: Any) -> Any:
        from azure.ai.ml import MLClient

        unknown: dict[str, Any] = {} if self.cloud.built_in else {"cloud_metadata": self.cloud.metadata}
        with _environment_kept(_CURRENT_CLOUD):
            return MLClient(
                credential,
                endpoint.subscription,
                endpoint.group,
                endpoint.workspace,
                cloud=self.cloud.name,
                enable_telemetry=False,
                show_progress=False,
                transport=transport,
                **unknown,
                **self.patience.options,
            )


def _discovered(client: Any, id_: EndpointId) -> Discovery:
    endpoint = client.online_endpoints.get(id_.endpoint)
    deployments = [_deployment(found) for found in client.online_deployments.list(id_.endpoint)]
    if not endpoint.scoring_uri:
        raise ModelUnreachable(
            f"The endpoint has no scoring URI (provisioning state {_state(endpoint)}).",
            remedy="Wait until it is provisioned; look at it in the studio if that fails.",
            where=id_.label,
        )
    mode = AUTH_MODES.get(str(endpoint.auth_mode).casefold(), "")
    if not mode:
        raise ConfigurationError(f"The endpoint's mode {endpoint.auth_mode!r} is unknown.", where=id_.label)
    traffic = endpoint.traffic or {}
    return Discovery(id_, endpoint.scoring_uri, mode, with_traffic(deployments, traffic))


def _deployment(found: Any) -> Deployment:
    settings = found.request_settings
    model, version = model_of(found.model)
    milliseconds = settings and settings.request_timeout_ms
    return Deployment(
        name=found.name,
        model=model,
        version=version,
        instances=found.instance_count or 1,
        per_instance=(settings and settings.max_concurrent_requests_per_instance) or DEFAULT_CONCURRENCY,
        request_timeout_s=milliseconds / 1000 if milliseconds else DEFAULT_TIMEOUT_S,
        state=_state(found),
    )


def _state(resource: Any) -> str:
    state = resource.provisioning_state
    return str(getattr(state, "value", state) or "unknown")


def _issued(client: Any, id_: EndpointId) -> IssuedToken:
    keys = client.online_endpoints.get_keys(id_.endpoint)
    key = getattr(keys, "primary_key", None)
    if key:
        return IssuedToken(key)
    expires, advised = float(keys.expiry_time_utc), float(getattr(keys, "refresh_after_time_utc", 0) or 0)
    return IssuedToken(keys.access_token, expires, advised or expires)


def _failure(error: Exception, identity: Identity, id_: EndpointId) -> MedImageError:
    """What azure-ai-ml raises as an error of ours; its text stays behind, it repeats who asked."""
    from azure.core.exceptions import AzureError, ClientAuthenticationError

    network = no_answer(error, id_.label, "Azure's control plane")
    if network:
        return network
    status = int(getattr(error, "status_code", None) or 0)
    if isinstance(error, ClientAuthenticationError) and not status:
        return sign_in_failed(error, identity.kind, id_.label)
    code = str(getattr(getattr(error, "error", None), "code", None) or "")
    if status in (401, 403):
        return _forbidden(error, status, code, identity, id_)
    if status == 404:
        remedy = _NOT_FOUND.get(code, "Check the endpoint's name and workspace in the ARM ID.")
        return ConfigurationError(f"There is no such endpoint ({code or status}).", remedy=remedy, where=id_.label)
    if isinstance(error, AzureError):
        said = code or status or type(error).__name__
        return ModelUnreachable(f"Azure's control plane answered {said}.", where=id_.label)
    return ModelResponseInvalid(
        f"Azure's control plane answered what its client cannot read ({type(error).__name__}).",
        remedy="Configure the endpoint by its scoring URI and key instead.",
        where=id_.label,
    )


def _forbidden(error: Exception, status: int, code: str, identity: Identity, id_: EndpointId) -> ModelRefused:
    action = _ACTION.search(str(error))
    what = f" {action.group()}" if action else " to look at this endpoint"
    said = f"{code or status}"
    return ModelRefused(f"The {identity.kind} may not{what} ({said}).", remedy=_ROLES, where=id_.label)


@contextmanager
def _environment_kept(name: str) -> Iterator[None]:
    before = os.environ.get(name)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before
