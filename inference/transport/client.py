"""The one pool of connections that all endpoints share."""

from __future__ import annotations

import ssl
from urllib.request import getproxies

import httpx

from inference.transport.sockets import SocketTransport

CONNECT_S, READ_S, KEEP_S = 10.0, 90.0, 30.0


def open_client(
    *,
    connect_s: float = CONNECT_S,
    read_s: float = READ_S,
    connections: int = 256,
    transport: httpx.AsyncBaseTransport | None = None,
    trust: ssl.SSLContext | None = None,
) -> httpx.AsyncClient:
    """A pool for any number of endpoints; whoever opens it closes it. Time-outs in seconds.

    Args:
        read_s: longest silence of an endpoint; its deadline bounds the whole answer.
        trust: whom to believe; the certifi list, or SSL_CERT_FILE, when None.
        transport: instead of sockets. Where the environment names a proxy, httpx's own connections go through it.
    """
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=KEEP_S)
    if transport is None and not getproxies():
        transport = SocketTransport(limits, trust)
    return httpx.AsyncClient(
        timeout=httpx.Timeout(read_s, connect=connect_s),
        limits=limits,
        follow_redirects=False,
        transport=transport,
        verify=trust if trust is not None else True,
    )
