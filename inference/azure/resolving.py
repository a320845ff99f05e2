"""Scores through endpoints that are resolved when they are first called, and looked up again when they refuse.

A key that was exchanged, an endpoint that was made anew, a deployment that was renamed: each shows as a refusal.
The control plane is then asked, at most once in `AGAIN_S`; only if it says something new is the call made again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from domain.errors import ConfigurationError, ModelError, ModelRefused
from domain.privacy import Deidentified
from inference.azure.discovery import AzureEndpoints, Resolved, as_refusal
from inference.azure.setting import EndpointSetting
from inference.transport.credentials import Clock
from inference.transport.endpoint import Endpoint

AGAIN_S = 60.0
"""A refusal makes the control plane be asked again no more often than this; it is throttled."""


class Transport(Protocol):
    """What sends a body to endpoints that serve one model: `inference.transport.transport.EndpointTransport`."""

    @property
    def endpoint(self) -> Endpoint:
        """Where it sends; one that stands for all."""

    async def score(self, body: Deidentified[bytes]) -> bytes:
        """The answer's bytes."""

    async def discard(self, body: Deidentified[bytes]) -> None:
        """Forget the cached answer to a body."""


class ResolvingTransport:
    """A `Transport` for settings, also while nobody knows their scoring URIs yet.

    Of several endpoints of a model, those that cannot be found are left out while there are others.

    Args:
        connect: makes the transport of endpoints that have been resolved.
        clock: injected so that a test needs no patience.
    """

    def __init__(
        self,
        settings: Sequence[EndpointSetting],
        endpoints: AzureEndpoints,
        connect: Callable[[Sequence[Endpoint]], Transport],
        *,
        clock: Clock = time.time,
    ) -> None:
        if not settings:
            raise ConfigurationError("A model without an endpoint.", where="models endpoints")
        self._settings = tuple(settings)
        self._endpoints = endpoints
        self._connect = connect
        self._clock = clock
        self._resolved: tuple[Resolved, ...] = ()
        self._transport: Transport | None = None
        self._absent: dict[EndpointSetting, float] = {}
        self._renewing = asyncio.Lock()
        self._renewed_at = -AGAIN_S

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint; until it is resolved a stand-in with its name and version, at an address that is none."""
        if self._transport:
            return self._transport.endpoint
        remote = [setting for setting in self._settings if setting.by_id]
        setting = (remote or list(self._settings))[0]
        url = "https://unresolved.invalid" if setting.by_id else setting.url
        return Endpoint(url, name=setting.label, version=setting.version or "unknown", model=setting.model)

    async def resolve(self) -> Endpoint:
        """Look the endpoints up now, so that version and place are known before the first call.

        Raises:
            ModelRefused, ModelUnreachable.
        """
        return (await self._ready()).endpoint

    async def score(self, body: Deidentified[bytes]) -> bytes:
        """The answer's bytes.

        Raises:
            ModelRefused, ModelUnreachable, ModelResponseInvalid; what cannot be configured like this is a
            refusal too, so that a run goes on with the next model.
        """
        transport = await self._ready()
        try:
            return await transport.score(body)
        except ModelRefused:
            other = await self._other(transport)
            if other is None:
                raise
        return await other.score(body)

    async def discard(self, body: Deidentified[bytes]) -> None:
        """Forget the cached answer to a body."""
        if self._transport:
            await self._transport.discard(body)

    async def _ready(self) -> Transport:
        """The transport; without any wait once everything is resolved."""
        missed_before = self._clock() - AGAIN_S
        wanted = [s for s in self._settings if self._absent.get(s, missed_before) <= missed_before]
        found, error = await self._found(wanted or self._settings)
        if not found and error:
            raise error
        if self._transport is None or found != self._resolved:
            self._resolved, self._transport = found, self._connected(found)
        return self._transport

    async def _found(self, settings: Sequence[EndpointSetting]) -> tuple[tuple[Resolved, ...], ModelError | None]:
        found: list[Resolved] = []
        first: ModelError | None = None
        for setting in settings:
            try:
                found.append(await self._endpoints.resolve(setting))
                self._absent.pop(setting, None)
            except (ModelError, ConfigurationError) as error:
                self._absent[setting] = self._clock()
                first = first or as_refusal(error)
        return tuple(found), first

    def _connected(self, found: Sequence[Resolved]) -> Transport:
        try:
            return self._connect([resolved.endpoint for resolved in found])
        except ConfigurationError as error:
            raise as_refusal(error) from error

    async def _other(self, refused: Transport) -> Transport | None:
        """A transport that may fare better than the one that was refused; None when there is nothing new."""
        async with self._renewing:
            if self._transport is refused and self._clock() - self._renewed_at >= AGAIN_S:
                self._renewed_at = self._clock()
                await self._renewed()
        return None if self._transport is refused else self._transport

    async def _renewed(self) -> None:
        try:
            for setting in self._settings:
                if setting.by_id:
                    await self._endpoints.renew(setting)
            await self._ready()
        except (ModelError, ConfigurationError):
            return  # the refusal that led here says more
