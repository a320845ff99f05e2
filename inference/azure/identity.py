"""Who we are to Microsoft Entra ID: the machine's own identity, a service principal, or whatever is found.

Contract: azure-identity's `ClientSecretCredential`, `ManagedIdentityCredential` and `DefaultAzureCredential`, in
their synchronous form, each used once in a thread and closed: their own caches would hand out the token that was
just rejected. Refusals name Entra's error code (AADSTS…), never its text, which repeats what was sent.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from domain.errors import ConfigurationError, MedImageError, ModelRefused, ModelUnreachable
from inference.azure.cloud import Cloud
from inference.transport.credentials import Clock, EntraToken, IssuedToken

_AADSTS = re.compile(r"AADSTS\d{4,8}")
_FOUND_NONE = "failed to retrieve a token from the included credentials"
"""How `DefaultAzureCredential` says that nothing that it looked at is there or worked."""
_REMEDIES = {
    "AADSTS7000215": "The client secret is wrong: use the secret's value, not its id.",
    "AADSTS7000222": "The client secret has expired: make a new one for the app registration.",
    "AADSTS700016": "The tenant has no application with this client id: check tenant_id and client_id.",
    "AADSTS90002": "There is no such tenant: check tenant_id, and the cloud.",
    "AADSTS900023": "tenant_id is not a tenant's id or domain.",
    "AADSTS500011": "The tenant does not know Azure Machine Learning's audience: check the cloud and the scope.",
    "AADSTS53003": "A conditional access policy of the tenant blocks this sign-in: ask its administrator.",
}
TLS_REMEDY = (
    "The certificate is not trusted here: for a proxy or a private certificate authority, set REQUESTS_CA_BUNDLE "
    "and SSL_CERT_FILE to its bundle."
)
NETWORK_REMEDY = "Check name resolution, proxy and firewall between this machine and Azure (HTTPS, port 443)."

MACHINE_S = 2.0
"""The machine's own identity service is near, or it is not there."""


@dataclass(frozen=True)
class Patience:
    """Bounds of one call to Entra or to the control plane; Azure's own defaults are 300 s and ten tries."""

    connect_s: float = 10.0
    read_s: float = 30.0
    retries: int = 2

    @property
    def options(self) -> dict[str, Any]:
        """As azure-core's clients take it."""
        return {
            "connection_timeout": self.connect_s,
            "read_timeout": self.read_s,
            "retry_total": self.retries,
            "retry_backoff_factor": 0.4,
        }


@dataclass(frozen=True, repr=False)
class Identity:
    """Which identity asks for tokens.

    A client secret makes it a service principal; `managed` makes it the machine's own identity (with `client_id`
    a user-assigned one); neither lets `DefaultAzureCredential` look: environment, workload, machine, Azure CLI.

    Raises:
        ConfigurationError: fields that do not go together.
    """

    tenant_id: str = ""
    client_id: str = ""
    client_secret: str = ""
    managed: bool = False

    def __post_init__(self) -> None:
        if self.client_secret and self.managed:
            raise _contradiction("A managed identity has no client secret.", "Leave out the one or the other.")
        if self.client_secret and not (self.tenant_id and self.client_id):
            raise _contradiction("A client secret needs tenant_id and client_id.", "Set all three.")
        if self.tenant_id and not self.client_secret:
            raise _contradiction(
                "tenant_id is for a client secret; the other identities bring their own tenant.",
                "Leave tenant_id out, or set client_id and client_secret.",
            )

    def __repr__(self) -> str:
        return f"Identity({self.kind})"

    @property
    def kind(self) -> str:
        """What people call it."""
        if self.client_secret:
            return "client secret"
        return "managed identity" if self.managed else "default identity"

    def open(self, cloud: Cloud, patience: Patience) -> Any:
        """An `azure.core.credentials.TokenCredential`; whoever opens it closes it. Imports azure-identity."""
        from azure.identity import ClientSecretCredential, DefaultAzureCredential, ManagedIdentityCredential

        options = patience.options
        if self.managed:
            options["connection_timeout"] = min(MACHINE_S, patience.connect_s)
            return ManagedIdentityCredential(client_id=self.client_id or None, **options)
        options |= {"authority": cloud.authority, "disable_instance_discovery": not cloud.built_in}
        if self.client_secret:
            return ClientSecretCredential(self.tenant_id, self.client_id, self.client_secret, **options)
        user_assigned = {"managed_identity_client_id": self.client_id} if self.client_id else {}
        return DefaultAzureCredential(**options, **user_assigned)


