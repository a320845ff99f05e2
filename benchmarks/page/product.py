"""The product in a process and a folder of its own, for as long as it is measured."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
START_S = 180.0


@contextmanager
def product() -> Iterator[str]:
    """Its address, once it answers; ends it and removes its folder afterwards.

    Raises:
        RuntimeError: it did not start; with its last words.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="medimage-page-") as name:
        folder = Path(name)
        settings = {"MEDIMAGE_DATA_DIR": str(folder / "data"), "MEDIMAGE_SERVER__PORT": str(port)}
        with (folder / "log").open("w+") as log:
            process = subprocess.Popen(
                [sys.executable, "app.py", "serve"], cwd=ROOT, env=os.environ | settings, stdout=log, stderr=log
            )
            try:
                _wait(f"http://127.0.0.1:{port}", process, folder / "log")
                yield f"http://127.0.0.1:{port}"
            finally:
                process.terminate()
                process.wait(60)


def send(address: str, archive: bytes) -> str:
    """Send an archive of images; the UID of its study."""
    reply = httpx.post(f"{address}/api/v1/studies", files=[("files", ("stack.zip", archive))], timeout=600)
    reply.raise_for_status()
    return str(reply.json()["studies"][0]["study_uid"])


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + START_S
    while time.monotonic() < give_up and process.poll() is None:
        try:
            if httpx.get(f"{address}/readyz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"The product did not start: {log.read_text('utf-8')[-800:]}")
