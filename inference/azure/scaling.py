"""The number of instances of an online deployment: read and changed through Azure's control plane.

Contract: azure-ai-ml 1.30 and later (`online_deployments.get`, `online_deployments.begin_create_or_update`). Needs
onlineEndpoints/deployments/write, which scoring does not: give it to an identity of its own. A deployment that Azure
scales by itself, or that is being changed, is left alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
from typing import Any

from domain.errors import ConfigurationError, ModelRefused, ModelUnreachable
from inference.azure.cloud import named_cloud
from inference.azure.control import ControlPlane
from inference.azure.deployments import EndpointId
from inference.azure.identity import Patience
from inference.azure.setting import EndpointSetting

_SAYS_SO = "azure.ai.ml.operations._online_deployment_operations"
"""A logger of azure-ai-ml that sets its own level, and prints on stdout."""

WAIT_S = 1800.0
"""How long a change is waited for; new instances of large machines take minutes."""


class ScalingPlane(ControlPlane):
    """Reads and changes numbers of instances, as one identity in one cloud."""

    async def instances(self, endpoint: EndpointId, deployment: str) -> int:
        """How many the deployment has.

        Raises:
            ConfigurationError: no such endpoint or deployment. ModelRefused, ModelUnreachable: as `discover`.
        """
        return await asyncio.to_thread(
            self._ask, endpoint, lambda client, id_: _found(client, id_, deployment).instance_count or 1
        )

    async def scale(self, endpoint: EndpointId, deployment: str, instances: int, wait_s: float = WAIT_S) -> None:
        """Change it, and wait until it is changed.

        Raises:
            ConfigurationError: no such endpoint or deployment.
            ModelRefused: the identity may not, Azure scales it by itself, or is in the middle of another change.
            ModelUnreachable: no answer, or not done in `wait_s`.
        """

        def change(client: Any, id_: EndpointId) -> None:
            found = _found(client, id_, deployment)
            _check(found, id_)
            found.instance_count = instances
            # With a credential it asks the public cloud's registry about the model, only to log what it says.
            client.online_deployments._credentials = None
            logging.getLogger(_SAYS_SO).setLevel(logging.CRITICAL)
            with contextlib.redirect_stdout(io.StringIO()):  # azure-ai-ml prints dots while it waits
                poller = client.online_deployments.begin_create_or_update(found, skip_script_validation=True)
                poller.wait(wait_s)
                if not poller.done():
                    raise ModelUnreachable(
                        f"The change to {instances} instances was not done in {wait_s:.0f} s.",
                        remedy="Look at the deployment in the studio; it goes on by itself.",
                        where=id_.label,
                    )
                poller.result()

        await asyncio.to_thread(self._ask, endpoint, change)


async def scaling_plane(setting: EndpointSetting, patience: Patience | None = None) -> ScalingPlane:
    """The control plane of a configured endpoint. Raises ConfigurationError, ModelUnreachable: unknown cloud."""
    cloud = await asyncio.to_thread(named_cloud, setting.cloud, scope=setting.scope)
    return ScalingPlane(setting.identity, cloud, patience or Patience())


def _found(client: Any, id_: EndpointId, deployment: str) -> Any:
    names = [found.name for found in client.online_deployments.list(id_.endpoint)]
    name = next((name for name in names if name.casefold() == deployment.casefold()), None)
    if name is None:
        raise ConfigurationError(
            f"The endpoint has no deployment {deployment!r}; it has: {', '.join(names) or 'none'}.", where=id_.label
        )
    return client.online_deployments.get(name, id_.endpoint)


def _check(found: Any, id_: EndpointId) -> None:
    kind = str(getattr(found.scale_settings, "type", "") or "default").casefold()
    if kind != "default":
        raise ModelRefused(
            "Azure scales this deployment by itself.",
            remedy="Leave it to Azure, or take its rules away.",
            where=id_.label,
        )
    state = str(getattr(found.provisioning_state, "value", found.provisioning_state) or "").casefold()
    if state not in ("succeeded", ""):
        raise ModelRefused(
            f"The deployment is being changed (provisioning state {state}).",
            remedy="Wait until that is done; look at it in the studio if it stays.",
            where=id_.label,
        )
