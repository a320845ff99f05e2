"""Connections for large bodies: httpcore's HTTP over asyncio's own sockets and TLS.

httpcore's usual backend reads one TLS record (16 kB) at a time and arms a time-out for each, which for answers of
a megabyte costs more than everything else that a call does. asyncio's TLS hands over what has arrived at once.
"""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import httpcore
import httpx

_UNREAD = 4 << 20
"""Bytes that may wait to be read before the sender is held back."""

_NEXT_ADDRESS_S = 2.0
"""An address that is silent for so long is given up when the host has another one."""

_PIECE = 128 << 10
"""Bytes that are encrypted and sent together: few enough to stay in the processor's cache on their way."""


class _Wire(asyncio.Protocol):
    """What has arrived, and who waits for it."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.ended = False
        self.full = False
        self.error: Exception | None = None
        self.closed = asyncio.get_running_loop().create_future()
        self._pieces: list[bytes] = []
        self._size = 0
        self._change: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        if self._size > _UNREAD and self.transport is not None:
            self.transport.pause_reading()
        self._tell()

    def eof_received(self) -> bool:
        self.ended = True
        self._tell()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended, self.error = True, exc
        if not self.closed.done():
            self.closed.set_result(None)
        self._tell()

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        self._tell()

    @property
    def readable(self) -> bool:
        """Something came, or the connection has ended."""
        return bool(self._pieces) or self.ended

    def take(self) -> bytes:
        """All that has arrived; nothing at the end."""
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        if self._size > _UNREAD and self.transport is not None:
            self.transport.resume_reading()
        self._size = 0
        return data

    async def until_readable(self) -> None:
        """Wait for bytes, or the end."""
        while not self.readable:
            await self._changed()

    async def until_written(self) -> None:
        """Wait until the buffers take more; an end wakes too."""
        while self.full and not self.ended:
            await self._changed()

    async def _changed(self) -> None:
        self._change = asyncio.get_running_loop().create_future()
        await self._change

    def _tell(self) -> None:
        if self._change is not None and not self._change.done():
            self._change.set_result(None)


class _Stream(httpcore.AsyncNetworkStream):
    """One connection, as httpcore wants it."""

    def __init__(self, wire: _Wire, transport: asyncio.Transport) -> None:
        self._wire = wire
        self._transport = transport

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002, ASYNC109 - interface
        """What has arrived, which may be more than `max_bytes`: the HTTP parser takes it all."""
        if not self._wire.readable:
            async with _within(timeout, httpcore.ReadTimeout):
                await self._wire.until_readable()
        data = self._wire.take()
        if not data and self._wire.error is not None:
            raise httpcore.ReadError(str(self._wire.error)) from self._wire.error
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - interface
        """Hand over to the socket, as fast as it takes it; an answer that comes early ends it."""
        if not buffer:
            return
        if self._wire.closed.done():
            raise httpcore.WriteError("closed") from self._wire.error
        view = memoryview(buffer)
        for start in range(0, len(view), _PIECE):
            self._transport.write(view[start : start + _PIECE])
            if self._wire.full:
                async with _within(timeout, httpcore.WriteTimeout):
                    await self._wire.until_written()
            if self._wire.ended:
                break
        if self._wire.closed.done() and not self._wire.readable:
            raise httpcore.WriteError("closed") from self._wire.error

    async def aclose(self) -> None:
        """At once; HTTP has told where messages end, so that TLS need not say goodbye."""
        self._transport.abort()
        await asyncio.wait([self._wire.closed])

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - interface
    ) -> httpcore.AsyncNetworkStream:
        """The same connection, encrypted."""
        loop = asyncio.get_running_loop()
        try:
            async with _within(timeout, httpcore.ConnectTimeout):
                secure = await loop.start_tls(self._transport, self._wire, ssl_context, server_hostname=server_hostname)
        except (OSError, ssl.SSLError) as error:
            raise httpcore.ConnectError(str(error)) from error
        if secure is None:
            raise httpcore.ConnectError("closed during the handshake")
        self._wire.transport = secure
        return _Stream(self._wire, secure)

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks: whether an idle connection has anything to say (then it is over), and facts."""
        if info == "is_readable":
            return self._wire.readable or _has_something(self._transport.get_extra_info("socket"))
        names = {"client_addr": "sockname", "server_addr": "peername"}
        return self._transport.get_extra_info(names.get(info, info))


class _Sockets(httpcore.AsyncNetworkBackend):
    """Opens connections."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first address that answers."""
        local = None if local_address is None else (local_address, 0)
        try:
            async with _within(timeout, httpcore.ConnectTimeout):
                transport, wire = await _first_that_answers(host, port, local)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        for option in socket_options or ():
            transport.get_extra_info("socket").setsockopt(*option)
        return _Stream(wire, transport)

    async def sleep(self, seconds: float) -> None:
        """Between httpcore's own tries to connect."""
        await asyncio.sleep(seconds)


class SocketTransport(httpx.AsyncHTTPTransport):
    """httpx's transport over these connections. HTTP/1.1, as Azure ML's scoring speaks it."""

    def __init__(self, limits: httpx.Limits, trust: ssl.SSLContext | None = None) -> None:
        context = trust or httpx.create_ssl_context()
        super().__init__(verify=context, limits=limits)
        # httpx has no argument for the network backend; its pool is httpcore's public class.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=_Sockets(),
        )


async def _first_that_answers(host: str, port: int, local: tuple[str, int] | None) -> tuple[asyncio.Transport, _Wire]:
    """One address after the other; asyncio's race between them loses sockets when it is cancelled (Python 3.11)."""
    loop = asyncio.get_running_loop()
    failure: OSError = OSError("no address")
    addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for left, (family, _, _, _, address) in zip(reversed(range(len(addresses))), addresses, strict=True):
        try:
            async with asyncio.timeout(_NEXT_ADDRESS_S if left else None):
                return await loop.create_connection(_Wire, str(address[0]), port, family=family, local_addr=local)
        except OSError as error:
            failure = error
    raise failure


@asynccontextmanager
async def _within(seconds: float | None, late: type[Exception]) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise late() from error


def _has_something(connection: Any) -> bool:
    if connection is None or connection.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
