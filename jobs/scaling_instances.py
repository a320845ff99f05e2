"""How many instances the endpoints have that may be scaled, as far as is known: nobody waits for Azure here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from domain.errors import MedImageError
from inference.azure.discovery import AzureEndpoints
from inference.azure.setting import EndpointSetting
from jobs.scaling import COOLDOWN_S, Scalable

AGAIN_S = 60.0
"""After a look-up that failed, until the next."""


@dataclass(frozen=True)
class ScaledEndpoint:
    """A configured endpoint and how far it may be scaled.

    Attributes:
        least, most: instances. identity: its setting's own, which needs the right to write deployments.
    """

    setting: EndpointSetting
    least: int = 1
    most: int = 4
    cooldown_s: float = COOLDOWN_S


class KnownInstances:
    """Numbers of instances by what may be scaled, looked up behind the questions.

    Args:
        azure: the fleet's, so that each endpoint is looked up once for all of the process.
    """

    def __init__(
        self,
        azure: AzureEndpoints,
        endpoints: Sequence[ScaledEndpoint],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._azure = azure
        self._endpoints = tuple(endpoints)
        self._monotonic = monotonic
        self._known: dict[ScaledEndpoint, tuple[Scalable, int]] = {}
        self._not_before: dict[ScaledEndpoint, float] = {}
        self._looking: dict[ScaledEndpoint, asyncio.Task[None]] = {}

    def now(self) -> Mapping[Scalable, int]:
        """What is known now; what is not, or may have changed, will be known later."""
        at = self._monotonic()
        for endpoint in self._endpoints:
            looking = self._looking.get(endpoint)
            if (looking is None or looking.done()) and self._not_before.get(endpoint, at) <= at:
                task = asyncio.get_running_loop().create_task(self._look(endpoint), name="instances of an endpoint")
                self._looking[endpoint] = task
        return dict(self._known.values())

    async def aclose(self) -> None:
        """Look up nothing more."""
        tasks = tuple(self._looking.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _look(self, endpoint: ScaledEndpoint) -> None:
        try:
            resolved = await self._azure.resolve(endpoint.setting)
            serving = resolved.discovery.serving(endpoint.setting.deployment) if resolved.discovery else ()
        except MedImageError:
            self._not_before[endpoint] = self._monotonic() + AGAIN_S
            return  # `app.py scale` and `app.py doctor` say why
        self._known.pop(endpoint, None)
        if len(serving) == 1:
            scalable = Scalable(
                resolved.endpoint.label, serving[0].name, endpoint.least, endpoint.most, endpoint.cooldown_s
            )
            self._known[endpoint] = scalable, serving[0].instances
