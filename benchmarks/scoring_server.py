"""A scoring endpoint with a fixed latency and faults on demand, and the bit of Azure's control plane before it.

    python -m benchmarks.scoring_server [--latency S] [--faults SHARE] [--answer BYTES] [--certificate PEM]

Prints its URL when it listens. Besides `POST /score` it answers what `MLClient.online_endpoints.invoke` asks of
Azure Resource Manager (endpoint, deployments, keys), and `GET /counts`: what was served, by request id.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import ssl
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

FAULTS = ("429", "500", "hang")
_ARM = "/subscriptions/sub/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/ws/onlineEndpoints"


@dataclass
class ScoringServer:
    """What it does, and what it has done.

    Attributes:
        served: answered requests by the stable part of their `x-ms-client-request-id`.
        most: requests in work at once.
    """

    latency_s: float
    faults: float
    answer: bytes
    url: str = ""
    served: Counter[str] = field(default_factory=Counter)
    injected: Counter[str] = field(default_factory=Counter)
    working: int = 0
    most: int = 0
    seen: int = 0
    pick: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Requests of one connection, one after the other."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                lines = head.split("\r\n")
                method, path = lines[0].split(" ")[:2]
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
                await _skip(reader, int(headers.get("content-length") or 0))
                await self._answer(reader, writer, method, path.partition("?")[0], headers)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def _answer(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        method: str,
        path: str,
        headers: dict[str, str],
    ) -> None:
        if path == "/score":
            await self._score(reader, writer, headers)
        elif path == "/counts":
            counts = {"served": self.served, "injected": self.injected, "most": self.most}
            await _send(writer, 200, json.dumps(counts).encode())
            self.served, self.injected, self.most = Counter(), Counter(), 0
        else:
            found = self._control_plane(method, path)
            await _send(writer, 200 if found else 404, json.dumps(found or {}).encode())

    async def _score(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, headers: dict[str, str]) -> None:
        self.working += 1
        self.most = max(self.most, self.working)
        try:
            if self._unlucky():
                await self._fail(reader, writer, FAULTS[self.injected.total() % len(FAULTS)])
                return
            await asyncio.sleep(self.latency_s)
        finally:
            self.working -= 1
        self.served[headers.get("x-ms-client-request-id", "").rpartition("-")[0]] += 1
        await _send(writer, 200, self.answer)

    def _unlucky(self) -> bool:
        """Exactly the share of faults: one request of each block, at a place that chance picks."""
        if not self.faults:
            return False
        block = round(1 / self.faults)
        place, self.seen = self.seen % block, self.seen + 1
        if place == 0:
            self.pick = self.chance.randrange(block)
        return place == self.pick

    async def _fail(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: str) -> None:
        self.injected[fault] += 1
        if fault == "hang":
            await reader.read()
            raise ConnectionResetError
        await _send(writer, int(fault), b'{"error":{"code":"busy"}}', "retry-after: 1\r\n" if fault == "429" else "")

    def _control_plane(self, method: str, path: str) -> dict[str, object] | None:
        identity = {"id": f"{_ARM}/bench", "name": "bench", "type": "t", "location": "here"}
        if (method, path) == ("GET", f"{_ARM}/bench"):
            facts = {"authMode": "Key", "scoringUri": f"{self.url}/score", "provisioningState": "Succeeded"}
            return {**identity, "properties": {**facts, "traffic": {"blue": 100}}}
        if (method, path) == ("GET", f"{_ARM}/bench/deployments"):
            facts = {"endpointComputeType": "Managed", "provisioningState": "Succeeded", "instanceType": "GPU"}
            blue = {**identity, "id": f"{_ARM}/bench/deployments/blue", "name": "blue", "properties": facts}
            return {"value": [{**blue, "sku": {"name": "Default", "capacity": 1}}]}
        if (method, path) == ("POST", f"{_ARM}/bench/listKeys"):
            return {"primaryKey": "k1", "secondaryKey": "k2"}
        return None


async def _skip(reader: asyncio.StreamReader, size: int) -> None:
    """Read a body without keeping it: what the server does with it is not what is measured."""
    while size:
        piece = await reader.read(size)
        if not piece:
            raise ConnectionResetError
        size -= len(piece)


async def _send(writer: asyncio.StreamWriter, status: int, content: bytes, headers: str = "") -> None:
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n{headers}\r\n"
    writer.write(head.encode())
    writer.write(content)
    await writer.drain()


async def serve(server: ScoringServer, certificate: Path | None) -> None:
    """Until the process ends."""
    tls = None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    listening = await asyncio.start_server(server.connection, "127.0.0.1", 0, ssl=tls, limit=4 << 20, backlog=64)
    port = listening.sockets[0].getsockname()[1]
    server.url = f"{'https' if tls else 'http'}://localhost:{port}"
    print(server.url, flush=True)
    await listening.serve_forever()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency", type=float, default=0.3)
    parser.add_argument("--faults", type=float, default=0.0)
    parser.add_argument("--answer", type=int, default=1 << 20, help="bytes of the mask in an answer")
    parser.add_argument("--certificate", type=Path, help="PEM with key and chain; without it plain HTTP")
    options = parser.parse_args()
    mask = "A" * (4 * options.answer // 3)
    fields = json.dumps({"data": mask, "shape": [1, 1024, 1024], "dtype": "uint8"})
    answer = json.dumps([{"image_features": fields, "text_features": ["liver"]}]).encode()
    asyncio.run(serve(ScoringServer(options.latency, options.faults, answer), options.certificate))


if __name__ == "__main__":
    main()
