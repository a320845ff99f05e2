"""The clouds of Azure: where each has its control plane, its sign-in and its machine learning audience.

Sources: the metadata that every Resource Manager publishes at `/metadata/endpoints`, and the table of
azure-ai-ml. A private or sovereign cloud that is not in the table is named by its Resource Manager's URL.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import httpx

from domain.errors import ConfigurationError, ModelUnreachable

METADATA_PATH = "/metadata/endpoints?api-version=2022-09-01"
SETTING = "models endpoints cloud"
_WAIT_S = 10.0


@dataclass(frozen=True)
class Cloud:
    """One cloud; URLs without a slash at their end.

    Attributes:
        name: Azure's name for it.
        resource_manager: the control plane.
        authority: Microsoft Entra ID's sign-in.
        machine_learning: audience of the data plane; its scope is this with `/.default`.
        built_in: azure-ai-ml knows it by name.
    """

    name: str
    resource_manager: str
    authority: str
    machine_learning: str
    portal: str = ""
    storage_suffix: str = ""
    built_in: bool = True

    @property
    def scope(self) -> str:
        """What a token for scoring is asked for."""
        return f"{self.machine_learning}/.default"

    @property
    def metadata(self) -> dict[str, str]:
        """As azure-ai-ml wants a cloud described that it does not know."""
        return {
            "azure_portal": f"{self.portal}/",
            "resource_manager": f"{self.resource_manager}/",
            "active_directory": f"{self.authority}/",
            "aml_resource_id": f"{self.machine_learning}/",
            "storage_endpoint": self.storage_suffix,
            "registry_discovery_endpoint": f"{self.resource_manager}/",
        }


PUBLIC = Cloud(
    "AzureCloud", "https://management.azure.com", "https://login.microsoftonline.com", "https://ml.azure.com"
)
US_GOVERNMENT = Cloud(
    "AzureUSGovernment",
    "https://management.usgovcloudapi.net",
    "https://login.microsoftonline.us",
    "https://ml.azure.us",
)
CHINA = Cloud(
    "AzureChinaCloud", "https://management.chinacloudapi.cn", "https://login.chinacloudapi.cn", "https://ml.azure.cn"
)
CLOUDS = {cloud.name: cloud for cloud in (PUBLIC, US_GOVERNMENT, CHINA)}


def named_cloud(name: str, *, scope: str = "") -> Cloud:
    """A cloud by its name, or by its Resource Manager's URL, which is asked once (one request; not on a hot path).

    Args:
        scope: overrides the scope of the data plane.

    Raises:
        ConfigurationError: no such cloud, or not HTTPS.
        ModelUnreachable: its Resource Manager does not say what it is.
    """
    cloud = CLOUDS.get(name or PUBLIC.name) or _by_url(name)
    return replace(cloud, machine_learning=scope.removesuffix("/.default").rstrip("/")) if scope else cloud


def _by_url(url: str) -> Cloud:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.password:
        raise ConfigurationError(
            "There is no such cloud.",
            remedy=f"Name one of {', '.join(CLOUDS)}, or the https:// URL of its Resource Manager.",
            where=SETTING,
        )
    base = f"https://{parts.netloc}"
    known = [cloud for cloud in CLOUDS.values() if cloud.resource_manager == base]
    return known[0] if known else _described(base)


def _described(base: str) -> Cloud:
    where = f"{SETTING} ({urlsplit(base).hostname})"
    try:
        answer = httpx.get(base + METADATA_PATH, timeout=_WAIT_S)
        answer.raise_for_status()
        found = answer.json()
        fields: dict[str, Any] = found[0] if isinstance(found, list) else found
        portal = str(fields["portal"]).rstrip("/")
        return Cloud(
            # azure-ai-ml keeps what it is told first under a name: one name for each Resource Manager.
            name=f"{fields['name']}@{urlsplit(base).netloc}",
            resource_manager=base,
            authority=str(fields["authentication"]["loginEndpoint"]).rstrip("/"),
            machine_learning=_machine_learning(portal),
            portal=portal,
            storage_suffix=str(fields["suffixes"]["storage"]),
            built_in=False,
        )
    except (httpx.HTTPError, ValueError, KeyError, IndexError, TypeError) as error:
        raise ModelUnreachable(
            f"The Resource Manager does not describe its cloud ({type(error).__name__}).",
            remedy="Check the URL, the network and, for a private certificate authority, REQUESTS_CA_BUNDLE and "
            "SSL_CERT_FILE.",
            where=where,
        ) from error


def _machine_learning(portal: str) -> str:
    """Azure's convention: https://portal.azure.<suffix> has its audience at https://ml.azure.<suffix>."""
    host = urlsplit(portal).hostname or ""
    suffix = host.removeprefix("portal.azure.")
    return f"https://ml.azure.{suffix}" if suffix != host else PUBLIC.machine_learning
