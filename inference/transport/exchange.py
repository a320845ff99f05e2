"""One request to one endpoint and its answer; everything that can go wrong has a kind and a remedy.

Contract: Azure ML managed online endpoints, scoring (POST, bearer key or token, optional header
`azureml-model-deployment`, `x-ms-client-request-id`; 408, 429 and 5xx may be tried again, 424 when the model's
own status, which its header names, is one of these or is not told). Errors name the endpoint and its host, never
its path, its key, or what was sent or answered.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from domain.errors import ModelError, ModelRefused, ModelResponseInvalid, ModelUnreachable
from inference.transport.compression import ACCEPTED, CompressionBroken, Inflater
from inference.transport.endpoint import Endpoint
from inference.transport.retry import is_transient, retry_after_s

_ERROR_CODE = re.compile(rb'"code"\s*:\s*"([A-Za-z][A-Za-z_]{1,39})"')
_LONGEST_ERROR = 64 << 10
_REMEDIES = {
    400: "Check that the endpoint serves the model it is configured for, and its deployment.",
    401: "Check the endpoint's key.",
    403: "Check the endpoint's key and what it is allowed to do.",
    404: "Check the endpoint's URL and deployment.",
    413: "The endpoint's limit for requests is too small for one image; raise it there.",
}
_OF_THE_ENDPOINT = frozenset({401, 403, 404, 405})
"""Refusals that say something about this endpoint, not about the request: another one may take it."""


class CertificateNotTrusted(ModelRefused):
    """The endpoint's certificate is self-signed, expired, for another host, or of an unknown authority."""

    remedy_default = (
        "Install a certificate of a known authority at the endpoint, or name the file of yours in SSL_CERT_FILE."
    )


@dataclass(frozen=True)
class Answer:
    """A successful answer: its content, and its size on the wire in bytes."""

    content: bytes
    wire_bytes: int


class Failed(Exception):
    """One request failed.

    Attributes:
        error: what to raise when nothing else helps.
        again: the same endpoint may succeed another time. elsewhere: another endpoint may succeed now.
        healthy: the endpoint did its part; the failure says nothing against it.
        asked_s: the rest that it asked for.
    """

    def __init__(
        self,
        error: ModelError,
        *,
        again: bool = False,
        elsewhere: bool = False,
        healthy: bool = False,
        asked_s: float | None = None,
    ) -> None:
        self.error = error
        self.again = again
        self.elsewhere = elsewhere or again
        self.healthy = healthy
        self.asked_s = asked_s
        super().__init__(str(error))

    @property
    def throttled(self) -> bool:
        """The endpoint works, and was asked too much: 429."""
        return self.healthy and self.again


