"""Every fault of the wire against a server that really shows it: a typed error with a remedy, in bounded time."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
import trustme

from domain.errors import ModelRefused, ModelResponseInvalid, ModelUnreachable
from inference.transport.endpoint import Endpoint
from inference.transport.exchange import CertificateNotTrusted, Exchange, Failed
from inference.transport.transport import open_client
from tests.inference.raw_server import RawServer, Received, Reply, answer, byte_server, raw_server, says


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(connect_s=5, read_s=5) as opened:
        yield opened


def at(server: RawServer, client: httpx.AsyncClient, **facts: object) -> Exchange:
    return Exchange(Endpoint(server.url, key="s3cr3t", name="ward", **facts), client)  # type: ignore[arg-type]


async def failure_of(exchange: Exchange) -> Failed:
    with pytest.raises(Failed) as caught:
        await exchange.send(b"{}", "id-1")
    error = caught.value.error
    assert "ward (" in error.where
    assert error.remedy
    assert "s3cr3t" not in str(error)
    return caught.value


async def test_what_is_sent(client: httpx.AsyncClient) -> None:
    async with raw_server(says(b"[1]")) as server:
        got = await at(server, client, deployment="blue").send(b'{"a":1}', "id-1")
    assert (got.content, got.wire_bytes) == (b"[1]", 3)
    (request,) = server.requests
    assert request.body == b'{"a":1}'
    assert request.headers["x-ms-client-request-id"] == "id-1"
    assert request.headers["authorization"] == "Bearer s3cr3t"
    assert request.headers["azureml-model-deployment"] == "blue"
    assert request.headers["content-length"] == "7"


async def test_a_slow_trickle_ends_at_the_deadline(client: httpx.AsyncClient) -> None:
    async def trickle(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"", length=10**6))
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with raw_server(trickle) as server:
        failed = await failure_of(at(server, client, deadline_s=0.3))
    assert type(failed.error) is ModelUnreachable
    assert failed.again
    assert not failed.healthy
    assert "0.3 s" in str(failed.error)


async def test_silence_ends_at_the_read_time_out() -> None:
    async def silence(_: Received, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            await asyncio.sleep(0.01)

    async with open_client(read_s=0.1) as client, raw_server(silence) as server:
        failed = await failure_of(at(server, client))
    assert type(failed.error) is ModelUnreachable
    assert failed.again


@pytest.mark.parametrize(
    ("status", "headers", "kind", "again", "elsewhere", "healthy"),
    [
        ("408 X", "", ModelUnreachable, True, True, False),
        ("429 X", "retry-after: 9\r\n", ModelUnreachable, True, True, True),
        ("500 X", "", ModelUnreachable, True, True, False),
        ("503 X", "", ModelUnreachable, True, True, False),
        ("424 X", "", ModelUnreachable, True, True, False),
        ("424 X", "ms-azureml-model-error-statuscode: 500\r\n", ModelUnreachable, True, True, False),
        ("424 X", "ms-azureml-model-error-statuscode: 400\r\n", ModelRefused, False, False, True),
        ("400 X", "", ModelRefused, False, False, True),
        ("413 X", "", ModelRefused, False, False, True),
        ("401 X", "", ModelRefused, False, True, False),
        ("403 X", "", ModelRefused, False, True, False),
        ("404 X", "", ModelRefused, False, True, False),
        ("302 X", "location: https://elsewhere.example/\r\n", ModelRefused, False, True, False),
    ],
)
async def test_each_status_has_its_kind(
    client: httpx.AsyncClient, status: str, headers: str, kind: type, again: bool, elsewhere: bool, healthy: bool
) -> None:
    async with raw_server(says(b'{"error":{"code":"no"}}', status=status, headers=headers)) as server:
        failed = await failure_of(at(server, client))
    assert type(failed.error) is kind
    assert (failed.again, failed.elsewhere, failed.healthy) == (again, elsewhere, healthy)
    assert failed.asked_s == (9.0 if status == "429 X" else None)
    assert status[:3] in str(failed.error)
    assert "elsewhere.example" not in str(failed.error)


async def test_a_failed_status_leaves_the_connection_usable(client: httpx.AsyncClient) -> None:
    connections = set()

    async def fails(_: Received, writer: asyncio.StreamWriter) -> None:
        connections.add(writer)
        writer.write(answer(b'{"error":"busy"}', status="503 X"))

    async with raw_server(fails) as server:
        for _ in range(3):
            await failure_of(at(server, client))
    assert len(connections) == 1


@pytest.mark.parametrize("cut", ["reset", "truncated", "closed"])
async def test_an_answer_that_breaks_off(client: httpx.AsyncClient, cut: str) -> None:
    async def breaks(_: Received, writer: asyncio.StreamWriter) -> None:
        if cut != "closed":
            writer.write(answer(b"[1, 2", length=100))
            await writer.drain()
            await asyncio.sleep(0.05)
        if cut == "reset":
            writer.transport.abort()
        writer.close()

    async with raw_server(breaks) as server:
        failed = await failure_of(at(server, client))
    assert failed.again
    assert not failed.healthy
    assert type(failed.error) is (ModelUnreachable if cut == "closed" else ModelResponseInvalid)


async def test_compressed_answers_in_one_member_or_several(client: httpx.AsyncClient) -> None:
    content = gzip.compress(b"[1," * 1000) + gzip.compress(b"2]" * 10)
    async with raw_server(says(content, headers="content-encoding: gzip\r\n")) as server:
        got = await at(server, client).send(b"{}", "id")
    assert got.content == b"[1," * 1000 + b"2]" * 10
    assert got.wire_bytes == len(content)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (gzip.compress(b"[1,2,3]" * 100)[:-12], "gzip"),
        (b"no gzip", "gzip"),
        (b"[1]", "br"),
    ],
    ids=["cut off", "not gzip", "another encoding"],
)
async def test_broken_or_unknown_compression(client: httpx.AsyncClient, content: bytes, encoding: str) -> None:
    async with raw_server(says(content, headers=f"content-encoding: {encoding}\r\n")) as server:
        failed = await failure_of(at(server, client))
    assert type(failed.error) is ModelResponseInvalid
    assert not failed.again


async def test_a_gzip_bomb_is_stopped_at_the_limit_not_unpacked(client: httpx.AsyncClient) -> None:
    bomb = gzip.compress(bytes(200 << 20), compresslevel=1)
    async with raw_server(says(bomb, headers="content-encoding: gzip\r\n")) as server:
        tracemalloc.start()
        try:
            failed = await failure_of(at(server, client, largest_answer=4 << 20))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert type(failed.error) is ModelResponseInvalid
    assert not failed.again
    assert peak < 24 << 20


@pytest.mark.parametrize("announced", [True, False])
async def test_a_huge_answer_is_not_read(client: httpx.AsyncClient, announced: bool) -> None:
    written = 0

    async def pours(_: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        writer.write(answer(b"", length=1 << 40) if announced else chunked)
        block = b"10000\r\n" + b" " * 65536 + b"\r\n"
        while not writer.is_closing() and written < 1 << 28:
            writer.write(b" " * 65536 if announced else block)
            written += 65536
            await writer.drain()

    async with raw_server(pours) as server:
        failed = await failure_of(at(server, client, largest_answer=1 << 20))
    assert type(failed.error) is ModelResponseInvalid
    assert not failed.again
    assert written < 1 << 28


def trusted(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def tls(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


async def test_a_trusted_certificate() -> None:
    authority = trustme.CA()
    async with (
        raw_server(says(b"[1]"), tls(authority, "localhost")) as server,
        open_client(trust=trusted(authority)) as client,
    ):
        assert (await at(server, client).send(b"{}", "id")).content == b"[1]"


@pytest.mark.parametrize("kind", ["unknown", "other host"])
async def test_a_certificate_that_is_not_trusted(kind: str) -> None:
    authority = trustme.CA()
    names = ["localhost"] if kind == "unknown" else ["elsewhere.example"]
    trust = trusted(trustme.CA() if kind == "unknown" else authority)
    async with raw_server(says(b"[1]"), tls(authority, *names)) as server, open_client(trust=trust) as client:
        failed = await failure_of(at(server, client))
    assert isinstance(failed.error, CertificateNotTrusted)
    assert "certificate is not trusted" in str(failed.error)
    assert "SSL_CERT_FILE" in failed.error.remedy
    assert not failed.again
    assert failed.elsewhere
    assert not server.requests


async def test_tls_towards_a_port_that_speaks_none(client: httpx.AsyncClient) -> None:
    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"", status="400 X"))

    async with byte_server(plain) as url:
        endpoint = Endpoint(url.replace("http://", "https://"), name="ward")
        failed = await failure_of(Exchange(endpoint, client))
    assert type(failed.error) is ModelUnreachable
    assert "TLS" in str(failed.error)


async def test_a_name_that_does_not_resolve_and_a_port_that_nobody_listens_on(client: httpx.AsyncClient) -> None:
    endpoint = Endpoint("http://no-such-host.invalid/score", name="ward")
    failed = await failure_of(Exchange(endpoint, client))
    assert type(failed.error) is ModelUnreachable
    assert "does not resolve" in str(failed.error)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = replace(endpoint, url=f"http://127.0.0.1:{closed.getsockname()[1]}/score")
        failed = await failure_of(Exchange(nobody, client))
    assert type(failed.error) is ModelUnreachable
    assert failed.again


class Tokens:
    """A credential whose value changes when it is invalidated."""

    def __init__(self, *values: str, error: Exception | None = None) -> None:
        self.values = list(values)
        self.error = error
        self.rejected: list[str] = []

    async def token(self) -> str:
        if self.error:
            raise self.error
        return self.values[0]

    def invalidate(self, rejected: str = "") -> None:
        self.rejected.append(rejected)
        if len(self.values) > 1:
            self.values.pop(0)


def only_for(token: str) -> Reply:
    async def reply(request: Received, writer: asyncio.StreamWriter) -> None:
        ok = request.headers["authorization"] == f"Bearer {token}"
        writer.write(answer(b"[1]") if ok else answer(b"{}", status="401 X"))

    return reply


async def test_an_expired_token_is_renewed_once(client: httpx.AsyncClient) -> None:
    tokens = Tokens("old", "new")
    async with raw_server(only_for("new")) as server:
        exchange = Exchange(Endpoint(server.url, name="ward", credential=tokens), client)
        assert (await exchange.send(b"{}", "id")).content == b"[1]"
        assert len(server.requests) == 2
    assert tokens.rejected == ["old"]


async def test_a_renewed_token_that_is_refused_too_is_a_refusal(client: httpx.AsyncClient) -> None:
    async with raw_server(only_for("other")) as server:
        exchange = Exchange(Endpoint(server.url, name="ward", credential=Tokens("a", "b", "c")), client)
        failed = await failure_of(exchange)
        assert len(server.requests) == 2
    assert type(failed.error) is ModelRefused
    assert not failed.again


@pytest.mark.parametrize(
    ("error", "again"), [(ModelUnreachable("x", where="ward ("), True), (ModelRefused("x", where="ward ("), False)]
)
async def test_without_a_token_nothing_is_sent(client: httpx.AsyncClient, error: Exception, again: bool) -> None:
    async with raw_server(says(b"[1]")) as server:
        endpoint = Endpoint(server.url, name="ward", credential=Tokens("x", error=error))
        failed = await failure_of(Exchange(endpoint, client))
        assert not server.requests
    assert failed.error is error
    assert failed.again is again
    assert failed.elsewhere
