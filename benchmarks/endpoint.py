"""How much of an endpoint's capacity our client uses, and what a request costs it, beside `MLClient.invoke`.

    python -m benchmarks.endpoint [--requests N] [--faulty N] [--calls N] [--skip-peer]

1. Throughput: a server process with 300 ms latency, 8 calls at once, no byte limit; the ideal is 8 ÷ 0.3 s.
2. The same with 5 % of the requests answered 429 or 500 or never (a third each). The client's read time-out is
   0.75 s, two and a half times the server's latency: each time-out blocks a slot that long, which alone takes
   5 % ÷ 3 × 0.75 s ÷ 0.3 s ≈ 4 % of the ideal; a time-out of 2 s would take 10 %. The server counts the ids it served:
   none may be missing or come twice.
3. CPU seconds of this process a request, both over HTTPS to one server without latency, 8 calls at once, the same
   bytes: ours through the whole transport (hash, cache look-up, limits, circuit, records), and
   `azure.ai.ml.MLClient.online_endpoints.invoke` with a request file that is written beforehand. Rounds alternate.

Bodies are MedImageParse requests with a PNG of about 1 MB; an answer carries one 1024 × 1024 mask.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

from domain.privacy import Deidentified
from inference.medimageparse import request_body
from inference.transport.result_cache import ResultCache
from inference.transport.retry import RetryPolicy
from inference.transport.transport import Endpoint, EndpointTransport, Shared, open_client

LATENCY_S, CONCURRENCY, TIME_OUT_S, FAULTS = 0.3, 8, 0.75, 0.05
MARK = "benchmark"


@dataclass(frozen=True)
class Line:
    """A row of the table."""

    what: str
    ours: str
    beside: str
    ratio: str
    wanted: str
    met: bool


def png() -> bytes:
    """A grey 1024 × 1024 phantom with a scanner's noise as RGB PNG, about 1 MB."""
    y, x = np.mgrid[:1024, :1024]
    noise = np.random.default_rng(0).normal(0, 4, (1024, 1024))
    grey = (127 + 80 * np.sin(x / 60) * np.cos(y / 80) + noise).clip(0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(np.stack([grey] * 3, -1)).save(out, "PNG")
    return out.getvalue()


class Bodies:
    """Requests that differ in their prompt only, made without encoding the image again."""

    def __init__(self) -> None:
        self._before, self._after = request_body(png(), [MARK]).split(MARK.encode())

    def __call__(self, number: int) -> bytes:
        return b"".join((self._before, f"{MARK} {number}".encode(), self._after))


@contextmanager
def scoring_server(*options: str) -> Iterator[str]:
    """A server process; yields its URL."""
    command = [sys.executable, "-m", "benchmarks.scoring_server", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


async def throughput(url: str, bodies: Bodies, requests: int) -> tuple[float, dict[str, Any], dict[str, Any]]:
    """Answers a second, what the server counted, and our own counters. A call that fails ends the benchmark."""
    endpoint = Endpoint(f"{url}/score", name="bench", concurrency=CONCURRENCY)
    async with open_client(read_s=TIME_OUT_S) as client:
        transport = EndpointTransport(endpoint, client, policy=RetryPolicy(tries=6, base_s=0.2))
        numbers = iter(range(requests))

        async def worker() -> None:
            for number in numbers:
                await transport.score(Deidentified(bodies(number), MARK))

        await transport.score(Deidentified(bodies(-1), MARK))
        (await client.get(f"{url}/counts")).raise_for_status()
        started = time.perf_counter()
        # More callers than slots: who waits between two tries leaves his slot to others.
        await asyncio.gather(*(worker() for _ in range(2 * CONCURRENCY)))
        seconds = time.perf_counter() - started
        counted: dict[str, Any] = (await client.get(f"{url}/counts")).json()
    return requests / seconds, counted, transport.traffic.snapshot()[endpoint.label]


def throughput_line(bodies: Bodies, requests: int, faults: float, wanted: float) -> Line:
    """One run against a server of its own."""
    with scoring_server("--latency", str(LATENCY_S), "--faults", str(faults)) as url:
        rate, counted, traffic = asyncio.run(throughput(url, bodies, requests))
    ideal = CONCURRENCY / LATENCY_S
    served: dict[str, int] = counted["served"]
    lost, doubled = requests - len(served), sum(times - 1 for times in served.values())
    injected = ", ".join(f"{times} × {fault}" for fault, times in sorted(counted["injected"].items()))
    what = f"throughput, {requests} requests" + (f", injected {injected}" if injected else "")
    facts = f"lost {lost}, doubled {doubled}, retries {traffic['retries']}, at once {counted['most']}"
    met = rate / ideal >= wanted and not lost and not doubled and counted["most"] <= CONCURRENCY
    return Line(what, f"{rate:.2f}/s ({facts})", f"ideal {ideal:.2f}/s", f"{rate / ideal:.1%}", f"≥ {wanted:.0%}", met)


def our_round(url: str, trust: ssl.SSLContext, bodies: Bodies, calls: int, first: int, deployment: str = "") -> float:
    """CPU seconds a request through our transport; cache, observer and rates are on."""

    async def go() -> float:
        endpoint = Endpoint(
            f"{url}/score",
            key="k1",
            deployment=deployment,
            name="bench",
            concurrency=CONCURRENCY,
            requests_per_s=1e6,
            bytes_per_s=1e12,
        )
        told: list[object] = []
        async with open_client(trust=trust) as client:
            shared = Shared(cache=ResultCache(16 << 20), on_call=told.append)
            transport = EndpointTransport(endpoint, client, shared=shared)

            async def one(number: int) -> None:
                await transport.score(Deidentified(bodies(number), MARK))

            await asyncio.gather(*(one(first - n - 1) for n in range(CONCURRENCY)))
            started = time.process_time()
            numbers = iter(range(first, first + calls))

            async def worker() -> None:
                for number in numbers:
                    await one(number)

            await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))
            return (time.process_time() - started) / calls

    return asyncio.run(go())