class Exchange:
    """Sends prebuilt JSON bodies to one endpoint over a shared pool."""

    def __init__(self, endpoint: Endpoint, client: httpx.AsyncClient) -> None:
        self.endpoint = endpoint
        self._client = client

    async def send(self, body: bytes, request_id: str) -> Answer:
        """The answer to one request, within the endpoint's deadline.

        Raises:
            Failed: with the error, and what may still help.
        """
        try:
            async with asyncio.timeout(self.endpoint.longest_s):
                return await self._authorised(body, request_id)
        except TimeoutError as error:
            fact = f"did not finish within its deadline of {self.endpoint.longest_s:g} s"
            raise Failed(self._unreachable(fact), again=True) from error
        except httpx.TimeoutException as error:
            raise Failed(self._unreachable("did not answer in time"), again=True) from error
        except httpx.TransportError as error:
            raise self._broken_connection(error) from error
        except (CompressionBroken, httpx.DecodingError) as error:
            raise Failed(self._invalid("The answer's compression is broken."), healthy=True) from error

    async def _authorised(self, body: bytes, request_id: str) -> Answer:
        """After a 401, once more with a credential that was renewed."""
        bearer = await self._bearer()
        try:
            return await self._once(body, request_id, bearer)
        except _Unauthorised as first:
            credential = self.endpoint.credential
            if credential is None:
                raise first.failed from None
            credential.invalidate(bearer)
        try:
            return await self._once(body, request_id, await self._bearer())
        except _Unauthorised as second:
            raise second.failed from None

    async def _bearer(self) -> str:
        if self.endpoint.credential is None:
            return self.endpoint.key
        try:
            return await self.endpoint.credential.token()
        except ModelUnreachable as error:
            raise Failed(error, again=True) from error
        except ModelError as error:
            raise Failed(error, elsewhere=True) from error

    async def _once(self, body: bytes, request_id: str, bearer: str) -> Answer:
        headers = self._headers(request_id, bearer)
        async with self._client.stream("POST", self.endpoint.url, content=body, headers=headers) as response:
            if not response.is_success:
                raise await self._failure(response)
            return await self._read(response)

    def _headers(self, request_id: str, bearer: str) -> dict[str, str]:
        headers = {
            "content-type": "application/json",
            "accept": "application/json",
            "accept-encoding": ACCEPTED,
            "x-ms-client-request-id": request_id,
        }
        if bearer:
            headers["authorization"] = f"Bearer {bearer}"
        if self.endpoint.deployment:
            headers["azureml-model-deployment"] = self.endpoint.deployment
        return headers

    async def _read(self, response: httpx.Response) -> Answer:
        announced = response.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > self.endpoint.largest_answer:
            raise self._too_large()
        inflater = Inflater(response.headers.get("content-encoding", ""))
        pieces: list[bytes] = []
        size = wire = 0
        try:
            async for chunk in response.aiter_raw():
                wire += len(chunk)
                for piece in inflater.feed(chunk):
                    size += len(piece)
                    if size > self.endpoint.largest_answer:
                        raise self._too_large()
                    pieces.append(piece)
        except (httpx.RemoteProtocolError, httpx.ReadError) as error:
            raise Failed(self._invalid("The answer broke off before its end."), again=True) from error
        inflater.finish()
        return Answer(b"".join(pieces), wire)

    async def _failure(self, response: httpx.Response) -> Exception:
        status = response.status_code
        said = await _start_of(response)
        if is_transient(_effective(response)):
            return Failed(
                self._unreachable(f"answered {status}"),
                again=True,
                healthy=status == 429,
                asked_s=retry_after_s(response.headers),
            )
        code = _ERROR_CODE.search(said)
        named = f" ({code.group(1).decode()})" if code else ""
        remedy = _REMEDIES.get(status, ModelRefused.remedy_default)
        if response.has_redirect_location:
            remedy = "Configure the URL that the endpoint finally has; redirects are not followed."
        error = ModelRefused(f"The endpoint answered {status}{named}.", remedy=remedy, where=self.endpoint.label)
        of_the_endpoint = status in _OF_THE_ENDPOINT or status < 400
        failed = Failed(error, elsewhere=of_the_endpoint, healthy=not of_the_endpoint)
        return _Unauthorised(failed) if status == 401 else failed

    def _broken_connection(self, error: httpx.TransportError) -> Failed:
        causes = list(_causes(error))
        for cause in causes:
            if isinstance(cause, ssl.SSLCertVerificationError):
                said = cause.verify_message.rstrip(".") or "unknown reason"
                reason = f"The endpoint's certificate is not trusted ({said})."
                return Failed(CertificateNotTrusted(reason, where=self.endpoint.label), elsewhere=True)
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            remedy = "Check the host name in the endpoint's URL, and this machine's DNS."
            return Failed(self._unreachable("has a host name that does not resolve", remedy), again=True)
        if any(isinstance(cause, ssl.SSLError) for cause in causes):
            remedy = "Check that the endpoint's URL names a port that speaks TLS, and what stands in between."
            return Failed(self._unreachable("did not agree on a TLS connection", remedy), again=True)
        return Failed(self._unreachable("could not be reached, or closed the connection"), again=True)

    def _too_large(self) -> Failed:
        limit = self.endpoint.largest_answer
        return Failed(self._invalid(f"The answer is larger than {limit} bytes, more than any can be."), healthy=True)

    def _unreachable(self, fact: str, remedy: str = "") -> ModelUnreachable:
        return ModelUnreachable(f"The endpoint {fact}.", remedy=remedy, where=self.endpoint.label)

    def _invalid(self, reason: str) -> ModelResponseInvalid:
        return ModelResponseInvalid(reason, where=self.endpoint.label)


class _Unauthorised(Exception):
    """A 401, with the failure that it is unless a renewed credential helps."""

    def __init__(self, failed: Failed) -> None:
        self.failed = failed
        super().__init__(str(failed))


def _effective(response: httpx.Response) -> int:
    """Azure answers 424 when the model's own code failed, and mostly names that status; a 500 when it does not."""
    if response.status_code != 424:
        return response.status_code
    inner = response.headers.get("ms-azureml-model-error-statuscode", "").strip()
    return int(inner) if inner.isdigit() else 500


async def _start_of(response: httpx.Response) -> bytes:
    """The first bytes of an error's body; a short body is read whole, so that the connection can be used again."""
    pieces: list[bytes] = []
    size = 0
    try:
        inflater = Inflater(response.headers.get("content-encoding", ""))
        async for chunk in response.aiter_raw():
            for piece in inflater.feed(chunk):
                pieces.append(piece)
                size += len(piece)
                if size > _LONGEST_ERROR:
                    return b"".join(pieces)[:4096]
    except (httpx.TransportError, CompressionBroken):
        pass
    return b"".join(pieces)[:4096]


def _causes(error: BaseException) -> Iterator[BaseException]:
    at: BaseException | None = error
    while at is not None:
        yield at
        at = at.__cause__ or at.__context__
