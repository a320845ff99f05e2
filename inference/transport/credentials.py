"""What a call is authorised with: a key, an Azure ML token or an Entra token, renewed before it expires.

Contract: Azure ML online endpoints take any of the three as `Authorization: Bearer …`. A token is asked for
once, kept, and asked for again five minutes before it expires, earlier when its issuer says so, or after the
endpoint answered 401. Nothing here writes a value into an error, a log or a `repr`.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from domain.errors import ModelError

MARGIN_S = 300.0
"""A token is renewed this long before it expires, so that a call never leaves with one that dies on the way."""

PAUSE_S = 30.0
"""After a renewal that failed, while the old token still serves, the next one waits this long."""

Clock = Callable[[], float]
"""Seconds since 1970, UTC."""


class Credential(Protocol):
    """Authorises calls to one endpoint."""

    async def token(self) -> str:
        """A bearer value; empty when the endpoint asks for none.

        Raises:
            ModelRefused: whoever issues tokens said no.
            ModelUnreachable: whoever issues tokens did not answer.
        """

    def invalidate(self, rejected: str = "") -> None:
        """Forget the value after a 401. With `rejected`, only if that is still the one that is kept:
        of many calls in flight that are turned away together, one makes it renew.
        """


@dataclass(frozen=True, repr=False)
class IssuedToken:
    """A bearer value and its times, seconds since 1970 UTC; infinite when it does not expire (a key)."""

    value: str
    expires_at: float = math.inf
    renew_at: float = math.inf

    def due_at(self) -> float:
        """When to ask for the next one: as its issuer advises, at the latest `MARGIN_S` before it expires."""
        return min(self.renew_at, self.expires_at - MARGIN_S)


class StaticKey:
    """A configured key; a 401 does not change it."""

    def __init__(self, key: str) -> None:
        self._key = key

    async def token(self) -> str:
        """The key."""
        return self._key

    def invalidate(self, rejected: str = "") -> None:
        """There is no other key to try."""


class RenewedToken:
    """A kept token that renews itself, with one renewal at a time whoever waits for it.

    For one event loop. A renewal that fails is no harm while the old token still serves.

    Args:
        issue: asks the issuer; raises ModelError when it cannot give a token.
        issued: a token that is already there.
        clock: injected so that a test needs no patience.
    """

    def __init__(
        self,
        issue: Callable[[], Awaitable[IssuedToken]],
        *,
        issued: IssuedToken | None = None,
        clock: Clock = time.time,
    ) -> None:
        self._issue = issue
        self._clock = clock
        self._kept = issued
        self._due_at = issued.due_at() if issued else -math.inf
        self._renewal: asyncio.Task[IssuedToken] | None = None

    async def token(self) -> str:
        """The kept value, or a new one when it is due."""
        kept, now = self._kept, self._clock()
        if kept and (now < self._due_at or (self._renewing and now < kept.expires_at)):
            return kept.value
        try:
            return (await self._renewed()).value
        except ModelError:
            if self._kept is None or self._clock() >= self._kept.expires_at:
                raise
            self._due_at = self._clock() + PAUSE_S
            return self._kept.value

    def invalidate(self, rejected: str = "") -> None:
        """Forget the kept value, unless another one than `rejected` has taken its place."""
        if self._kept and rejected in ("", self._kept.value):
            self._kept = None

    @property
    def _renewing(self) -> bool:
        return self._renewal is not None and not self._renewal.done()

    async def _renewed(self) -> IssuedToken:
        """One task serves all who wait; one of them going away does not take it from the others."""
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew())
            self._renewal.add_done_callback(_seen)
        return await asyncio.shield(self._renewal)

    async def _renew(self) -> IssuedToken:
        issued = await self._issue()
        # A token that comes late in its life is used for a while all the same, not asked for at every call.
        now = self._clock()
        self._kept = issued
        self._due_at = max(issued.due_at(), now + min(PAUSE_S, max(0.0, issued.expires_at - now) / 2))
        return issued


class EndpointKey(RenewedToken):
    """A key that the control plane handed out (`listKeys`): it does not expire, but may be exchanged."""


class AmlToken(RenewedToken):
    """Azure ML's own token (`token` of the endpoint), with its `expiryTimeUtc` and `refreshAfterTimeUtc`."""


class EntraToken(RenewedToken):
    """A token of Microsoft Entra ID for the scope of Azure ML's data plane."""


def _seen(task: asyncio.Task[IssuedToken]) -> None:
    # When everybody who waited has gone, asyncio would complain that nobody looked at the error.
    if not task.cancelled():
        task.exception()
