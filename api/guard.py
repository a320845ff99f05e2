"""What every request passes: Host, Origin and size on the way in, security headers on the way out.

The server has one local user and no login, so other web sites in the user's browser must not reach it:
the Host check stops DNS rebinding, the Origin check stops cross-site requests.
"""

from __future__ import annotations

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import HostRefused, OriginRefused, UploadTooLarge, internal_problem, problem_of
from api.services import Limits
from domain.errors import MedImageError
from jobs.failure import internal_error

UPLOAD_PATH = "/api/v1/studies"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HOST = re.compile(r"([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """ASGI middleware; pure, so that event streams are not buffered."""

    def __init__(self, app: ASGIApp, allowed_hosts: tuple[str, ...], limits: Limits) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in allowed_hosts)
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        try:
            limit = self._check(scope)
            await self._app(scope, _counted(receive, limit), answer)
        except ClientDisconnect:
            return  # nobody is there to be answered
        except MedImageError as error:
            if answer.started:
                raise RuntimeError(f"The response broke off: {error.reason}") from None
            await answer.instead(problem_of(error, scope["path"]).response(), scope, receive)
        except Exception as error:
            reason, remedy = internal_error(error)
            if answer.started:
                raise RuntimeError(f"The response broke off. {remedy}") from None
            await answer.instead(internal_problem(scope["path"], reason, remedy).response(), scope, receive)

    def _check(self, scope: Scope) -> int:
        """The byte limit of an acceptable request. Raises HostRefused, OriginRefused, UploadTooLarge."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if len(headers.getlist("host")) > 1 or host_name(host) not in self._hosts:
            raise HostRefused("This server does not answer to that host name.", where="Host")
        if scope["method"] not in SAFE_METHODS:
            _require_same_origin(headers, f"{scope['scheme']}://{host}")
        upload = scope["path"].rstrip("/") == UPLOAD_PATH
        limit = self._limits.upload_bytes if upload else self._limits.body_bytes
        if headers.get("content-length", "0").isdigit() and int(headers.get("content-length", "0")) > limit:
            raise _too_large(limit)
        return limit


class _Answer:
    """`send` with security headers, that knows whether the response has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            headers.setdefault("Cache-Control", "no-store")
        await self._send(message)

    async def instead(self, response: ASGIApp, scope: Scope, receive: Receive) -> None:
        await response(scope, receive, self)


def host_name(host: str) -> str:
    """A Host header without its port, in lower case; IPv6 keeps its brackets; "" for what is no host and port."""
    found = _HOST.fullmatch(host)
    return found[1].lower() if found else ""


def _require_same_origin(headers: Headers, own: str) -> None:
    """`own` is scheme, host and port as the client wrote them (RFC 6454 section 6.2: what Origin must say)."""
    origins = headers.getlist("origin")
    foreign = any(origin.lower() != own.lower() for origin in origins)
    if foreign or headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        raise OriginRefused("This request comes from another web site.", where="Origin")


def _counted(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise _too_large(limit)
        return message

    return counted


def _too_large(limit: int) -> UploadTooLarge:
    return UploadTooLarge(f"The request is larger than {limit >> 20} MiB.")
