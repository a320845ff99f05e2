"""A long CT series through `segment_series`: peak memory and slices a second, against an endpoint of real HTTP.

    python -m benchmarks.volume [--slices 500] [--targets 4] [--delay-ms 0]

The endpoint is a process of its own that answers at once with masks of an organ's size; so the client is the
bottleneck, and its memory is at its worst. Each way runs in a fresh process, so that one's peak is not the other's.
Floor: the volume itself and, for each target, one byte a voxel: what any result in source pixels takes.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import resource
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from domain.geometry import Geometry
from domain.model import Window
from domain.study import Instance, Series, Volume

SIDE = 512
MODEL_SIDE = 1024
MEGABYTE = 10**6
WINDOW = Window("abdomen", -150, 250)


@dataclass(frozen=True)
class Way:
    """One way to ask.

    Attributes:
        values: "hard" {0, 255}, "soft" (an organ with a rim), or "dense" (no voxel of any slice is 0).
        rows: images in a request.
        touch: read every mask, and the probability of soft ones, as the steps after segmentation do.
    """

    values: str
    rows: int = 1
    touch: bool = False

    @property
    def name(self) -> str:
        """A short name."""
        return f"{self.values}, {self.rows} row(s){', results read' if self.touch else ''}"


WAYS = (
    Way("hard"),
    Way("hard", rows=4),
    Way("soft"),
    Way("dense"),
    Way("hard", touch=True),
    Way("soft", touch=True),
)


def masks(values: str, targets: int) -> np.ndarray:
    """(targets, 1024, 1024) uint8 that the endpoint answers: ellipses of a tenth of the image, each elsewhere."""
    axis = np.arange(MODEL_SIDE, dtype=np.float32)
    made = np.zeros((targets, MODEL_SIDE, MODEL_SIDE), np.uint8)
    for number in range(targets):
        row, column = 350 + 90 * (number % 4), 300 + 120 * (number % 4)
        distance = np.hypot((axis[:, None] - row) / 220, (axis[None, :] - column) / 150)
        soft = np.clip((1.08 - distance) * 8, 0, 1) * 255
        made[number] = np.where(distance <= 1, 255, 0) if values == "hard" else soft
    return np.maximum(made, 3) if values == "dense" else made


def answer_row(values: str, targets: int) -> bytes:
    """One row of the endpoint's answer, JSON in JSON as Azure sends it."""
    data = base64.b64encode(masks(values, targets).tobytes()).decode()
    features = json.dumps({"data": data, "shape": [targets, MODEL_SIDE, MODEL_SIDE], "dtype": "uint8"})
    return json.dumps({"image_features": features, "text_features": ["other organ"] * targets}).encode()


