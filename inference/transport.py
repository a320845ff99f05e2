"""JSON over HTTP to one scoring endpoint: pooled, bounded in time, size and concurrency, retried when it makes sense.

Contract: Azure ML managed online endpoints, scoring (POST, bearer key, optional header
`azureml-model-deployment`; 429 and 5xx may be tried again). It knows nothing about what the bytes mean.
Errors name the endpoint and its host, never its path, its key, or what was sent or answered.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

from domain.errors import ConfigurationError, ModelError, ModelRefused, ModelResponseInvalid, ModelUnreachable
from domain.privacy import Deidentified
from inference.retry import RetryPolicy, is_transient, retry_after_s

IN_PROCESS_HOST = "embedded.invalid"
"""Host of endpoints that an ASGI transport answers in this process (RFC 6761: never resolves)."""

CONNECT_S, READ_S = 10.0, 90.0
LARGEST_ANSWER = 512 * 2**20
_ERROR_CODE = re.compile(rb'"code"\s*:\s*"([A-Za-z][A-Za-z_]{1,39})"')
_REMEDIES = {
    400: "Check that the endpoint serves the model it is configured for, and its deployment.",
    401: "Check the endpoint's key.",
    403: "Check the endpoint's key and what it is allowed to do.",
    404: "Check the endpoint's URL and deployment.",
    413: "The endpoint's limit for requests is too small for one image; raise it there.",
}

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, repr=False)
class Endpoint:
    """A scoring URI and how to call it.

    Attributes:
        concurrency: calls in flight at once; published for MedImageParse: 8 an instance.
        name: what people call it; its host when empty.
        version: of the model behind it, from configuration; the wire does not say.
    """

    url: str
    key: str = ""
    deployment: str = ""
    concurrency: int = 8
    name: str = ""
    version: str = "unknown"

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            raise ConfigurationError(
                "An endpoint's URL must be http(s)://host/path, without a name or password in it.",
                where=self.name or "models endpoints",
            )
        if self.concurrency < 1:
            raise ConfigurationError("An endpoint's concurrency must be at least 1.", where=self.label)

    def __repr__(self) -> str:
        return f"Endpoint({self.label})"

    @property
    def host(self) -> str:
        """Host name of the URL."""
        return urlsplit(self.url).hostname or ""

    @property
    def label(self) -> str:
        """How errors and logs call it: name and host."""
        return f"{self.name} ({self.host})" if self.name else self.host

    @property
    def local(self) -> bool:
        """True when pixels sent there stay on this machine: in this process, or on loopback."""
        if self.host in (IN_PROCESS_HOST, "localhost"):
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


def open_client(
    *,
    connect_s: float = CONNECT_S,
    read_s: float = READ_S,
    connections: int = 64,
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.AsyncClient:
    """A pool for any number of endpoints; whoever opens it closes it. Time-outs in seconds."""
    return httpx.AsyncClient(
        timeout=httpx.Timeout(read_s, connect=connect_s),
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        follow_redirects=False,
        transport=transport,
    )


class EndpointTransport:
    """Sends prebuilt bodies to one endpoint.

    Args:
        sleep, chance: how waits pass and how they are spread; injected so that a test needs no patience.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        client: httpx.AsyncClient,
        *,
        policy: RetryPolicy | None = None,
        sleep: Sleep = asyncio.sleep,
        chance: random.Random | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._client = client
        self._policy = policy or RetryPolicy()
        self._sleep = sleep
        self._chance = chance or random.Random()  # noqa: S311 - jitter, not a secret
        self._slots = asyncio.Semaphore(endpoint.concurrency)

    async def score(self, body: Deidentified[bytes]) -> bytes:
        """The answer's bytes to a JSON body. A slot is held while a call is in flight, not while it waits.

        Raises:
            ModelUnreachable: no answer after all tries.
            ModelRefused: a status that another try will not change.
            ModelResponseInvalid: an answer that broke off, or is larger than any answer can be.
        """
        failures = 0
        while True:
            asked_s: float | None = None
            try:
                async with self._slots:
                    return await self._once(body.value)
            except _TryAgain as again:
                failures += 1
                asked_s = again.asked_s
                error = again.error
            wait_s = self._policy.wait_s(failures, asked_s, self._chance)
            if wait_s is None:
                raise error
            await self._sleep(wait_s)

    async def _once(self, body: bytes) -> bytes:
        try:
            async with self._client.stream(
                "POST", self.endpoint.url, content=body, headers=self._headers()
            ) as response:
                if not response.is_success:
                    raise await self._failure(response)
                return await self._read(response)
        except httpx.TimeoutException as error:
            raise _TryAgain(self._unreachable("did not answer in time")) from error
        except httpx.TransportError as error:
            raise _TryAgain(self._unreachable("could not be reached, or closed the connection")) from error

    def _headers(self) -> dict[str, str]:
        headers = {"content-type": "application/json", "accept": "application/json"}
        if self.endpoint.key:
            headers["authorization"] = f"Bearer {self.endpoint.key}"
        if self.endpoint.deployment:
            headers["azureml-model-deployment"] = self.endpoint.deployment
        return headers

    async def _read(self, response: httpx.Response) -> bytes:
        chunks: list[bytes] = []
        size = 0
        try:
            async for chunk in response.aiter_bytes():
                size += len(chunk)
                if size > LARGEST_ANSWER:
                    raise self._invalid("The answer is larger than any answer can be.")
                chunks.append(chunk)
        except httpx.DecodingError as error:
            raise self._invalid("The answer's compression is broken.") from error
        except httpx.RemoteProtocolError as error:
            raise _TryAgain(self._invalid("The answer broke off before its end.")) from error
        return b"".join(chunks)

    async def _failure(self, response: httpx.Response) -> Exception:
        """A failed status as an error. Azure answers 424 when the model's own code failed, and names that status."""
        status = response.status_code
        inner = response.headers.get("ms-azureml-model-error-statuscode", "")
        effective = int(inner) if status == 424 and inner.isdigit() else status
        if is_transient(effective):
            return _TryAgain(self._unreachable(f"answered {status}"), retry_after_s(response.headers))
        code = _ERROR_CODE.search((await response.aread())[:4096])
        said = f" ({code.group(1).decode()})" if code else ""
        remedy = _REMEDIES.get(status, ModelRefused.remedy_default)
        if response.is_redirect:
            remedy = "Configure the URL that the endpoint finally has; redirects are not followed."
        return ModelRefused(f"The endpoint answered {status}{said}.", remedy=remedy, where=self.endpoint.label)

    def _unreachable(self, fact: str) -> ModelUnreachable:
        return ModelUnreachable(f"The endpoint {fact}.", where=self.endpoint.label)

    def _invalid(self, reason: str) -> ModelResponseInvalid:
        return ModelResponseInvalid(reason, where=self.endpoint.label)


class _TryAgain(Exception):
    """A failure that may pass, with the error to raise when it does not and the wait that was asked for."""

    def __init__(self, error: ModelError, asked_s: float | None = None) -> None:
        self.error = error
        self.asked_s = asked_s
        super().__init__(str(error))
