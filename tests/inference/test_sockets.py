"""Our connections under httpx: large bodies both ways, with and without TLS, kept alive, and ended by either side."""

from __future__ import annotations

import asyncio
import gc
import random
import ssl
import warnings
from collections.abc import AsyncIterator

import httpx
import pytest
import trustme

from inference.transport.transport import open_client
from tests.inference.raw_server import Received, answer, byte_server, raw_server, says


@pytest.fixture(params=["plain", "tls"])
async def secured(request: pytest.FixtureRequest) -> AsyncIterator[tuple[ssl.SSLContext | None, ssl.SSLContext | None]]:
    """TLS contexts of a server and of who trusts it."""
    if request.param == "plain":
        yield None, None
        return
    authority, server, trust = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(trust)
    yield server, trust


Secured = tuple[ssl.SSLContext | None, ssl.SSLContext | None]


async def test_megabytes_arrive_as_they_were_over_one_connection(secured: Secured) -> None:
    server_tls, trust = secured
    connections = set()

    async def echo(request: Received, writer: asyncio.StreamWriter) -> None:
        connections.add(writer)
        writer.write(answer(request.body))

    async with raw_server(echo, server_tls) as server, open_client(trust=trust) as client:
        for seed in range(3):
            body = random.Random(seed).randbytes(5_000_000 + seed)
            assert (await client.post(server.url, content=body)).content == body
    assert len(connections) == 1


async def test_many_at_once_do_not_mix(secured: Secured) -> None:
    server_tls, trust = secured

    async def echo(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(request.body))

    async with raw_server(echo, server_tls) as server, open_client(trust=trust) as client:
        bodies = [bytes([n]) * (300_000 + n) for n in range(16)]
        answers = await asyncio.gather(*(client.post(server.url, content=body) for body in bodies))
    assert [a.content for a in answers] == bodies


async def test_a_reader_that_pauses_holds_the_sender_back(secured: Secured) -> None:
    server_tls, trust = secured
    content = random.Random(1).randbytes(24 << 20)
    async with (
        raw_server(says(content), server_tls) as server,
        open_client(trust=trust) as client,
        client.stream("POST", server.url, content=b"{}") as response,
    ):
        pieces = []
        async for piece in response.aiter_raw():
            if not pieces:
                await asyncio.sleep(0.2)
            pieces.append(piece)
    assert b"".join(pieces) == content


async def test_a_connection_that_the_server_closed_while_idle_is_not_used_again(secured: Secured) -> None:
    server_tls, trust = secured

    async def once(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"[1]"))
        await writer.drain()
        writer.close()

    async with raw_server(once, server_tls) as server, open_client(trust=trust) as client:
        for _ in range(3):
            assert (await client.post(server.url, content=b"{}")).content == b"[1]"
            await asyncio.sleep(0.05)


async def test_an_answer_before_the_body_has_left_is_heard() -> None:
    async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(b"{}", status="413 X", headers="connection: close\r\n"))
        await writer.drain()
        await reader.read(1 << 20)
        writer.write_eof()
        while await reader.read(1 << 20):
            pass

    async with byte_server(refuses) as url, open_client() as client:
        assert (await client.post(url, content=bytes(32 << 20))).status_code == 413


async def test_a_server_that_does_not_read_ends_in_a_time_out(secured: Secured) -> None:
    server_tls, trust = secured
    tested = asyncio.Event()

    async def ignores(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await tested.wait()
        writer.transport.abort()

    async with byte_server(ignores, server_tls) as url, open_client(read_s=0.2, trust=trust) as client:
        with pytest.raises(httpx.WriteTimeout):
            await client.post(url, content=bytes(64 << 20))
        tested.set()


async def test_a_call_that_is_cancelled_at_any_moment_leaves_no_socket(secured: Secured) -> None:
    server_tls, trust = secured
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", ResourceWarning)
        async with raw_server(says(b"[1]"), server_tls) as server:
            for turns in range(40):
                async with open_client(trust=trust) as client:
                    call = asyncio.create_task(client.post(server.url, content=b"{}"))
                    for _ in range(turns):
                        await asyncio.sleep(0)
                    call.cancel()
                    await asyncio.gather(call, return_exceptions=True)
        gc.collect()
    assert not [str(warning.message) for warning in seen if warning.category is ResourceWarning]


async def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with raw_server(says(b"[1]")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/score"))
        async with open_client() as client:
            assert (await client.post("http://far.example/score", content=b"{}")).content == b"[1]"
        assert proxy.requests[0].headers["host"] == "far.example"