async def serve(values: str, targets: int, delay_ms: float) -> None:
    """Answer every request with as many rows as it has; print the port first."""
    row = answer_row(values, targets)

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                rows = body[:200].split(b'"index":[')[1].split(b"]")[0].count(b",") + 1
                await asyncio.sleep(delay_ms / 1000)
                answer = b"[" + b",".join([row] * rows) + b"]"
                start = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
                writer.write(start % len(answer))
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(client, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def series(slices: int) -> Volume:
    """An int16 CT with a body and noise that differ from slice to slice."""
    rng = np.random.default_rng(1)
    axis = np.linspace(-1, 1, SIDE, dtype=np.float32)
    body = np.hypot(axis[:, None] / 0.7, axis[None, :] / 0.9) < 1
    noise = rng.normal(0, 12, (8, SIDE, SIDE)).astype(np.int16)
    array = np.empty((slices, SIDE, SIDE), np.int16)
    for number in range(slices):
        array[number] = np.where(body, 40 + number % 50, -1000) + np.roll(noise[number % 8], number, axis=0)
    geometry = Geometry(
        shape=array.shape,
        pixel_spacing_mm=(0.8, 0.8),
        orientation=np.array([[1.0, 0, 0], [0, 1.0, 0]]),
        positions_mm=np.array([[0, 0, 1.0 * n] for n in range(slices)]),
    )
    return Volume(Series("1.2.3", "1.2", "CT", geometry, (Instance(Path("made.dcm"), "1.2.3.4"),)), array)


@asynccontextmanager
async def endpoint(values: str, targets: int, delay_ms: float) -> AsyncIterator[str]:
    """The endpoint's process, and its URL."""
    arguments = ["--serve", values, "--targets", str(targets), "--delay-ms", str(delay_ms)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.volume", *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        port = int((await process.stdout.readline()).decode())
        yield f"http://127.0.0.1:{port}/score"
    finally:
        process.terminate()
        await process.wait()


async def measure(way: Way, slices: int, targets: int, delay_ms: float) -> dict[str, Any]:
    """Run one way in this process."""
    from inference.medimageparse import MedImageParse
    from inference.series.row_batches import Batching
    from inference.series.volumes import PromptWindow, segment_series
    from inference.transport.transport import Endpoint, EndpointTransport, open_client
    from jobs.compute import ThreadCompute

    volume = series(slices)
    before = peak_mb()
    prompts = [PromptWindow(f"target {number}", WINDOW) for number in range(targets)]
    async with endpoint(way.values, targets, delay_ms) as url, open_client() as client:
        model = MedImageParse(EndpointTransport(Endpoint(url), client))
        cpu, start = time.process_time(), time.perf_counter()
        found = await segment_series(model, volume, prompts, compute=ThreadCompute(), batching=Batching(rows=way.rows))
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = peak_mb()
    voxels = 0
    if way.touch:
        kept = [(mask.array, mask.probability) for mask in found.values()]
        voxels = sum(int(np.count_nonzero(array)) for array, _ in kept)
    return {
        "before_mb": before,
        "peak_mb": peak,
        "read_mb": peak_mb(),
        "slices_per_s": slices / seconds,
        "cpu_ms": 1000 * cpu / slices,
        "voxels": voxels,
        "floor_mb": volume.array.nbytes * (1 + targets / 2) / MEGABYTE,
    }


def peak_mb() -> float:
    """Largest resident set of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE


def report(way: Way, found: dict[str, Any], first: dict[str, Any]) -> None:
    """One line a way; ratios to the first one."""
    peak = found["read_mb"] if way.touch else found["peak_mb"]
    print(
        f"{way.name:<28}{peak:8.0f} MB peak RSS ({found['before_mb']:.0f} before)"
        f"{peak / found['floor_mb']:7.2f} × floor"
        f"{found['slices_per_s']:8.1f} slices/s ({found['slices_per_s'] / first['slices_per_s']:.2f} ×)"
        f"{found['cpu_ms']:7.0f} ms CPU a slice"
    )


def main(arguments: list[str] | None = None) -> int:
    """Run and print; 0 when all ways ran."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.volume", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--slices", type=int, default=500)
    parser.add_argument("--targets", type=int, default=4)
    parser.add_argument("--delay-ms", type=float, default=0.0, help="how long the endpoint waits before it answers")
    parser.add_argument("--ways", type=int, nargs="*", help=f"numbers 0–{len(WAYS) - 1}; all when left out")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve:
        asyncio.run(serve(options.serve, options.targets, options.delay_ms))
        return 0
    if options.one is not None:
        found = asyncio.run(measure(WAYS[options.one], options.slices, options.targets, options.delay_ms))
        print(json.dumps(found))
        return 0
    size = f"--slices={options.slices}", f"--targets={options.targets}", f"--delay-ms={options.delay_ms}"
    print(
        f"{options.slices} × {SIDE} × {SIDE} int16, {options.targets} targets, endpoint waits {options.delay_ms:g} ms"
    )
    first: dict[str, Any] | None = None
    for number in options.ways if options.ways is not None else range(len(WAYS)):
        command = [sys.executable, "-m", "benchmarks.volume", f"--one={number}", *size]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        first = first or found
        report(WAYS[number], found, first)
    return 0


if __name__ == "__main__":
    sys.exit(main())
