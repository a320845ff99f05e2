"""Reading from one FHIR R4 server: bounded, on its own origin only, and errors without identity.

Contract: HL7 FHIR R4 (4.0.1), RESTful API. JSON searches and reads with a bearer token. The token goes nowhere but to
the configured origin; answers are read up to a limit; errors name the kind of resource and the status, never an
address, an identifier or what was answered.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import httpx

from domain.errors import ConfigurationError, HistoryUnavailable

SETTING = "MEDIMAGE_HISTORY__FHIR_URL"
FHIR_JSON = "application/fhir+json"
_AGAIN = frozenset({429, 502, 503, 504})
_REMEDIES = {
    401: "Renew the token (MEDIMAGE_HISTORY__TOKEN).",
    403: "Let the token read this kind of resource of all patients that are imaged here.",
    404: "Check that the address is the FHIR base, e.g. https://host/fhir.",
    429: "Ask again later, or have the server's limit raised.",
}


class FhirRefused(HistoryUnavailable):
    """The server refused one kind of resource (400, 403, 404, 405, 406, 501): others may still be read."""


@dataclass(frozen=True)
class FhirBounds:
    """What one reading of a history may cost.

    Attributes:
        page_size: entries asked for at once. pages: of one search.
        page_bytes, attachment_bytes: of one answer. total_bytes: of all answers together.
        attachments: documents whose text is fetched apart.
        seconds: for everything; request_s: for one answer.
        attempts: requests for one answer; longest_wait_s: a server that asks for more patience is given up.
    """

    page_size: int = 100
    pages: int = 20
    page_bytes: int = 8 << 20
    attachment_bytes: int = 2 << 20
    total_bytes: int = 64 << 20
    attachments: int = 100
    seconds: float = 60.0
    request_s: float = 20.0
    attempts: int = 3
    longest_wait_s: float = 10.0


class FhirServer:
    """One FHIR base address.

    Args:
        base_url: e.g. "https://ehr.example.org/fhir"; plain http only where the network is trusted.
        token: bearer token; "" for none.
        client: pool of connections; whoever opens it closes it. It must not follow redirects.
        sleep: how to wait between attempts.

    Raises:
        ConfigurationError: the address is no http(s) address, or carries a user name.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        client: httpx.AsyncClient,
        bounds: FhirBounds,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._base = base_url.rstrip("/") + "/"
        self._left = bounds.total_bytes
        self._origin = _origin(self._base)
        if self._origin is None:
            raise ConfigurationError("It is no http(s) address of a server, without user name.", where=SETTING)
        self._headers = {"Accept": FHIR_JSON, "Accept-Encoding": "identity"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._client = client
        self._bounds = bounds
        self._sleep = sleep

    def fresh(self) -> FhirServer:
        """The same server for one more reading, with all of its bounds before it."""
        again = copy(self)
        again._left = self._bounds.total_bytes
        return again

    def local(self, address: str) -> str | None:
        """An address of this server, absolute; None for one of another origin or outside of the base."""
        try:
            absolute = urljoin(self._base, address)
            path = unquote(urlsplit(absolute).path)
        except ValueError:
            return None
        inside = f"{path}/".startswith(urlsplit(self._base).path) and ".." not in path.split("/")
        return absolute if inside and _origin(absolute) == self._origin else None

    async def check(self) -> str:
        """The server's FHIR version, when it speaks R4 and lets the token search patients; for `app.py doctor`.

        Raises:
            HistoryUnavailable: it does not answer, refuses the token, or speaks another version.
        """
        told = await self._json("GET", f"{self._base}metadata", "its capabilities")
        version = str(told.get("fhirVersion", ""))[:20]
        if told.get("resourceType") != "CapabilityStatement" or not version.startswith("4."):
            raise HistoryUnavailable("The server does not speak FHIR R4.", where=SETTING)
        await self.search("Patient", {"_summary": "count"})
        return version

    async def search(self, kind: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        """The first page of a search, by POST: parameters may be identity and stay out of addresses and logs."""
        return _bundle(await self._json("POST", f"{self._base}{kind}/_search", kind, dict(parameters)), kind)

    async def page(self, address: str, kind: str) -> dict[str, Any]:
        """A further page.

        Raises:
            HistoryUnavailable: it lies on another server, or cannot be read.
        """
        local = self.local(address)
        if local is None:
            raise HistoryUnavailable(
                f"The next page of {kind} lies on another server; it was not followed.",
                where=SETTING,
                remedy="Configure the address that the server itself writes into its links.",
            )
        return _bundle(await self._json("GET", local, kind), kind)

    async def binary(self, address: str) -> tuple[str, bytes]:
        """(media type, content) of a Binary; as FHIR JSON or as itself. Raises HistoryUnavailable."""
        return await self._content("GET", address, "Binary", self._bounds.attachment_bytes)

    async def _json(
        self, method: str, address: str, kind: str, form: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        _, content = await self._content(method, address, kind, self._bounds.page_bytes, form)
        try:
            read = json.loads(content)
        except (ValueError, RecursionError):
            raise HistoryUnavailable(f"The answer about {kind} is no JSON.", where=SETTING) from None
        if not isinstance(read, dict):
            raise HistoryUnavailable(f"The answer about {kind} is no FHIR resource.", where=SETTING)
        return read

    async def _content(
        self, method: str, address: str, kind: str, limit: int, form: Mapping[str, str] | None = None
    ) -> tuple[str, bytes]:
        """One answer, asked for again where that may help."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._once(method, address, kind, limit, form)
            except _Later as later:
                wait = later.asked_s if later.asked_s is not None else 0.5 * 2 ** (attempt - 1)
                if attempt >= self._bounds.attempts or wait > self._bounds.longest_wait_s:
                    raise later.error from None
            await self._sleep(wait)

    async def _once(
        self, method: str, address: str, kind: str, limit: int, form: Mapping[str, str] | None
    ) -> tuple[str, bytes]:
        try:
            async with self._client.stream(
                method,
                address,
                headers=self._headers,
                data=form,
                timeout=self._bounds.request_s,
                follow_redirects=False,
            ) as response:
                _accept(response, kind)
                content = await _bounded(response, kind, min(limit, self._left))
                self._left -= len(content)
                return response.headers.get("content-type", ""), content
        except httpx.TimeoutException:
            error = HistoryUnavailable(f"The FHIR server took too long over {kind}.", where=SETTING)
            raise _Later(error) from None
        except (httpx.HTTPError, httpx.InvalidURL) as failure:
            error = HistoryUnavailable(f"No connection to the FHIR server ({type(failure).__name__}).", where=SETTING)
            raise _Later(error) from None


class _Later(Exception):
    """One request failed, and another may not."""

    def __init__(self, error: HistoryUnavailable, asked_s: float | None = None) -> None:
        self.error = error
        self.asked_s = asked_s
        super().__init__(error.reason)


def _accept(response: httpx.Response, kind: str) -> None:
    """Raises HistoryUnavailable, FhirRefused or _Later for anything but 200."""
    status = response.status_code
    if status == httpx.codes.OK:
        return
    if response.is_redirect:
        reason = "The FHIR server redirects to another address; it was not followed."
        raise HistoryUnavailable(reason, where=SETTING, remedy="Configure the final address.")
    reason = f"The FHIR server answers {status} about {kind}."
    remedy = _REMEDIES.get(status, "")
    if status in _AGAIN:
        raise _Later(HistoryUnavailable(reason, where=SETTING, remedy=remedy), _retry_after(response))
    refused = status in {400, 403, 404, 405, 406, 501}
    raise (FhirRefused if refused else HistoryUnavailable)(reason, where=SETTING, remedy=remedy)


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("retry-after", "").strip()
    return float(value) if value.isascii() and value.isdigit() and len(value) < 10 else None


async def _bounded(response: httpx.Response, kind: str, limit: int) -> bytes:
    """The body, up to `limit` bytes. Compressed ones were not asked for, and their size cannot be known ahead."""
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise HistoryUnavailable(f"The answer about {kind} is compressed though that was refused.", where=SETTING)
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > limit:
            raise HistoryUnavailable(f"An answer about {kind} is larger than {limit >> 10} KiB.", where=SETTING)
        parts.append(part)
    return b"".join(parts)


def _bundle(read: dict[str, Any], kind: str) -> dict[str, Any]:
    entries = read.get("entry", [])
    if read.get("resourceType") != "Bundle" or not isinstance(entries, list):
        raise HistoryUnavailable(f"The answer about {kind} is no FHIR Bundle.", where=SETTING)
    return read


def _origin(address: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None for what is no http(s) address or carries a user name."""
    try:
        parts = urlsplit(address)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        return None
    return parts.scheme, parts.hostname.lower(), port
