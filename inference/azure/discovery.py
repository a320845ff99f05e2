"""A configured endpoint as something that can be called: a scoring URI with its key, or an ARM ID to look up.

An ARM ID is looked up once, in a thread, before the first call; later calls find the answer here. After
`TTL_S` it is looked up again behind the calls, never in their way; and when an endpoint refuses a call.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from domain.errors import ConfigurationError, ModelError, ModelRefused
from inference.azure.cloud import Cloud, named_cloud
from inference.azure.control import ControlPlane
from inference.azure.deployments import SETTING, Discovery, EndpointId
from inference.azure.identity import Patience, entra_token
from inference.azure.setting import EndpointSetting
from inference.transport.credentials import AmlToken, Clock, Credential, EndpointKey, IssuedToken, StaticKey
from inference.transport.endpoint import Endpoint

TTL_S = 3600.0
"""How long a look-up is believed. Scaling and new deployments are seen after it at the latest."""


@dataclass(frozen=True, repr=False)
class Resolved:
    """An endpoint that can be called, with its credential in it.

    Attributes:
        discovery: what Azure says about it; None for a scoring URI.
    """

    endpoint: Endpoint
    discovery: Discovery | None = None

    def __repr__(self) -> str:
        return f"Resolved({self.endpoint.label})"

    @property
    def credential(self) -> Credential:
        """What its calls are authorised with."""
        return self.endpoint.credential or StaticKey(self.endpoint.key)


@dataclass(repr=False)
class _Kept:
    resolved: Resolved
    found_at: float


class AzureEndpoints:
    """Resolves settings and keeps the answers; one for an application, for one event loop.

    Args:
        clock: seconds since 1970; injected so that a test needs no patience.
    """

    def __init__(self, *, patience: Patience | None = None, ttl_s: float = TTL_S, clock: Clock = time.time) -> None:
        self._patience = patience or Patience()
        self._ttl_s = ttl_s
        self._clock = clock
        self._kept: dict[EndpointSetting, _Kept] = {}
        self._pending: dict[EndpointSetting, asyncio.Task[Resolved]] = {}

    async def resolve(self, setting: EndpointSetting) -> Resolved:
        """The endpoint and its credential; asks the control plane the first time only, later at once.

        Raises:
            ConfigurationError: a setting that cannot work, an endpoint or a deployment that does not exist.
            ModelRefused: Azure does not let this identity look.
            ModelUnreachable: no answer.
        """
        kept = self._kept.get(setting)
        if kept is None:
            return await self._joined(setting)
        if self._clock() - kept.found_at >= self._ttl_s:
            kept.found_at = self._clock()
            self._start(setting)
        return kept.resolved

    async def renew(self, setting: EndpointSetting) -> Resolved:
        """Look it up again now, because it no longer answers as it did; the old answer stays if that fails.

        Raises:
            As `resolve`.
        """
        return await self._joined(setting)

    async def _joined(self, setting: EndpointSetting) -> Resolved:
        return await asyncio.shield(self._start(setting))

    def _start(self, setting: EndpointSetting) -> asyncio.Task[Resolved]:
        """One look-up at a time for a setting, whoever waits for it."""
        pending = self._pending.get(setting)
        if pending is None or pending.done():
            pending = self._pending[setting] = asyncio.create_task(self._look_up(setting))
            pending.add_done_callback(_seen)
        return pending

    async def _look_up(self, setting: EndpointSetting) -> Resolved:
        resolved = await (self._by_id(setting) if setting.by_id else self._by_uri(setting))
        before = self._kept.get(setting)
        if before and _same(before.resolved, resolved):
            resolved = before.resolved  # keeps its credential, and with it a token that still serves
        self._kept[setting] = _Kept(resolved, self._clock())
        return resolved

    async def _by_uri(self, setting: EndpointSetting) -> Resolved:
        if setting.auth == "aml_token":
            raise _wrong("Azure ML's tokens come from the control plane.", "Configure the endpoint by its ARM ID.")
        if setting.auth != "entra":
            return Resolved(setting.endpoint())
        return Resolved(setting.endpoint(credential=self._entra(setting, await _cloud(setting), setting.url)))

    async def _by_id(self, setting: EndpointSetting) -> Resolved:
        id_ = EndpointId.parse(setting.url)
        plane = ControlPlane(setting.identity, await _cloud(setting), self._patience)
        found, issued = await plane.discover(id_, secret=not setting.key and setting.auth != "entra")
        credential = self._credential(setting, plane, found, issued)
        return Resolved(setting.endpoint(found, credential), found)

    def _credential(
        self, setting: EndpointSetting, plane: ControlPlane, found: Discovery, issued: IssuedToken | None
    ) -> Credential | None:
        wanted = setting.auth or ("key" if setting.key else found.auth)
        if wanted != found.auth:
            raise _wrong(f"The endpoint takes {found.auth}, not {wanted}.", "Set auth to it, or leave auth out.")
        if wanted == "entra":
            return self._entra(setting, plane.cloud, found.scoring_uri)
        if setting.key:
            return None

        async def issue() -> IssuedToken:
            try:
                return await plane.key(found.id)
            except ConfigurationError as error:
                raise as_refusal(error) from error

        kind = EndpointKey if wanted == "key" else AmlToken
        return kind(issue, issued=issued, clock=self._clock)

    def _entra(self, setting: EndpointSetting, cloud: Cloud, url: str) -> Credential:
        if setting.key:
            raise _wrong("An endpoint with an Entra token has no key.", "Leave out the key, or auth.")
        if urlsplit(url).scheme != "https" and not Endpoint(url).local:
            raise _wrong("A token must not leave this machine unencrypted.", "Use the https:// scoring URI.")
        where = setting.label
        return entra_token(setting.identity, cloud, where=where, patience=self._patience, clock=self._clock)


def as_refusal(error: ModelError | ConfigurationError) -> ModelError:
    """In the middle of a run, an endpoint that cannot be used like this is a refusal: there may be another model."""
    if isinstance(error, ModelError):
        return error
    return ModelRefused(error.reason, remedy=error.remedy, where=error.where)


async def _cloud(setting: EndpointSetting) -> Cloud:
    return await asyncio.to_thread(named_cloud, setting.cloud, scope=setting.scope)


def _same(one: Resolved, other: Resolved) -> bool:
    return (
        one.endpoint == other.endpoint
        and one.discovery == other.discovery
        and type(one.credential) is type(other.credential)
    )


def _wrong(reason: str, remedy: str) -> ConfigurationError:
    return ConfigurationError(reason, remedy=remedy, where=SETTING)


def _seen(task: asyncio.Task[Resolved]) -> None:
    # A look-up behind the calls may fail unheard: what is known stays, and the next one asks again.
    if not task.cancelled():
        task.exception()