def ml_client(url: str) -> Any:
    """Microsoft's client, told that our server is its cloud."""
    from azure.ai.ml import MLClient
    from azure.core.credentials import AccessToken

    class Fixed:
        def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
            return AccessToken("token", int(time.time()) + 3600)

    cloud = {
        "azure_portal": url,
        "resource_manager": f"{url}/",
        "active_directory": f"{url}/",
        "aml_resource_id": url,
        "storage_endpoint": "localhost",
        "registry_discovery_endpoint": f"{url}/",
    }
    return MLClient(Fixed(), "sub", "rg", "ws", cloud="Benchmark", cloud_metadata=cloud, enable_telemetry=False)


def peer_round(client: Any, file: Path, calls: int, deployment: str = "") -> float:
    """CPU seconds a request through `invoke`, from as many threads as we have calls at once."""

    def one(_: int) -> None:
        client.online_endpoints.invoke("bench", request_file=str(file), deployment_name=deployment or None)

    with ThreadPoolExecutor(CONCURRENCY) as threads:
        list(threads.map(one, range(CONCURRENCY)))
        started = time.process_time()
        list(threads.map(one, range(calls)))
        return (time.process_time() - started) / calls


def cpu_lines(bodies: Bodies, calls: int, rounds: int = 3) -> list[Line]:
    """Both over HTTPS, alternating, in this process: with a deployment named, and without."""
    import trustme

    authority = trustme.CA()
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with tempfile.TemporaryDirectory() as folder:
        ca, certificate, file = (Path(folder) / name for name in ("ca.pem", "server.pem", "request.json"))
        authority.cert_pem.write_to_path(str(ca))
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(certificate))
        file.write_bytes(bodies(0))
        os.environ["REQUESTS_CA_BUNDLE"] = str(ca)
        lines = []
        with scoring_server("--latency", "0", "--certificate", str(certificate)) as url:
            peer = ml_client(url)
            for deployment in ("blue", ""):
                first = iter(range(10**6, 10**9, 10**6))
                pairs = [
                    (
                        our_round(url, trust, bodies, calls, next(first), deployment),
                        peer_round(peer, file, calls, deployment),
                    )
                    for _ in range(rounds)
                ]
                lines.append(_cpu_line(pairs, calls, deployment))
    return lines


def _cpu_line(pairs: list[tuple[float, float]], calls: int, deployment: str) -> Line:
    ours, theirs = (median(side) for side in zip(*pairs, strict=True))
    ratio = median(t / o for o, t in pairs)
    with_ = "deployment named" if deployment else "no deployment named"
    return Line(
        f"client CPU a request, HTTPS, {with_}, {len(pairs)} × {calls} calls each",
        f"{ours * 1e3:.1f} ms",
        f"MLClient.invoke {theirs * 1e3:.1f} ms",
        f"{ratio:.2f}×",
        "≥ 2.5×",
        ratio >= 2.5,
    )


def table(lines: list[Line]) -> str:
    """The lines as one table."""
    rows = [("", "ours", "beside", "ratio", "wanted", "met")]
    rows += [
        (line.what, line.ours, line.beside, line.ratio, line.wanted, "yes" if line.met else "NO") for line in lines
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def main() -> int:
    """Command line; exit 1 when something that is wanted was not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=320, help="of the run without faults")
    parser.add_argument("--faulty", type=int, default=960, help="of the run with faults")
    parser.add_argument("--calls", type=int, default=80, help="of a CPU round")
    parser.add_argument("--skip-peer", action="store_true", help="leave MLClient out")
    options = parser.parse_args()
    bodies = Bodies()
    print(f"body {len(bodies(0)) / 1e6:.2f} MB, PNG {len(png()) / 1e6:.2f} MB", flush=True)
    lines = [
        throughput_line(bodies, options.requests, 0.0, 0.95),
        throughput_line(bodies, options.faulty, FAULTS, 0.90),
        *([] if options.skip_peer else cpu_lines(bodies, options.calls)),
    ]
    print(table(lines))
    return 0 if all(line.met for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