def entra_token(
    identity: Identity, cloud: Cloud, *, where: str, patience: Patience | None = None, clock: Clock = time.time
) -> EntraToken:
    """A credential for scoring, renewed off the event loop.

    Args:
        where: the endpoint, for errors.
    """
    bounds = patience or Patience()

    async def issue() -> IssuedToken:
        return await asyncio.to_thread(_ask, identity, cloud, bounds, where)

    return EntraToken(issue, clock=clock)


def _ask(identity: Identity, cloud: Cloud, patience: Patience, where: str) -> IssuedToken:
    """Ask Entra; blocks.

    Raises:
        ModelRefused, ModelUnreachable.
    """
    from azure.core.exceptions import AzureError

    try:
        quiet_azure()
        with closing(identity.open(cloud, patience)) as credential:
            issued = credential.get_token_info(cloud.scope)
    except (AzureError, ValueError) as error:
        raise sign_in_failed(error, identity.kind, where) from error
    advised = float(issued.refresh_on) if issued.refresh_on else float(issued.expires_on)
    return IssuedToken(issued.token, float(issued.expires_on), advised)


def sign_in_failed(error: Exception, kind: str, where: str) -> MedImageError:
    """What azure-identity raises as an error of ours: nobody to sign in as, no answer, or no."""
    from azure.identity import CredentialUnavailableError

    found = _AADSTS.search(str(error))
    code = found.group() if found else ""
    said = f" ({code})" if code else ""
    if isinstance(error, CredentialUnavailableError) or _FOUND_NONE in str(error):
        return ModelRefused(
            f"This machine has no {kind} to sign in with{said}.",
            remedy=_REMEDIES.get(code, "Assign a managed identity to it, or set tenant_id, client_id, client_secret."),
            where=where,
        )
    network = no_answer(error, where, "Microsoft Entra ID")
    if network:
        return network
    remedy = _REMEDIES.get(code, f"Check the endpoint's {kind}, its tenant and its cloud.")
    return ModelRefused(f"Microsoft Entra ID gave no token for the {kind}{said}.", remedy=remedy, where=where)


def no_answer(error: BaseException, where: str, who: str) -> ModelUnreachable | None:
    """An error for a failed connection; None when it is something else. azure-identity hides it among its causes."""
    from azure.core.exceptions import ServiceRequestError, ServiceResponseError

    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLError) or "SSLError" in type(cause).__name__ for cause in causes):
        return ModelUnreachable(f"{who} could not be trusted: TLS failed.", remedy=TLS_REMEDY, where=where)
    if any(isinstance(cause, (ServiceRequestError, ServiceResponseError)) for cause in causes):
        return ModelUnreachable(f"{who} could not be reached.", remedy=NETWORK_REMEDY, where=where)
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if any(one is other for other in seen):
            continue
        seen.append(one)
        yield one
        # azure-core's, and urllib3's inside of requests' exceptions
        inner = (getattr(one, "inner_exception", None), getattr(one, "reason", None), *one.args)
        waiting += [c for c in (one.__cause__, one.__context__, *inner) if isinstance(c, BaseException)]


def quiet_azure() -> None:
    """Azure's libraries log at warning what they also raise, with the identity provider's text in it."""
    for logger in map(logging.getLogger, ("azure", "msal")):
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.CRITICAL)


def _contradiction(reason: str, remedy: str) -> ConfigurationError:
    return ConfigurationError(reason, remedy=remedy, where="models endpoints identity")
